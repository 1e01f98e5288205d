"""The command line's own floor: decorators, rendering and exit codes. Only it prints."""

from .decorators import fleet_task as fleet_task
from .decorators import task as task
