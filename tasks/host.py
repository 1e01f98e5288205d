"""This machine: names, addresses, interfaces, IPv6."""

from __future__ import annotations
