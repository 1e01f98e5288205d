"""What sudo, su and doas say when they refuse, told in one line with what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.errors import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wirework.inventory import Host

NOT_FOUND = 127
"""What a shell ends with when there is no such command (POSIX, 2.8.2)."""
WORDS = 200
"""Characters of what was said that are worth repeating."""

_MANUAL = {"sudo": "sudoers(5)", "su": "su(1)", "doas": "doas.conf(5)"}
_NO_TERMINAL = {
    "sudo": "take requiretty from this user's Defaults, see sudoers(5)",
    "su": "use become_method: sudo or doas",
    "doas": "use become_method: sudo or su",
}
_NO_PASSWORD = {
    "sudo": "set become_password, or allow it in sudoers with NOPASSWD, see sudoers(5)",
    "su": "set become_password to the password of the user to become",
    "doas": "set become_password, or permit nopass in doas.conf(5)",
}
_LEAD = {
    "sudo": re.compile(
        r"sudo: |Sorry, user |.* is not in the sudoers file|.* is not allowed to (run|execute) "
    ),
    "doas": re.compile(r"doas: "),
}
"""How their own lines begin; sudo's prefix is the same in every language."""
# sudo warns of a host name that DNS does not know, and then does its work all the same.
_WARNING = "unable to resolve host"
_PASSWORD = re.compile(r"(?i)passwor[dt]|authenti|authoriz|passwd")
_REASONS: tuple[tuple[re.Pattern[str], str, Callable[[str], str]], ...] = (
    (
        re.compile(r"(?i)unknown (user|uid)|user .* does not exist|no passwd entry|no such user"),
        "there is no such user",
        lambda _: "check become_user",
    ),
    (
        re.compile(r"(?i)\btty\b|terminal"),
        "{method} wants a terminal",
        _NO_TERMINAL.__getitem__,
    ),
    (
        re.compile(r"(?i)change your password|expired|locked|account validation"),
        "the account or its password has expired or is locked",
        lambda _: "see chage(1), passwd(1) and faillock(8)",
    ),
    (
        re.compile(r"(?i)restricted shell|account is currently not available"),
        "its shell lets nobody in",
        lambda _: "use become_method: sudo, or log in as root",
    ),
    (
        re.compile(r"(?i)not in the sudoers|is not allowed|may not run|not permitted|denied"),
        "{method} does not allow it",
        lambda method: f"see {_MANUAL[method]}",
    ),
)
_LONG_COMMAND = re.compile(r"(allowed to (?:run|execute)) '(\S+) .*' as ")


def complaint(host: Host, method: str, status: int, said: bytes) -> CommandFailed | None:
    """Return the error that sudo or doas itself made, or None if the command ended so on its own.

    ``said`` is the beginning of what came on stderr, given that nothing came on stdout. They
    prefix their own lines in every language; whatever else was said, a command has run.
    """
    lines = lines_of(said)
    if not lines:
        return None
    if status == NOT_FOUND:
        return _not_installed(host, method, lines)
    if status != 1 or not all(_LEAD[method].match(line) for line in lines):
        return None
    if lines[-1].endswith(": command not found"):  # it would have run it
        return None
    return _told(host, method, lines, answered=False)


def refusal(host: Host, status: int, said: bytes, *, asked: bool, answered: bool) -> CommandFailed:
    """Return the error for a command that never began.

    ``asked``: the last that was heard is a question for a password; ``answered``: one was given.
    """
    lines = lines_of(said)
    method = host.become_method
    if status == NOT_FOUND and (error := _not_installed(host, method, lines)):
        return error
    if asked and (reason := _reason(host, method, lines)) is not None:
        return reason  # an expired password, say, that is to be changed
    if asked and answered:
        return _refused(host, method)
    if asked:
        return _wanted(host, method, "")
    return _told(host, method, lines, answered=answered)


def lines_of(said: bytes) -> list[str]:
    """Return what was said in lines that can be shown: without blank ones and control codes."""
    text = said.decode("utf-8", "replace").replace("\r", "\n")
    lines = ["".join(c if c.isprintable() else "?" for c in line) for line in text.split("\n")]
    return [line.strip() for line in lines if line.strip() and _WARNING not in line]


def _told(host: Host, method: str, lines: Sequence[str], *, answered: bool) -> CommandFailed:
    reason = _reason(host, method, lines)
    if reason is not None:
        return reason
    last = _words(lines[-1], method) if lines else ""
    if any(map(_PASSWORD.search, lines)):
        return _refused(host, method) if answered else _wanted(host, method, last)
    return _error(host, last or f"{method} gave no reason", f"see {_MANUAL[method]}")


def _reason(host: Host, method: str, lines: Sequence[str]) -> CommandFailed | None:
    for pattern, reason, advice in _REASONS:
        for line in lines:
            if pattern.search(line):
                what = f"{reason.format(method=method)} ({_words(line, method)})"
                return _error(host, what, advice(method))
    return None


def _refused(host: Host, method: str) -> CommandFailed:
    hint = "check become_password; it was tried once, so that nothing gets locked"
    return _error(host, f"{method} refused the password", hint)


def _wanted(host: Host, method: str, words: str) -> CommandFailed:
    what = f"{method} wants a password"
    return _error(host, f"{what} ({words})" if words else what, _NO_PASSWORD[method])


def _not_installed(host: Host, method: str, lines: Sequence[str]) -> CommandFailed | None:
    # Shells say it in their own words and language, but all of them name what they looked for:
    # "sh: 1: sudo: not found", "zsh:1: command not found: sudo".
    if not lines or not re.search(rf"(^|[\s:]){method}:\s|:\s*{method}$", lines[-1]):
        return None
    return _error(host, f"{method} is not installed", f"install {method}")


def _error(host: Host, what: str, hint: str) -> CommandFailed:
    return CommandFailed(f"cannot become {host.become_user}: {what}", where=host.name, hint=hint)


def _words(line: str, method: str) -> str:
    words = line.removeprefix(f"{method}: ").rstrip(".")
    return _LONG_COMMAND.sub(r"\1 \2 as ", words)[:WORDS]
