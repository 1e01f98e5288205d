"""What one host's login comes to: the inventory's word first, then ssh_config's, then ours."""

from __future__ import annotations

import getpass
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.ssh import config
from wirework.ssh.config import SSHConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.inventory import Host

SSH_PORT = 22
KEEPALIVE = 15
"""Seconds between two messages that ask a silent host whether it is still there."""
RETRIES = 2
"""How often a connection that is refused or reset is tried again."""
STRICT, ACCEPT_NEW = "strict", "accept-new"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how a host is logged in on, with nothing left open.

    ``address`` and ``port`` are connected to, or asked of the last of ``hops`` (``[user@]host
    [:port]`` of ssh_config's ProxyJump, in the order they are passed), or reached through
    ``proxy_command``; all three give way to the inventory's ``host.gateway``.
    ``keys`` are the private keys to try, or the default files when ``default_keys`` says so;
    ``only_keys`` keeps the agent's others out. ``known_hosts`` are the files that its key, under
    the name ``alias``, is looked for in; the first of them gets new ones. Times are in seconds.
    """

    host: Host
    address: str
    alias: str
    port: int
    user: str
    keys: tuple[Path, ...]
    default_keys: bool
    certificates: tuple[Path, ...]
    only_keys: bool
    agent: str | None
    known_hosts: tuple[Path, ...]
    host_keys: str
    hops: tuple[str, ...]
    proxy_command: str | None
    connect_timeout: float
    connect_retries: int
    keepalive: int
    unchecked: str | None = None
    """The place in ssh_config that turns the check of host keys off, which is not followed."""

    @property
    def place(self) -> str:
        """Where the host listens, for messages."""
        return f"{self.address} port {self.port}"


class Targets:
    """Finds the targets of one pool's hosts; each ssh_config is read once.

    ``known_hosts`` are asked for every host, after its own file; ``connect_timeout`` and
    ``connect_retries`` hold for hosts of which neither inventory nor ssh_config says any.
    """

    def __init__(
        self,
        *,
        known_hosts: Sequence[Path],
        connect_timeout: float,
        connect_retries: int = RETRIES,
    ) -> None:
        self._known_hosts = tuple(known_hosts)
        self._connect_timeout = connect_timeout
        self._connect_retries = connect_retries
        self._configs: dict[Path | None, SSHConfig] = {}
        self._lock = threading.Lock()

    def of(self, host: Host) -> Target:
        """Return the target of ``host``.

        Raises BadInput with the ``file:line`` of what is wrong in its ssh_config.
        """
        if host.connection != "ssh":
            raise BadInput(
                f"its ansible_connection is {host.connection!r}",
                where=host.name,
                hint="Wirework works on hosts over SSH",
            )
        said = self.config(host).lookup(
            host.address,
            user=host.user,
            port=host.port,
            first=[(key, value, "ssh_options") for key, value in host.ssh_options.items()],
        )
        address = said.hostname or host.address
        own_known_hosts = () if host.known_hosts is None else (host.known_hosts,)
        off = said.host_keys == "off"
        by_config = host.gateway is None  # else the inventory has said how the host is reached
        return Target(
            host=host,
            address=address,
            alias=said.host_key_alias or address,
            port=host.port or said.port or SSH_PORT,
            user=host.user or said.user or getpass.getuser(),
            keys=said.identity_files if host.key is None else (host.key,),
            # ssh_config can say "none", which empties the list as well.
            default_keys=host.key is None and "identityfile" not in said.where,
            certificates=said.certificate_files,
            only_keys=host.key is not None or bool(said.identities_only),
            agent=said.identity_agent,
            known_hosts=(*own_known_hosts, *self._files(said.known_hosts)),
            host_keys=host.host_keys or (STRICT if off else said.host_keys) or STRICT,
            hops=(said.proxy_jump or ()) if by_config else (),
            proxy_command=said.proxy_command if by_config else None,
            connect_timeout=host.connect_timeout or said.connect_timeout or self._connect_timeout,
            connect_retries=(
                self._connect_retries if host.connect_retries is None else host.connect_retries
            ),
            keepalive=KEEPALIVE if said.alive_interval is None else said.alive_interval,
            unchecked=said.where.get("stricthostkeychecking") if off else None,
        )

    def config(self, host: Host) -> SSHConfig:
        """Return the ssh_config that holds for ``host``; raises BadInput."""
        with self._lock:
            found = self._configs.get(host.ssh_config)
            if found is None:
                own = host.ssh_config
                found = SSHConfig.read((config.USER, config.SYSTEM) if own is None else (own,))
                self._configs[host.ssh_config] = found
            return found

    def _files(self, user_files: tuple[Path, ...] | None) -> tuple[Path, ...]:
        """Return the files that hold for every host; ssh_config may name others than the user's."""
        if user_files is None:
            return self._known_hosts
        usual = Path.home() / ".ssh" / "known_hosts"
        return (*user_files, *(file for file in self._known_hosts if file != usual))
