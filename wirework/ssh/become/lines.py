"""Command lines for the remote login shell, as the login user or as another one."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wirework.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

METHODS = ("sudo", "su", "doas")
MAX_COMMAND = 131_071
"""Bytes that Linux accepts as one argument (MAX_ARG_STRLEN, execve(2)): sshd passes it as one."""

# What is asked has to be understood in every language, and the command keeps its own.
_ENGLISH = "l=${LC_ALL-}; LC_ALL=C; export LC_ALL"
_OWN_LANGUAGE = 'if [ -z "$1" ]; then unset LC_ALL; elif [ "${LC_ALL+x}" ]; then LC_ALL=$1; fi'
# su keeps the PATH of whoever calls it, which on Debian has no sbin for an ordinary user.
_SBIN = (
    "case $(id -u):$PATH: in 0:*/sbin:*) ;;"
    " 0:*) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH ;; esac"
)
# A terminal in raw mode has no end of file: a line with a dot is the end of the base64 before it.
_UNARMOUR = "sed -n -e '/^\\.$/q' -e p | base64 -d | \"$@\""


@dataclass(frozen=True, slots=True)
class Markers:
    """Words that only our own command lines make a host say, one set for one command."""

    token: str

    @classmethod
    def new(cls) -> Self:
        """Make words that nobody has used before."""
        return cls(secrets.token_hex(8))

    @property
    def begin(self) -> bytes:
        """Said on stderr just before sudo, su or doas is run."""
        return f"begin-{self.token}".encode()

    @property
    def prompt(self) -> bytes:
        """What sudo asks for the password with."""
        return f"prompt-{self.token}".encode()

    @property
    def ready(self) -> bytes:
        """Said on stderr by the other user, just before the command itself is run."""
        return f"ready-{self.token}".encode()

    @property
    def end(self) -> bytes:
        """Said after the output of a command on a terminal; its status and a dot follow."""
        return f"end-{self.token}-".encode()


def command_line(command: str | Sequence[str], *, user: str | None, method: str = "sudo") -> bytes:
    """Return what the login shell is sent, run as ``user`` without a password unless None.

    A str is shell text and stays as it is; a sequence is an argument list, and this is the one
    place that quotes it. Surrogate escapes become the bytes they stand for. ``method`` is sudo
    or doas. Raises BadInput for an empty command, a NUL in it, or one too long to be passed.
    """
    if user is None:
        _check_some(command)
        return _encode(command if isinstance(command, str) else shlex.join(command))
    # doas(1) sets HOME by itself.
    words = ["sudo", "-n", "-H"] if method == "sudo" else [method, "-n"]
    return _encode(shlex.join([*words, "-u", user, "--", *_words(command)]))


def spoken_line(
    command: str | Sequence[str], *, user: str, method: str, markers: Markers, feed: bool | None
) -> bytes:
    """Return what the login shell is sent to become ``user`` with a password, or by su.

    The markers say on stderr how far it has come. ``feed`` is None for a channel without a
    terminal. On one everything is said on stdout; True then means that the command's stdin comes
    as lines of base64 and a line with a dot, False that it has none. Raises BadInput as
    ``command_line`` does.
    """
    inner = [_OWN_LANGUAGE, "shift", _say("ready", markers), 'exec "$@"']
    outer = [_say("begin", markers), _ENGLISH]
    if feed is not None:
        inner[-1] = _UNARMOUR if feed else '"$@" </dev/null'
        # The command itself sees pipes, as everywhere else: no pager, no colours, no columns.
        # Its end is said, because what it leaves running may hold the pipe for ever.
        end = f"printf %s-%s-%s. end {markers.token} $?"
        inner[-1] = f"{{ {inner[-1]}; {end}; }} 2>&1 | cat"
        outer.insert(1, "stty raw -echo || exit")
    if method == "su":
        # What su itself says, on either stream, is not the command's; fd 3 is its stdout.
        inner[1:1] = [_SBIN, "exec 1>&3 3>&-"]
    text = shlex.quote("; ".join(inner))
    name = shlex.quote(user)
    asks = f"-S -p {markers.prompt.decode()}"
    outer.append(
        {
            "sudo": f'exec sudo {asks} -H -u {name} -- sh -c {text} sh "$l" "$@"',
            "su": f'exec su -s /bin/sh -c {text} -- {name} sh "$l" "$@" 3>&1 1>&2',
            "doas": f'exec doas -u {name} -- sh -c {text} sh "$l" "$@"',
        }[method]
    )
    return _encode(shlex.join(["sh", "-c", "; ".join(outer), "sh", *_words(command)]))


def _say(word: str, markers: Markers) -> str:
    # From two halves: sudo repeats a command line that it does not allow, markers and all.
    return f"printf %s-%s {word} {markers.token} >&2"


def _words(command: str | Sequence[str]) -> list[str]:
    """Return the argument list that runs a command without the login shell."""
    _check_some(command)
    return ["sh", "-c", command] if isinstance(command, str) else list(command)


def _check_some(command: str | Sequence[str]) -> None:
    if not command:
        raise BadInput("there is no command to run")


def _encode(line: str) -> bytes:
    text = line.encode("utf-8", "surrogateescape")
    if b"\0" in text:
        raise BadInput("a command cannot hold a NUL character")
    if len(text) > MAX_COMMAND:
        raise BadInput(
            f"the command is {len(text)} bytes long, more than the {MAX_COMMAND} a host accepts",
            hint="send the bulk on its standard input",
        )
    return text
