"""One connection per host, shared by everything that a run does there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from wirework.errors import BadInput
from wirework.ssh.connect import Connector
from wirework.ssh.hostkeys import default_known_hosts
from wirework.ssh.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wirework.errors import WireworkError
    from wirework.inventory import Host


class Pool:
    """The connections of one run, made when first needed and all closed at its end.

    ``known_hosts`` are the files that host keys are checked against, None for
    ``default_known_hosts()``. ``connect_timeout`` bounds, in seconds, connecting, and then
    greeting and key exchange together; ``login_timeout`` all attempts to log in.
    ``gateways`` finds the host that another one names as its gateway, or raises KeyError.
    ``listen`` hears the live output of ``run``: the host, "out" or "err", and the bytes, in the
    thread that works on that host.

    >>> with Pool(gateways=inventory.hosts.__getitem__) as pool:
    ...     run(pool.remote(host), "uptime")
    """

    def __init__(
        self,
        *,
        known_hosts: Sequence[Path] | None = None,
        connect_timeout: float = 10.0,
        login_timeout: float = 30.0,
        gateways: Callable[[str], Host] | None = None,
        listen: Callable[[Host, str, bytes], None] | None = None,
    ) -> None:
        self._connector = Connector(
            known_hosts=default_known_hosts() if known_hosts is None else known_hosts,
            connect_timeout=connect_timeout,
            login_timeout=login_timeout,
        )
        self._gateways = gateways
        self._listen = listen
        self._remotes: dict[Host, Remote] = {}
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remote(self, host: Host) -> Remote:
        """Return the host's one Remote; nothing is connected yet.

        Raises BadInput once the pool is closed.
        """
        with self._lock:
            if self._closed:
                raise BadInput("the connections of this run are closed", where=host.name)
            found = self._remotes.get(host)
            if found is None:
                found = Remote(
                    host, self._connector, via=lambda: self._gateway(host), listen=self._listen
                )
                self._remotes[host] = found
            return found

    def give_up(self, host: Host) -> WireworkError:
        """End all work on ``host`` at once, for good, and return the error that says so.

        Never waits. Unreachable if the host was never logged in on, TimedOut otherwise.
        """
        return self.remote(host).give_up()

    def close(self) -> None:
        """Close every connection; whoever still works on one finds it lost."""
        with self._lock:
            self._closed = True
            remotes = list(self._remotes.values())
        # All are told to end before the first is waited for: 2,000 ends cost one wait.
        for remote in remotes:
            remote.give_up()
        for remote in remotes:
            remote.close()

    def _gateway(self, host: Host) -> Remote | None:
        if host.gateway is None:
            return None
        if self._gateways is None:
            raise BadInput(f"nothing is known of its gateway {host.gateway}", where=host.name)
        try:
            gateway = self._gateways(host.gateway)
        except KeyError:
            raise BadInput(
                f"its gateway {host.gateway} is not in the inventory", where=host.name
            ) from None
        if gateway.gateway is not None:
            raise BadInput(
                f"its gateway {gateway.name} is itself behind {gateway.gateway}",
                where=host.name,
                hint="only one gateway may stand between",
            )
        return self.remote(gateway)
