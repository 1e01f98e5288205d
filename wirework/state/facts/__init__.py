"""Questions that one POSIX-sh snippet asks a host many of, and how its answers are read.

A fact is a frozen dataclass: equal questions are one question. Its class knows how to ask any
number of them at once (``ask``) and how to read what comes back (``parse``). Snippets may
call ``ww_next`` to end one part of the answer and begin the next, so that answers may hold
any bytes. Everything here is pure; nothing here talks to a host.
"""

from __future__ import annotations

from wirework.state.facts.answers import ExitStatus as ExitStatus
from wirework.state.facts.base import ARGUMENTS_AT_ONCE as ARGUMENTS_AT_ONCE
from wirework.state.facts.base import Fact as Fact
from wirework.state.facts.base import PathFact as PathFact
from wirework.state.facts.base import is_within as is_within
from wirework.state.facts.base import parents as parents
from wirework.state.facts.base import quote as quote
from wirework.state.facts.login import Login as Login
from wirework.state.facts.login import Whoami as Whoami
from wirework.state.facts.paths import ABSENT as ABSENT
from wirework.state.facts.paths import CONTENT_LIMIT as CONTENT_LIMIT
from wirework.state.facts.paths import Content as Content
from wirework.state.facts.paths import Entry as Entry
from wirework.state.facts.paths import Glimpse as Glimpse
from wirework.state.facts.paths import Kind as Kind
from wirework.state.facts.paths import PathState as PathState
from wirework.state.facts.paths import Sha256 as Sha256
from wirework.state.facts.paths import Text as Text
