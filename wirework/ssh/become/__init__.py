"""Running a command as the login user, or as another one by sudo, su or doas.

Where no password is involved that is one command line and nothing else (``Quick``). Otherwise
there is something to be said before the command begins (``Talk``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.ssh.become.lines import METHODS as METHODS
from wirework.ssh.become.lines import Markers, command_line, spoken_line
from wirework.ssh.become.quick import Quick
from wirework.ssh.become.start import Job
from wirework.ssh.become.start import Start as Start
from wirework.ssh.become.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wirework.inventory import Host
    from wirework.ssh.channel import Sink


def prepare(
    host: Host,
    command: str | Sequence[str],
    *,
    become: bool,
    stdin: bytes | Iterable[bytes],
    stdout: Sink,
    stderr: Sink,
    combine: bool,
) -> Start:
    """Return how to run ``command`` on ``host``, as its ``become_user`` if ``become``.

    Raises BadInput for a command that cannot be sent, an unknown method or a password of no
    use, and SecretError when the password cannot be fetched.
    """

    def job(line: bytes) -> Job:
        return Job(host=host, line=line, stdin=stdin, stdout=stdout, stderr=stderr, combine=combine)

    method = host.become_method
    user = host.become_user
    if not become:
        return Quick(job(command_line(command, user=None)), method=None)
    if method not in METHODS:
        raise BadInput(
            f"{method!r} is no way to become another user",
            where=host.name,
            hint=f"become_method is one of {', '.join(METHODS)}",
        )
    if host.become_password is None and method != "su":
        return Quick(job(command_line(command, user=user, method=method)), method=method)
    markers = Markers.new()
    # Only doas insists on a terminal; sudo and su take the password from any stdin.
    terminal = method == "doas"
    feed = stdin != b"" if terminal else None
    line = spoken_line(command, user=user, method=method, markers=markers, feed=feed)
    return Talk(job(line), markers, terminal=terminal)
