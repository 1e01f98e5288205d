"""Throwaway hosts to rehearse on: ``up`` makes them, ``status`` looks, ``down`` leaves nothing.

Importing it raises BadInput where the ``lab`` extra is not installed.
"""

from __future__ import annotations

from importlib.util import find_spec

from wirework.errors import BadInput

if find_spec("asyncssh") is None:
    raise BadInput("the lab needs asyncssh", hint="pip install 'wirework[lab]'")

# The imports stand below, where their packages are known to be there.
from wirework.lab.groups import images as images
from wirework.lab.groups import sizes as sizes
from wirework.lab.labs import down as down
from wirework.lab.labs import driver_name as driver_name
from wirework.lab.labs import fault as fault
from wirework.lab.labs import heal as heal
from wirework.lab.labs import run_shell as run_shell
from wirework.lab.labs import shell_command as shell_command
from wirework.lab.labs import status as status
from wirework.lab.labs import up as up
from wirework.lab.model import Down as Down
from wirework.lab.model import Lab as Lab
from wirework.lab.model import LabHost as LabHost
from wirework.lab.model import State as State
