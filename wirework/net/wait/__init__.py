"""Waiting for services, sockets and files to be there, or to be gone."""

from __future__ import annotations

from wirework.net.wait.wait import Watch as Watch
from wirework.net.wait.wait import wait_for as wait_for
from wirework.net.wait.waited import Awaited as Awaited
from wirework.net.wait.waited import Waited as Waited
from wirework.net.wait.wish import Wish as Wish
