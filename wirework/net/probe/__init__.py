"""One connection to a server, and at which of its stages it fails, and why."""

from __future__ import annotations

from .asking import Asking as Asking
from .probe import probe as probe
from .results import Probe as Probe
from .results import Stage as Stage
from .tls import Tls as Tls
