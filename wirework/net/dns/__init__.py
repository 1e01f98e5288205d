"""Names and addresses, asked of the system or of DNS servers."""

from __future__ import annotations

from .answers import Answer as Answer
from .answers import Difference as Difference
from .answers import Lookup as Lookup
from .answers import Record as Record
from .answers import Status as Status
from .lookup import lookup as lookup
