"""The rules of the house hold: lint, format, types and floors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.cli.tools import HOUSE, ROOT


@pytest.mark.house
@pytest.mark.parametrize("rule", HOUSE)
def test_rule_holds(rule: str) -> None:
    program, *words = HOUSE[rule]
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.xdist_group("house groups")
def test_tests_that_share_something_stay_together(request: pytest.FixtureRequest) -> None:
    """Groups are names behind tests, which pytest and pytest-xdist have to agree on."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith("@house groups")
