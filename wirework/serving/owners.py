"""Which process has a port."""

from __future__ import annotations

import psutil


def owner_of_port(port: int) -> str:
    """Return the process that listens on a TCP port, as words: ``nginx (pid 812)``."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return "another process"
    for connection in connections:
        place = connection.laddr
        if connection.status != psutil.CONN_LISTEN or not place or place.port != port:
            continue
        if connection.pid is None:
            return "another user's process"
        try:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
        except psutil.Error:
            return f"pid {connection.pid}"
    return "another process"
