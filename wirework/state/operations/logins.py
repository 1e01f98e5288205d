"""Who may log in by which key, and who may become root."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath
from wirework.state.changes import Change
from wirework.state.facts import Entry, Fact, PathState, Whoami
from wirework.state.facts.accounts import Account, IsFolder, User
from wirework.state.operation import Steps, operation
from wirework.state.operations.accounts import check_name
from wirework.state.operations.attributes import attributes, octal
from wirework.state.operations.config import asking, lines_of, write
from wirework.state.operations.paths import absent

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_TYPE = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
KEY = re.compile(r"(?:^|\s)((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)")
SUDOERS_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""sudo passes over names with a dot (sudoers(5), "Including other files")."""
VISUDO = ("sh", "-c", 'PATH=$PATH:/usr/sbin:/sbin; exec visudo -cf "$1"', "sh", "%s")
"""Has a look at a file of rules; su(1) of some hosts knows no folders of servers' programs."""
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


@operation
def authorized_key(
    key: str,
    *,
    user: str = "",
    path: HostPath | None = None,
    options: str = "",
    exclusive: bool = False,
    present: bool = True,
) -> Steps:
    """Have a public key, or several in a line each, let people in as ``user``.

    The file is ~/.ssh/authorized_keys of ``user``, in the user's hands and nobody else's to
    read, or ``path``. ``options`` stand before each key (sshd(8)). With ``exclusive`` all other
    keys go; with ``present`` false these ones do.
    """
    wished = dict(_parsed(line, options) for line in key.splitlines() if line.strip())
    if not wished:
        raise BadInput("authorized_key: key is empty")
    if not user and path is None:
        raise BadInput("authorized_key needs user or path")
    if user:
        check_name("user", user)
    if exclusive and not present:
        raise BadInput("authorized_key: exclusive needs present: true")
    return _authorized_key(wished, user, path, exclusive=exclusive, present=present)


def _parsed(line: str, options: str) -> tuple[str, str]:
    """Return a key's base64 and its line in the file; BadInput when it is no public key."""
    kind, *rest = line.split()
    if not options.isprintable():
        raise BadInput("authorized_key: options hold a line end")
    if not line.strip().isprintable():
        raise BadInput("authorized_key: key holds what is no text")
    if not KEY_TYPE.fullmatch(kind) or not rest:
        raise BadInput("authorized_key: key is no public key", hint="ssh-ed25519 AAAA… ann@desk")
    try:
        blob = base64.b64decode(rest[0], validate=True)
    except binascii.Error:
        blob = b""
    # The type stands in the key once more (RFC 4253, section 6.6).
    if not blob.startswith(len(kind).to_bytes(4) + kind.encode()):
        raise BadInput(f"authorized_key: {kind} key is damaged", hint="copy it once more")
    return rest[0], f"{options} {' '.join([kind, *rest])}".strip()


def _authorized_key(
    wished: Mapping[str, str], user: str, path: str | None, *, exclusive: bool, present: bool
) -> Steps:
    # Where most homes are, so that the answer is there with everybody else's.
    guess = "/root" if user == "root" else f"/home/{user}"
    place = path or f"{guess}/.ssh/authorized_keys"
    asked = (*((User(user),) if user else ()), *_home_facts(path, guess), *asking(place))
    known: dict[Fact[Any], Any] = dict(zip(asked, (yield asked), strict=True))
    account: Account | None = known[User(user)] if user else None
    if user and account is None:
        raise Refused(f"there is no user {user}", hint="add a user step before this one")
    if path is None and account and account.home != guess:
        guess = account.home
        place = f"{guess}/.ssh/authorized_keys"
        asked = (*_home_facts(path, guess), *asking(place))
        known |= dict(zip(asked, (yield asked), strict=True))
    old = lines_of(place, known)
    new = _keys(old, wished, exclusive=exclusive, present=present)
    if not present and new == old:
        return
    if path is None and account:
        yield from _ssh_folder(guess, user, account, known)
    hands = (user, account.group) if account else ("", "")
    yield from write(place, new, mode=PRIVATE_FILE, owner=hands[0], group=hands[1])


def _home_facts(path: str | None, home: str) -> tuple[Fact[Any], ...]:
    return () if path else (IsFolder(home), PathState(f"{home}/.ssh"))


def _keys(
    old: list[str], wished: Mapping[str, str], *, exclusive: bool, present: bool
) -> list[str]:
    """Return the lines with each wished key once, or nowhere; each where it was before."""
    new: list[str] = []
    placed: set[str] = set()
    for line in old:
        found = None if line.lstrip().startswith("#") else KEY.search(line)
        blob = found[2] if found else ""
        if blob in wished:
            if present and blob not in placed:
                new.append(wished[blob])
            placed.add(blob)
        elif not (exclusive and line.strip() and not line.lstrip().startswith("#")):
            new.append(line)
    if present:
        new += [line for blob, line in wished.items() if blob not in placed]
    return new


def _ssh_folder(home: str, user: str, account: Account, known: Mapping[Fact[Any], Any]) -> Steps:
    path = f"{home}/.ssh"
    now: Entry = known[PathState(path)]
    if not known[IsFolder(home)]:
        raise Refused(f"user {user} has no home {home}", hint="user: create_home: true makes it")
    if now.kind == "directory":
        yield from attributes(path, now, mode=PRIVATE_FOLDER, owner=user, group=account.group)
    elif now.kind == "absent":
        wished = Entry("directory", mode=PRIVATE_FOLDER, owner=user, group=account.group)
        login = known[Whoami()]
        own = (login.user, login.group) == (user, account.group)
        yield Change(
            (
                "ww_folders",
                octal(PRIVATE_FOLDER),
                *(("", "") if own else (user, account.group)),
                path,
            ),
            says=f"folder {path}",
            verb="create",
            predicts={PathState(path): wished},
        )
    else:
        raise Refused(f"{path} is a {now.kind}, not a folder", hint="remove it first")


@operation
def sudoers(name: str, *, content: str = "", present: bool = True) -> Steps:
    """Have rules for sudo in /etc/sudoers.d/NAME, once visudo has looked at them."""
    if not SUDOERS_NAME.fullmatch(name):
        hint = "letters, digits, _ and -: sudo passes over others"
        raise BadInput(f"sudoers: {name[:60]!r} is no name", hint=hint)
    if present == (not content.strip()):
        raise BadInput("sudoers needs content, or present: false")
    path = posixpath.join("/etc/sudoers.d", name)
    if not present:
        return absent.function(HostPath(path))
    return write(
        path,
        content.rstrip("\n").split("\n"),
        mode=0o440,
        owner="root",
        group="root",
        validate=VISUDO,
    )
