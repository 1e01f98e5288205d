"""Unix sockets: serve, send, and talk to a child process."""

from __future__ import annotations
