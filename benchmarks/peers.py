"""The tools beside which we measure, in a virtual environment of their own that is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = ("ansible-core", "clustershell", "mitogen", "parallel-ssh", "pyinfra>=3")
INSTALL_TIMEOUT = 600.0


def folder() -> Path:
    """Return where the peers are installed: in the user's cache, never in the project."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "wirework" / f"benchmark-peers-{sys.version_info.major}.{sys.version_info.minor}"


def installed() -> Path:
    """Return the peers' ``bin`` folder; the first call installs them with pip."""
    home = folder()
    done = home / "installed"
    if not done.exists() or done.read_text() != "\n".join(PACKAGES):
        print(f"installing {', '.join(PACKAGES)} into {home} …", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        pip = [str(home / "bin" / "pip"), "install", "--quiet", *PACKAGES]
        subprocess.run(pip, check=True, timeout=INSTALL_TIMEOUT)
        done.write_text("\n".join(PACKAGES))
    return home / "bin"
