"""Throwaway hosts to rehearse on: ``up`` makes them, ``status`` looks, ``down`` leaves nothing.

Importing it raises BadInput where the ``lab`` extra is not installed.
"""

from __future__ import annotations

from importlib.util import find_spec

from wirework.errors import BadInput

for _package in ("asyncssh", "psutil"):
    if find_spec(_package) is None:
        raise BadInput(f"the lab needs {_package}", hint="pip install 'wirework[lab]'")

# The imports stand below, where their packages are known to be there.
from wirework.lab.durations import seconds as seconds  # noqa: E402  (see above)
from wirework.lab.groups import images as images  # noqa: E402  (see above)
from wirework.lab.groups import sizes as sizes  # noqa: E402  (see above)
from wirework.lab.labs import down as down  # noqa: E402  (see above)
from wirework.lab.labs import driver_name as driver_name  # noqa: E402  (see above)
from wirework.lab.labs import fault as fault  # noqa: E402  (see above)
from wirework.lab.labs import heal as heal  # noqa: E402  (see above)
from wirework.lab.labs import run_shell as run_shell  # noqa: E402  (see above)
from wirework.lab.labs import shell_command as shell_command  # noqa: E402  (see above)
from wirework.lab.labs import status as status  # noqa: E402  (see above)
from wirework.lab.labs import up as up  # noqa: E402  (see above)
from wirework.lab.model import Down as Down  # noqa: E402  (see above)
from wirework.lab.model import Lab as Lab  # noqa: E402  (see above)
from wirework.lab.model import LabHost as LabHost  # noqa: E402  (see above)
from wirework.lab.model import State as State  # noqa: E402  (see above)
