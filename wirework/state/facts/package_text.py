"""What apt, apk, dnf and their databases print, read by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wirework.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

Presence = Literal["yes", "no", "broken"]

DNF_WORDS = 3
"""Columns of ``dnf check-update``."""

# Awaiting or pending triggers (t, W) is installed: it is configured once the trigger was run.
_DPKG: dict[str, Presence] = {"i": "yes", "t": "yes", "W": "yes", "n": "no", "c": "no"}
_APK_PACKAGE = re.compile(r"(\S+?)-([0-9][^\s-]*-r[0-9]+)")


@dataclass(frozen=True)
class Found:
    """One package as a database tells it; ``leftover`` when only its configuration is there."""

    presence: Presence = "no"
    version: str | None = None
    leftover: bool = False


def _columns(line: str, count: int) -> list[str]:
    columns = line.split("\t")
    if len(columns) != count:
        raise Failed("the host gave no readable answer about its packages")
    return columns


def dpkg(names: Sequence[str], lines: Sequence[str]) -> dict[str, Found]:
    """Read dpkg-query(1): the second letter of a status tells how far a package came."""
    del names
    found: dict[str, Found] = {}
    for line in filter(None, lines):
        status, name, architecture, version = _columns(line, 4)
        letter = status[1:2]
        this = Found(_DPKG.get(letter, "broken"), version or None, leftover=letter == "c")
        for key in (name, f"{name}:{architecture}"):
            # One name may stand for several architectures: one that is installed is enough.
            if found.get(key, Found()).presence != "yes":
                found[key] = this
    return found


def apk(names: Sequence[str], lines: Sequence[str]) -> dict[str, Found]:
    """Read ``name-version-rN``: a name may hold dashes, a version begins with a digit."""
    found: dict[str, Found] = {}
    for line in filter(None, lines):
        if match := _APK_PACKAGE.fullmatch(line.strip()):
            found[match[1]] = Found("yes", match[2])
    return {name: found[name] for name in names if name in found}


def rpm(names: Sequence[str], lines: Sequence[str]) -> dict[str, Found]:
    """Read rpm -q; of a package that is not there it says so in a sentence, without tabs."""
    del names
    found: dict[str, Found] = {}
    for line in lines:
        if "\t" in line:
            name, _, epoch, version = _columns(line, 4)
            found[name] = Found("yes", version if epoch == "0" else f"{epoch}:{version}")
    return found


def apt_policy(names: Sequence[str], lines: Sequence[str]) -> dict[str, str]:
    """Read apt-cache policy: a line of the name, then the versions beneath it."""
    del names
    newer: dict[str, str] = {}
    name = installed = ""
    for line in lines:
        if line and not line.startswith(" "):
            name, installed = line.removesuffix(":"), ""
        elif line.startswith("  Installed: "):
            installed = line.split(": ", 1)[1]
        elif line.startswith("  Candidate: "):
            candidate = line.split(": ", 1)[1]
            if "(none)" not in (installed, candidate) and installed != candidate:
                newer[name] = candidate
    return newer


def apk_newer(names: Sequence[str], lines: Sequence[str]) -> dict[str, str]:
    """Read ``name-version < version``."""
    del names
    newer: dict[str, str] = {}
    for line in lines:
        left, _, right = line.partition(" < ")
        if right and (match := _APK_PACKAGE.fullmatch(left.strip())):
            newer[match[1]] = right.split()[0]
    return newer


def dnf_newer(names: Sequence[str], lines: Sequence[str]) -> dict[str, str]:
    """Read ``name.architecture  version  repository``, up to what others make obsolete."""
    newer: dict[str, str] = {}
    for line in lines:
        if line.startswith("Obsoleting"):
            break
        words = line.split()
        if len(words) == DNF_WORDS and (name := words[0].rpartition(".")[0]) in names:
            newer[name] = words[1]
    return newer


def nothing(names: Sequence[str], lines: Sequence[str]) -> dict[str, Any]:
    """Read nothing: the host has no manager to ask."""
    del names, lines
    return {}
