"""A chat room for people with this suite, or with nc."""

from __future__ import annotations
