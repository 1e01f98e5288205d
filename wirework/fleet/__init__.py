"""Bounded fan-out over hosts: one host's trouble never hides another's answer."""

from __future__ import annotations

from wirework.fleet.batches import split as split
from wirework.fleet.crew import Crew as Crew
from wirework.fleet.fan_out import Watcher as Watcher
from wirework.fleet.fan_out import fan_out as fan_out
from wirework.fleet.outcome import Outcome as Outcome
from wirework.fleet.outcome import Report as Report
from wirework.fleet.outcome import Status as Status
