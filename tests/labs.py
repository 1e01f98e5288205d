"""Labs of containers for tests: ``lab_hosts`` makes them, ``lab_image`` gives one host of an image.

A lab is shared by all tests of one process that ask for the same; whoever breaks a host heals it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from tests.machine import require
from wirework import lab as labs
from wirework.lab import Lab


class LabHosts(Protocol):
    def __call__(
        self,
        count: int = 1,
        *,
        image: str = "debian",
        groups: Mapping[str, int] | None = None,
        images: Mapping[str, str] | None = None,
        bastion: bool = False,
        delay: float = 0.0,
    ) -> Lab: ...


class LabImage(Protocol):
    def __call__(self, name: str) -> Lab: ...


@pytest.fixture(scope="session")
def lab_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHosts]:
    """Gives labs of containers: ``lab_hosts(5)``, ``lab_hosts(groups={"web": 2, "db": 1})``."""
    require("podman")
    root = tmp_path_factory.mktemp(f"labs-{os.getpid()}-")
    _remove_labs_of_the_dead(root.parent)
    made: dict[str, Lab] = {}

    def make(
        count: int = 1,
        *,
        image: str = "debian",
        groups: Mapping[str, int] | None = None,
        images: Mapping[str, str] | None = None,
        bastion: bool = False,
        delay: float = 0.0,
    ) -> Lab:
        key = repr((count, image, groups, images, bastion, delay))
        if key not in made:
            made[key] = labs.up(
                root,
                name=f"lab-{len(made) + 1}",
                driver="podman",
                hosts=count,
                image=image,
                groups=groups,
                images=images,
                bastion=bastion,
                delay=delay,
            )
        return made[key]

    yield make
    for lab in made.values():
        labs.down(root, lab.name)


@pytest.fixture(scope="session")
def lab_image(lab_hosts: LabHosts) -> LabImage:
    """Gives a lab of one host, web1, of an image: ``lab_image("busybox")``."""

    def make(name: str) -> Lab:
        return lab_hosts(1, image=name)

    return make


def _remove_labs_of_the_dead(folder: Path) -> None:
    """Take down the labs of test runs that were killed; their folders tell whose they were."""
    runs = folder.parent if folder.name.startswith("popen-") else folder
    # Not **, which would also look into what tests left there, links that lead nowhere included.
    for place in ("pytest-*", "pytest-*/popen-*"):
        for state in runs.parent.glob(f"{place}/labs-*/.wirework/lab-*/state.json"):
            root = state.parents[2]
            if not psutil.pid_exists(int(root.name.split("-")[1])):
                labs.down(root, state.parent.name)
