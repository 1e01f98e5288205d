"""What every test may use, and the word at the end about what was not tested."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.machine import missing
from wirework import lab as labs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirework.lab import Lab

# In CI every run tries the same examples; at a desk each run tries new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
hypothesis.settings.register_profile("long", max_examples=1000)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

# What runs in the background ignores Ctrl-C, and so would every server and shell of the tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.labs",  # real hosts
    "tests.servers.fixtures",  # a real server of each kind, for whoever asks for it
]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three throwaway hosts (web1, web2, web3) that the tests of one process share.

    Whoever writes on them writes below a folder of its own.
    """
    root = tmp_path_factory.mktemp("lab")
    yield labs.up(root, ports="free")
    labs.down(root)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this machine could not test."""
    absent = missing()
    if absent:
        names = ", ".join(f"{need.name} ({need.purpose})" for need in absent)
        terminalreporter.write_line(f"Missing here, so not tested: {names}", yellow=True)
