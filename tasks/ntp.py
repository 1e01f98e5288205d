"""What time servers say, and whether they agree."""

from __future__ import annotations
