"""What time servers say, and whether they agree: NTPv4 and SNTP (RFC 5905, RFC 4330)."""

from __future__ import annotations

from .compare import Comparison as Comparison
from .compare import Interval as Interval
from .compare import Judged as Judged
from .compare import Verdict as Verdict
from .compare import compare as compare
from .compare import intersection as intersection
from .packet import Packet as Packet
from .packet import decode as decode
from .query import Answers as Answers
from .query import Asking as Asking
from .query import query as query
from .readings import Reading as Reading
from .readings import Sample as Sample
from .readings import Status as Status
