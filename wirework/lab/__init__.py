"""Throwaway hosts to rehearse on: ``up`` makes them, ``status`` looks, ``down`` leaves nothing.

Importing it raises BadInput where the ``lab`` extra is not installed.
"""

from __future__ import annotations

from importlib.util import find_spec

from wirework.errors import BadInput

for _package in ("asyncssh", "psutil"):
    if find_spec(_package) is None:
        raise BadInput(f"the lab needs {_package}", hint="pip install 'wirework[lab]'")

from wirework.lab.embedded import down as down  # noqa: E402  (only once its packages are there)
from wirework.lab.embedded import status as status  # noqa: E402  (the same)
from wirework.lab.embedded import up as up  # noqa: E402  (the same)
from wirework.lab.groups import sizes as sizes  # noqa: E402  (the same)
from wirework.lab.model import Down as Down  # noqa: E402  (the same)
from wirework.lab.model import Lab as Lab  # noqa: E402  (the same)
from wirework.lab.model import LabHost as LabHost  # noqa: E402  (the same)
from wirework.lab.model import State as State  # noqa: E402  (the same)
