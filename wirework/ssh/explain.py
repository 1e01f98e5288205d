"""What a host's login comes to, and who says so: the inventory, ssh_config, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wirework.inventory import explain as inventory_explain
from wirework.inventory.explain import OPTIONS, Explanation, Source, args_of
from wirework.inventory.settings import NAMES, SETTINGS
from wirework.inventory.views import plain
from wirework.ssh.hostkeys import default_known_hosts
from wirework.ssh.pool import Pool
from wirework.ssh.target import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wirework.inventory import Host, Inventory
    from wirework.inventory.settings import Setting
    from wirework.ssh.config import Answer
    from wirework.ssh.target import Target

CONFIG, DEFAULT = "ssh_config", "default"


@dataclass(frozen=True, slots=True)
class HostExplained:
    """The settings and the variables of a host of which anybody says anything."""

    host: str
    settings: tuple[Explanation, ...]
    vars: tuple[Explanation, ...]


def explain(inventory: Inventory, host: Host, name: str) -> Explanation:
    """Explain a variable, or a setting by any of its names, down to ssh_config and the default.

    Nothing is connected to. Raises InventoryError for what nobody says and is no setting,
    BadInput for an ssh_config that cannot be read.
    """
    if name not in NAMES:
        return inventory_explain.variable(inventory, host, name)
    return _Login(inventory, host).setting(NAMES[name][0])


def explain_all(inventory: Inventory, host: Host) -> HostExplained:
    """Explain every setting that inventory or ssh_config gives, and every variable.

    Raises BadInput for an ssh_config that cannot be read.
    """
    login = _Login(inventory, host)
    settings = (login.setting(each) for each in SETTINGS)
    said = (each for each in settings if any(source.layer != DEFAULT for source in each.sources))
    return HostExplained(host.name, tuple(said), inventory_explain.variables(inventory, host))


@dataclass(frozen=True, slots=True)
class _Keyword:
    """A keyword of ssh_config that says a setting; ``adds`` where its lines add to each other."""

    name: str
    said: Callable[[Answer], Any]
    adds: bool = False


_KEYWORDS: Mapping[str, tuple[_Keyword, ...]] = {
    "address": (_Keyword("HostName", lambda said: said.hostname),),
    "port": (_Keyword("Port", lambda said: said.port),),
    "user": (_Keyword("User", lambda said: said.user),),
    "key": (_Keyword("IdentityFile", lambda said: said.identity_files, adds=True),),
    "known_hosts": (_Keyword("UserKnownHostsFile", lambda said: said.known_hosts),),
    "host_keys": (_Keyword("StrictHostKeyChecking", lambda said: said.host_keys),),
    "gateway": (
        _Keyword("ProxyJump", lambda said: said.proxy_jump),
        _Keyword("ProxyCommand", lambda said: said.proxy_command),
    ),
    "connect_timeout": (_Keyword("ConnectTimeout", lambda said: said.connect_timeout),),
}

_EFFECTIVE: Mapping[str, Callable[[Target], Any]] = {
    "address": lambda target: target.address,
    "port": lambda target: target.port,
    "user": lambda target: target.user,
    "key": lambda target: _alone(target.keys),
    "known_hosts": lambda target: target.known_hosts,
    "host_keys": lambda target: target.host_keys,
    "gateway": lambda target: target.host.gateway or _alone(target.hops) or target.proxy_command,
    "connect_timeout": lambda target: target.connect_timeout,
    "connect_retries": lambda target: target.connect_retries,
}
"""What the settings come to of which ssh_config or a default may have the last word."""

_IN_WORDS = {
    "key": "your agent's keys and ~/.ssh/id_*",
    "ssh_config": "~/.ssh/config and /etc/ssh/ssh_config",
}
"""Defaults that are no single value."""

_NOT_INSTEAD = ("address", "known_hosts")
"""Settings for which ssh_config is asked all the same: it maps an address, and adds files."""

_ASKED = "is the name that ssh_config is asked for"
_NOT_FOLLOWED = "is not followed: host keys are checked"
_NO_LIMIT = "is no limit, which there has to be"


class _Login:
    """What is known of one host's login."""

    def __init__(self, inventory: Inventory, host: Host) -> None:
        self._inventory = inventory
        self._host = host
        self._config = Targets(known_hosts=(), connect_timeout=1.0).config(host)
        self._target: Target | None = None
        if host.connection == "ssh":
            with Pool(gateways=inventory.hosts.__getitem__) as pool:
                self._target = pool.remote(host).target

    def setting(self, setting: Setting) -> Explanation:
        """Explain one setting."""
        explained = inventory_explain.setting(self._inventory, self._host, setting)
        sources = list(explained.sources)
        value = explained.value
        if self._target is not None and setting.name in _EFFECTIVE:
            value = plain(_EFFECTIVE[setting.name](self._target))
            sources = self._with_ssh_config(setting.name, sources)
        if setting.name == "known_hosts" or not any(source.wins for source in sources):
            default = _IN_WORDS.get(setting.name, value)
            if setting.name == "known_hosts":
                usual = [str(path) for path in default_known_hosts()]
                default = [path for path in value or () if path in usual]
            sources.append(Source("", DEFAULT, setting.name, default, wins=True))
        ordered = sorted(sources, key=lambda source: not source.wins)
        return replace(explained, value=value, sources=tuple(ordered))

    def _with_ssh_config(self, name: str, sources: list[Source]) -> list[Source]:
        """Add what ssh_config says, and before it the inventory's own words for that."""
        keywords = _KEYWORDS.get(name, ())
        found = [*self._of_options(keywords), *self._of_files(name, keywords)]
        taken = any(source.wins for source in sources) and name not in _NOT_INSTEAD
        added = []
        for keyword, source in found:
            wins = not taken and not source.note
            taken = taken or (wins and not keyword.adds)
            added.append(replace(source, wins=wins))
        if name == "address" and any(source.wins for source in added):
            sources = [replace(source, wins=False, note=_ASKED) for source in sources]
        return [*sources, *added]

    def _of_options(self, keywords: Sequence[_Keyword]) -> Iterator[tuple[_Keyword, Source]]:
        options = inventory_explain.setting(self._inventory, self._host, NAMES[OPTIONS][0])
        for source in options.sources:
            said = {key.lower(): value for key, value in args_of(source).options.items()}
            for keyword in keywords:
                value = said.get(keyword.name.lower())
                if source.wins and value is not None:
                    note = _why_not(keyword, value.lower())
                    yield keyword, replace(source, value=value, note=note)

    def _of_files(
        self, name: str, keywords: Sequence[_Keyword]
    ) -> Iterator[tuple[_Keyword, Source]]:
        """Ask as the login does, but for what the inventory says of the setting itself."""
        if not keywords:
            return
        host = self._host
        answer = self._config.lookup(
            host.address,
            user=None if name == "user" else host.user,
            port=None if name == "port" else host.port,
        )
        for keyword in keywords:
            if where := answer.where.get(keyword.name.lower()):
                value = plain(_alone(keyword.said(answer)))
                note = _why_not(keyword, value)
                yield keyword, Source(where, CONFIG, keyword.name, value, wins=False, note=note)


def _why_not(keyword: _Keyword, value: object) -> str:
    """Return why we do not do what ssh would; "" if we do."""
    if keyword.name == "StrictHostKeyChecking" and value in ("off", "no", "false"):
        return _NOT_FOLLOWED
    if keyword.name == "ConnectTimeout" and value in (0, "0"):
        return _NO_LIMIT
    return ""


def _alone(values: Any) -> Any:
    """Return the only one of several values, all of them, or None for no value."""
    if not isinstance(values, tuple):
        return values
    return values[0] if len(values) == 1 else values or None
