"""What time servers say, and whether they agree: NTPv4 and SNTP (RFC 5905, RFC 4330)."""

from __future__ import annotations

from wirework.net.ntp.compare import Comparison as Comparison
from wirework.net.ntp.compare import Interval as Interval
from wirework.net.ntp.compare import Judged as Judged
from wirework.net.ntp.compare import Verdict as Verdict
from wirework.net.ntp.compare import compare as compare
from wirework.net.ntp.compare import intersection as intersection
from wirework.net.ntp.packet import Packet as Packet
from wirework.net.ntp.packet import decode as decode
from wirework.net.ntp.query import Answers as Answers
from wirework.net.ntp.query import Asking as Asking
from wirework.net.ntp.query import query as query
from wirework.net.ntp.readings import Reading as Reading
from wirework.net.ntp.readings import Sample as Sample
from wirework.net.ntp.readings import Status as Status
