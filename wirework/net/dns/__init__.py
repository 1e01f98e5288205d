"""Names and addresses, asked of the system or of DNS servers."""

from __future__ import annotations

from wirework.net.dns.answers import Answer as Answer
from wirework.net.dns.answers import Difference as Difference
from wirework.net.dns.answers import Lookup as Lookup
from wirework.net.dns.answers import Record as Record
from wirework.net.dns.answers import Status as Status
from wirework.net.dns.lookup import lookup as lookup
