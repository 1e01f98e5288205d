"""Names and addresses, asked of the system or of a DNS server."""

from __future__ import annotations
