"""What the files say about one host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wirework.errors import BadInput
from wirework.ssh.config import settings, tokens
from wirework.ssh.config.conditions import ADDING, Sofar
from wirework.ssh.config.files import Reader, option
from wirework.ssh.config.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wirework.ssh.config.files import Blocks

_T = TypeVar("_T")

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Answer:
    """What the command line and the files say about a host; None or empty where they do not.

    ``identity_files`` leaves out ``none``: when it is empty and ``identityfile`` is in ``where``,
    no key is wanted. ``identity_agent`` is a socket's path, or ``none``. ``proxy_jump`` holds
    ``[user@]host[:port]``, the first to connect to first; () means ``none``. ``proxy_command`` is
    for a shell, its tokens filled in; ``proxycommand`` in ``where`` without one means ``none``.
    ``known_hosts`` is () for ``none``. ``host_keys`` is ``strict`` (yes, ask), ``accept-new`` or
    ``off``. ``connect_timeout`` and ``alive_interval`` are in seconds; 0 is no limit, and never.
    ``where`` has the ``file:line`` that decided each keyword, which is in lower case; of those
    that add up, the first.
    """

    hostname: str | None
    port: int | None
    user: str | None
    identity_files: tuple[Path, ...]
    certificate_files: tuple[Path, ...]
    identities_only: bool | None
    identity_agent: str | None
    proxy_jump: tuple[str, ...] | None
    proxy_command: str | None
    known_hosts: tuple[Path, ...] | None
    host_keys: str | None
    connect_timeout: float | None
    alive_interval: int | None
    host_key_alias: str | None
    where: Mapping[str, str]


class SSHConfig:
    """The lines of configuration files, read once; made by ``read``.

    ``notes`` names, as ``file:line: …``, the lines that OpenSSH would follow and we do not.
    """

    def __init__(self, blocks: Blocks, *, wants_final: bool, notes: tuple[str, ...]) -> None:
        self._blocks = blocks
        self._wants_final = wants_final
        self._local = tokens.Local.here()
        self.notes = notes

    @classmethod
    def read(cls, files: Sequence[Path]) -> SSHConfig:
        """Read files, the one that wins first; ``~`` is filled in, absent ones are empty.

        Every line is checked, whichever host it is for, as OpenSSH does. Keywords that do not
        say how to reach a host are passed over. Raises BadInput, its ``where`` a ``file:line``.
        """
        reader = Reader()
        blocks = [block for file in files for block in reader.read(file.expanduser())]
        notes = tuple(dict.fromkeys(reader.notes))
        return cls(tuple(blocks), wants_final=reader.wants_final, notes=notes)

    def lookup(
        self,
        destination: str,
        *,
        user: str | None = None,
        port: int | None = None,
        first: Sequence[tuple[str, str, str]] = (),
    ) -> Answer:
        """Return what is said about a host, called as on ssh's command line.

        ``user`` and ``port`` are given there, and win; ``first`` are its options (``-o``), each
        a keyword, a value and where they stand, and win over the files.
        Raises BadInput, its ``where`` that of the line, for a value that cannot be filled in.
        """
        sofar = Sofar(destination, self._local.user)
        if user is not None:
            sofar.take(Setting("user", (user,), ""))
        if port is not None:
            sofar.take(Setting("port", (str(port),), ""))
        for each in first:
            if (setting := option(*each)) is not None:
                sofar.take(setting)
        _follow(self._blocks, sofar)
        sofar.settle()
        if self._wants_final:
            sofar.begin_final()
            _follow(self._blocks, sofar)
        return _answer(sofar, self._local)


def _follow(blocks: Blocks, sofar: Sofar) -> None:
    """Take what applies. A file that is included under a condition applies under both."""
    host = sofar.host
    for block in blocks:
        if block.hosts is not None and not block.hosts(host):
            continue
        if block.match is not None and not block.match.holds(sofar):
            continue
        for item in block.body:
            if isinstance(item, Setting):
                sofar.take(item)
            else:
                _follow(item, sofar)


def _answer(sofar: Sofar, local: tokens.Local) -> Answer:
    """Turn the lines that decided into what they mean."""

    def said(keyword: str, meaning: Callable[[Setting], _T]) -> _T | None:
        setting = sofar.decided.get(keyword)
        return None if setting is None else _meant(setting, meaning)

    def paths(found: Iterable[Setting]) -> tuple[Path, ...]:
        return tuple(
            Path(path)
            for each in found
            if not each.is_none
            for path in _meant(each, lambda it: [tokens.fill_path(one, known) for one in it.values])
        )

    port = said("port", lambda it: settings.port(it.value))
    alias = said("hostkeyalias", lambda it: it.value.lower())
    hops = said("proxyjump", lambda it: () if it.is_none else it.values)
    known = tokens.of(
        local,
        destination=sofar.destination,
        host=sofar.host,
        port=port or SSH_PORT,
        user=sofar.about["user"],
        alias=alias,
        jump=hops[-1] if hops else "",
    )
    identities, certificates = (sofar.added.get(keyword, {}) for keyword in ADDING)
    lines = [
        *sofar.decided.values(),
        *(next(iter(added.values())) for added in sofar.added.values()),
    ]
    return Answer(
        hostname=said("hostname", lambda _: sofar.host),
        port=port,
        user=said("user", lambda it: it.value),
        identity_files=paths(identities.values()),
        certificate_files=paths(certificates.values()),
        identities_only=said("identitiesonly", lambda it: settings.flag(it.value)),
        identity_agent=said("identityagent", lambda it: _agent(it.value, known)),
        proxy_jump=said(
            "proxyjump",
            lambda _: tuple(tokens.fill(hop, tokens.for_commands(known)) for hop in hops or ()),
        ),
        proxy_command=said(
            "proxycommand",
            lambda it: None if it.is_none else tokens.fill_command(it.value, known),
        ),
        known_hosts=said("userknownhostsfile", lambda it: paths([it])),
        host_keys=said("stricthostkeychecking", lambda it: settings.host_keys(it.value)),
        connect_timeout=said("connecttimeout", lambda it: float(settings.seconds(it.value))),
        alive_interval=said("serveraliveinterval", lambda it: settings.seconds(it.value)),
        host_key_alias=alias,
        where={line.keyword: line.where for line in lines if line.where},
    )


def _meant(setting: Setting, meaning: Callable[[Setting], _T]) -> _T:
    try:
        return meaning(setting)
    except ValueError as error:
        raise BadInput(f"{setting.keyword}: {error}", where=setting.where) from None


def _agent(text: str, known: Mapping[str, str]) -> str:
    """Return the agent's socket; ``SSH_AUTH_SOCK`` and ``$NAME`` name a variable that has it."""
    if text == "SSH_AUTH_SOCK":
        return os.environ.get(text) or "none"
    if text.startswith("$") and not text.startswith("${"):
        return os.environ.get(text[1:]) or "none"
    return tokens.fill_path(text, known)
