"""The operations: pure generators, one module a family. One exists when it is listed here."""

from wirework.state.operation import Operation
from wirework.state.operations.command import command
from wirework.state.operations.files import file, line, template
from wirework.state.operations.paths import absent, directory, link

OPERATIONS: dict[str, Operation] = {
    each.name: each for each in (absent, command, directory, file, line, link, template)
}
"""Every operation by its name."""
