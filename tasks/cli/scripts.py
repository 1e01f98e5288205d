"""What came of a script on hosts, for people."""

from __future__ import annotations

from typing import Any

from wirework.fleet import Report
from wirework.ssh.script import WouldRun

from . import fleet, views


def answers(report: Report[Any]) -> None:
    """Print what the script said, or where it would be run: once for all that are alike."""
    if any(isinstance(outcome.value, WouldRun) for outcome in report.outcomes):
        fleet.show_answers(report)
    else:
        views.answers(report)
