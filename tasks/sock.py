"""Sockets: probe, wait for, serve, connect, forward, and look at their options."""

from __future__ import annotations
