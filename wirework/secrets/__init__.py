"""Values that never show: not in str, repr, JSON, pickles, logs or tracebacks."""

from __future__ import annotations

from wirework.secrets.passwords import Passwords as Passwords
from wirework.secrets.secret import Secret as Secret
from wirework.secrets.sources import Sources as Sources
from wirework.secrets.sources import secret as secret
