"""One connection to a server, and at which of its stages it fails, and why."""

from __future__ import annotations

from wirework.net.probe.asking import Asking as Asking
from wirework.net.probe.certificate import Certificate as Certificate
from wirework.net.probe.probe import probe as probe
from wirework.net.probe.results import Probe as Probe
from wirework.net.probe.results import Stage as Stage
from wirework.net.probe.tls import Tls as Tls
