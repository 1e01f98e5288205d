"""The clients that people have, against every model."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.machine import require
from tests.serving.talk import ECHO, MODELS
from wirework.serving.limits import Limits
from wirework.serving.listen import Place
from wirework.serving.running import running

DATA = bytes(range(256)) * 2000


@pytest.mark.parametrize("model", MODELS)
def test_nc_gets_everything_back(model: str) -> None:
    require("nc")
    with running(ECHO, model=model, limits=Limits(quiet=0.05)) as server:
        host, port = server.address
        done = subprocess.run(
            ["nc", "-N", host, str(port)], input=DATA, capture_output=True, check=True, timeout=30
        )
    assert done.stdout == DATA


@pytest.mark.parametrize("model", MODELS)
def test_socat_gets_everything_back_over_tcp_and_unix(model: str, tmp_path: Path) -> None:
    require("socat")
    places = [Place("::1"), Place("", path=str(tmp_path / "s"))]
    with running(ECHO, places, model=model, limits=Limits(quiet=0.05)) as server:
        for target in (f"TCP6:[::1]:{server.places[0].port}", f"UNIX:{server.places[1].path}"):
            done = subprocess.run(
                ["socat", "-t", "10", "-", target],
                input=DATA,
                capture_output=True,
                check=True,
                timeout=30,
            )
            assert done.stdout == DATA
