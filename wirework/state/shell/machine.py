"""The machine: its name, time zone and kernel settings."""

from __future__ import annotations

MACHINE = r"""
ww_sysctl() { printf '%s\n' "$2" >"$1"; }
"""
"""Functions for changes."""
