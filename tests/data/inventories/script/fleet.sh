#!/bin/sh
test "$1" = --list || exit 9
cat "$(dirname "$0")/data.json"
