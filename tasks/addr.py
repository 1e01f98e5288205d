"""Addresses: their spellings, subnets, byte orders, and the names of ports."""

from __future__ import annotations
