"""Every error that Wirework raises, so that one look says what to catch.

::

    WireworkError
    ├── BadInput                  the request is wrong; nothing was touched
    │   ├── DocumentError         a YAML file that cannot be read as it stands
    │   ├── InventoryError        a file that reads, but describes no fleet
    │   ├── PatternError          a host pattern that is malformed or matches nothing
    │   ├── ArgumentError         a parameter that is missing, unknown or of a wrong kind
    │   ├── PlaybookError         a play, role or step that is not what its signature says
    │   ├── TemplateError         a template that cannot be rendered
    │   └── SecretError           a secret that cannot be fetched
    ├── Unreachable               the host could not be talked to
    │   ├── HostKeyUnknown        its key is in no known_hosts file
    │   ├── HostKeyChanged        its key is not the one we know
    │   └── AuthenticationFailed  it refused every way of logging in
    └── Failed                    the host was reached, and the work did not succeed
        ├── CommandFailed         a command ended with a status it should not have
        ├── Refused               the work would destroy what nobody asked to destroy
        ├── TimedOut              the work was still going on when the time was up
        └── LabError              a throwaway host could not be started or stopped
"""

from __future__ import annotations


class WireworkError(Exception):
    """What failed, where, and what to do next, in one line.

    ``where`` is a place to open (``inventory.yaml:12``) or a host's name; ``hint`` is the next
    step for whoever reads it. ``str()`` of any error is a single line.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Some of its kinds take more than a message to make; the rest of an error is its __dict__.
        return _again, (type(self), self.message), self.__dict__

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.hint:
            text = f"{text} ({self.hint})"
        return " ".join(text.split())


class BadInput(WireworkError):
    """The request is wrong; nothing was touched."""


class DocumentError(BadInput):
    """A YAML file cannot be read as it stands."""


class InventoryError(BadInput):
    """An inventory file reads, but describes no fleet."""


class PatternError(BadInput):
    """A host pattern is malformed or matches nothing."""


class ArgumentError(BadInput):
    """A parameter is missing, unknown or of a wrong kind; ``parameter`` names it."""

    def __init__(self, message: str, *, parameter: str, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.parameter = parameter


class PlaybookError(BadInput):
    """A play, role or step is not what its signature says."""


class TemplateError(BadInput):
    """A template cannot be rendered."""


class SecretError(BadInput):
    """A secret cannot be fetched."""


class Unreachable(WireworkError):
    """The host could not be talked to."""


class HostKeyUnknown(Unreachable):
    """The host's key is in no known_hosts file."""


class HostKeyChanged(Unreachable):
    """The host's key is not the one that known_hosts holds."""


class AuthenticationFailed(Unreachable):
    """The host refused every way of logging in that was tried."""


class Failed(WireworkError):
    """The host was reached, and the work did not succeed."""


class CommandFailed(Failed):
    """A command ended with a status it should not have."""


class Refused(Failed):
    """The work would destroy something that nobody asked to destroy."""


class TimedOut(Failed):
    """The work was still going on when the time was up."""


class LabError(Failed):
    """A throwaway host could not be started or stopped."""


def _again(kind: type[WireworkError], message: str) -> WireworkError:
    """Return an error as it was pickled, of which pickle then fills in the rest."""
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    return error
