"""Users and groups, by the tools of shadow or else those of busybox."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.secrets import Secret
from wirework.state.arguments import HostPath, Names
from wirework.state.changes import Change, Payload
from wirework.state.facts.accounts import (
    Account,
    Gid,
    Group,
    IsFolder,
    Password,
    Shadow,
    Uid,
    User,
)
from wirework.state.operation import Steps, operation

if TYPE_CHECKING:
    from wirework.state.facts import Fact

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
"""What useradd(8) of some host takes for a name; a number alone would be taken for an id."""
HASH = re.compile(r"[*]|[$][A-Za-z0-9_-]+[$][!-9;-~]+")
"""A hash as crypt(5) writes it, or ``*``: no password opens the account."""
NO_PASSWORD = hashlib.sha256(b"").hexdigest()
LARGEST_ID = 2**32 - 2
FIELD = re.compile(r"[^:\n\0]*")
"""What may stand between the colons of passwd(5)."""


@operation
def group(
    name: str, *, gid: int | None = None, system: bool = False, present: bool = True
) -> Steps:
    """Have a group, or none of that name when ``present`` is false.

    ``gid`` is its number, else the host picks one, for a new ``system`` group a low one.
    """
    check_name("group", name)
    _check_id("gid", gid)
    if gid is not None and not present:
        raise BadInput("a group that shall be gone has no gid")
    return _group(name, gid, system=system, present=present)


def _group(name: str, gid: int | None, *, system: bool, present: bool) -> Steps:
    there, number = yield (Group(name), Gid(name))
    if not present and there:
        yield Change(
            ("ww_groupdel", name),
            says=f"group {name}",
            verb="remove",
            predicts={Group(name): False, Gid(name): None},
        )
    elif present and not there:
        yield _new_group(name, gid, system=system)
    elif present and gid is not None and gid != number:
        yield Change(
            ("ww_shadow", "groupmod", "-g", str(gid), name),
            says=f"group {name} gid {number} -> {gid}",
            predicts={Gid(name): gid},
        )


def _new_group(name: str, gid: int | None, *, system: bool) -> Change:
    predicts: dict[Fact[Any], Any] = {Group(name): True}
    if gid is not None:
        predicts[Gid(name)] = gid
    return Change(
        ("ww_groupadd", name, "" if gid is None else str(gid), "r" if system else ""),
        says=f"group {name}",
        verb="create",
        predicts=predicts,
    )


@dataclass(frozen=True)
class _Wish:
    """A user as somebody wants it; None is not asked for."""

    name: str
    uid: int | None
    group: str
    groups: tuple[str, ...] | None
    append: bool
    shell: str
    home: str
    create_home: bool
    comment: str | None
    system: bool
    password: str | None = field(repr=False)
    locked: bool | None


@operation
def user(
    name: str,
    *,
    uid: int | None = None,
    group: str = "",
    groups: Names | None = None,
    append: bool = False,
    shell: str = "",
    home: HostPath | None = None,
    create_home: bool | None = None,
    comment: str | None = None,
    system: bool = False,
    password: Secret | None = None,
    locked: bool | None = None,
    present: bool = True,
    remove: bool = False,
) -> Steps:
    """Have a user, or none of that name when ``present`` is false.

    A new one gets a group of its own name, /home/NAME (which is made, unless it is a ``system``
    user) and /bin/sh, unless told; one that is there keeps what is not asked for. ``groups`` are
    all that it is in beside its ``group``, or with ``append`` some of them. ``password`` is a
    crypt(5) hash. ``remove`` takes the home away with the user.
    """
    check_name("user", name)
    for each in (*([group] if group else ()), *(groups or ())):
        check_name("group", each)
    _check_id("uid", uid)
    for word, value in (("shell", shell), ("home", home or ""), ("comment", comment or "")):
        if not FIELD.fullmatch(value):
            raise BadInput(f"user: {word} holds a colon or a line end")
    if home is not None and not home.startswith("/"):
        raise BadInput(f"user: home {home} is not absolute")
    if remove and present:
        raise BadInput("user: remove goes with present: false")
    if not present:
        return _no_user(name, remove=remove)
    secret = None if password is None else password.reveal()
    if secret is not None and not HASH.fullmatch(secret):
        hint = "a hash such as openssl passwd -6 makes"
        raise BadInput("user: password is no crypt hash", hint=hint)
    make = (not system) if create_home is None else create_home
    place = home or ""
    return _user(
        _Wish(
            *(name, uid, group, groups, append, shell, place, make),
            *(comment, system, secret, locked),
        )
    )


def check_name(kind: str, name: str) -> None:
    """Refuse what no host takes for the name of a user or group; raises BadInput."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{name[:40]!r} is no {kind} name", hint="letters, digits, _ . and -")


def _check_id(word: str, number: int | None) -> None:
    if number is not None and not 0 <= number <= LARGEST_ID:
        raise BadInput(f"{word} {number} is not between 0 and {LARGEST_ID}")


def _no_user(name: str, *, remove: bool) -> Steps:
    now = yield User(name)
    if now is None:
        return
    predicts: dict[Fact[Any], Any] = {User(name): None, Uid(name): None, Shadow(name): None}
    if remove:
        predicts[IsFolder(now.home)] = False
    yield Change(
        ("ww_userdel", name, "r" if remove else ""),
        says=f"user {name}" + (f" and {now.home}" if remove else ""),
        verb="remove",
        predicts=predicts,
        spoils=(now.home,) if remove else (),
    )


def _user(wish: _Wish) -> Steps:
    own = Group(wish.group or wish.name)
    others = tuple(Group(each) for each in wish.groups or ())
    asks_uid = (Uid(wish.name),) if wish.uid is not None else ()
    asks_shadow = (Shadow(wish.name),) if _concerns_password(wish) else ()
    now, *answers = yield (User(wish.name), own, *others, *asks_uid, *asks_shadow)
    known = dict(zip((own, *others, *asks_uid, *asks_shadow), answers, strict=True))
    needed = (*((own,) if wish.group else ()), *others)
    if missing := [fact.name for fact in needed if not known[fact]]:
        raise Refused(f"there is no group {missing[0]}", hint="add a group step before this one")
    if now is None:
        if not known[own]:
            yield _new_group(own.name, None, system=wish.system)
        made = _as_made(wish)
        yield _made(wish, made)
        password: Password | None = Password(NO_PASSWORD, locked=True)
    else:
        yield from _mended(wish, now, known.get(Uid(wish.name)))
        made, password = _wished(wish, now), known.get(Shadow(wish.name))
    yield from _memberships(wish, made)
    if _concerns_password(wish):
        yield from _password(wish, password)


def _concerns_password(wish: _Wish) -> bool:
    return wish.password is not None or wish.locked is not None


def _as_made(wish: _Wish) -> Account:
    return Account(
        group=wish.group or wish.name,
        home=wish.home or f"/home/{wish.name}",
        shell=wish.shell or "/bin/sh",
        comment=wish.comment or "",
    )


def _made(wish: _Wish, made: Account) -> Change:
    predicts: dict[Fact[Any], Any] = {
        User(wish.name): made,
        Shadow(wish.name): Password(NO_PASSWORD, locked=True),
    }
    if wish.create_home:
        predicts[IsFolder(made.home)] = True
    if wish.uid is not None:
        predicts[Uid(wish.name)] = wish.uid
    number = "" if wish.uid is None else str(wish.uid)
    flags = ("r" if wish.system else "", "m" if wish.create_home else "")
    return Change(
        ("ww_useradd", wish.name, number, made.group, made.home, made.shell, made.comment, *flags),
        says=f"user {wish.name}",
        verb="create",
        predicts=predicts,
        # What a new home holds is the host's own affair (/etc/skel).
        spoils=(made.home,) if wish.create_home else (),
    )


def _wished(wish: _Wish, now: Account) -> Account:
    """Return the user with all that is asked for but the groups beside the primary one."""
    first = wish.group or now.group
    return Account(
        group=first,
        home=wish.home or now.home,
        shell=wish.shell or now.shell,
        comment=now.comment if wish.comment is None else wish.comment,
        groups=tuple(each for each in now.groups if each != first),
    )


def _mended(wish: _Wish, now: Account, uid: int | None) -> Steps:
    """Yield the change of what passwd(5) holds."""
    wished = _wished(wish, now)
    table = (
        ("-g", "group", now.group, wished.group),
        ("-d", "home", now.home, wished.home),
        ("-s", "shell", now.shell, wished.shell),
        ("-c", "comment", now.comment, wished.comment),
        ("-u", "uid", str(uid), str(uid if wish.uid is None else wish.uid)),
    )
    differ = [row for row in table if row[2] != row[3]]
    if not differ:
        return
    predicts: dict[Fact[Any], Any] = {User(wish.name): wished}
    if wish.uid is not None:
        predicts[Uid(wish.name)] = wish.uid
    options = (word for option, _, _, new in differ for word in (option, new))
    said = ", ".join(f"{word} {old or 'none'} -> {new or 'none'}" for _, word, old, new in differ)
    yield Change(
        ("ww_shadow", "usermod", *options, wish.name),
        says=f"user {wish.name}: {said}",
        predicts=predicts,
        # With a new number or group, usermod(8) gives the home into those hands.
        spoils=(now.home,) if {"uid", "group"} & {row[1] for row in differ} else (),
    )


def _memberships(wish: _Wish, now: Account) -> Steps:
    """Yield the change of the groups that the user is in beside its own."""
    if wish.groups is None:
        return
    asked = set(wish.groups) - {now.group}
    groups = tuple(sorted(asked | set(now.groups) if wish.append else asked))
    joins = [f"+{each}" for each in groups if each not in now.groups]
    leaves = [f"-{each}" for each in now.groups if each not in groups]
    if joins or leaves:
        yield Change(
            ("ww_groups", wish.name, ",".join(groups), *joins, *leaves),
            says=f"user {wish.name} groups {' '.join([*joins, *leaves])}",
            predicts={User(wish.name): now.with_groups(groups)},
        )


def _password(wish: _Wish, now: Password | None) -> Steps:
    """Yield the change of what shadow(5) holds."""
    if now is None:
        raise Refused("only root sees passwords", hint="become: true works as root")
    digest = hashlib.sha256((wish.password or "").encode()).hexdigest()
    if wish.password is not None and digest != now.digest:
        # A new user's lock only says that there is no password yet.
        kept = now.locked and now.digest != NO_PASSWORD
        locked = kept if wish.locked is None else wish.locked
        line = f"{wish.name}:{'!' if locked else ''}{wish.password}\n".encode()
        yield Change(
            ("ww_chpasswd", str(len(line))),
            says=f"user {wish.name} password" + (", locked" if locked else ""),
            predicts={Shadow(wish.name): Password(digest, locked=locked)},
            payload=Payload.of_bytes(line),
            sensitive=True,
        )
    elif wish.locked is not None and wish.locked != now.locked:
        if now.digest == NO_PASSWORD and not wish.locked:
            raise Refused(f"user {wish.name} has no password to unlock", hint="give it one")
        yield Change(
            ("ww_shadow", "passwd", "-l" if wish.locked else "-u", wish.name),
            says=f"user {wish.name} {'locked' if wish.locked else 'unlocked'}",
            predicts={Shadow(wish.name): Password(now.digest, locked=wish.locked)},
            sensitive=True,
        )
