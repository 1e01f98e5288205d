"""How to log in, as it is said on the command line, whatever the inventory says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wirework.errors import BadInput
from wirework.inventory import Host
from wirework.secrets import secret
from wirework.ssh.become import METHODS


@dataclass(frozen=True, kw_only=True)
class Login:
    """What is said of every host; what is empty, or less than 0, is left to the inventory."""

    connect_retries: int = -1
    user: str = ""
    become: bool = False
    become_user: str = ""
    become_method: str = ""
    become_password: str = ""

    def of(self, hosts: Iterable[Host]) -> tuple[Host, ...]:
        """Return the hosts with that in place; raises BadInput, or SecretError."""
        settings = self._settings()
        if not settings:
            return tuple(hosts)
        return tuple(dataclasses.replace(host, **settings) for host in hosts)

    def _settings(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if self.connect_retries >= 0:
            said["connect_retries"] = self.connect_retries
        if self.user:
            said["user"] = self.user
        if self.become or self.become_user:
            said["become"] = True
        if self.become_user:
            said["become_user"] = self.become_user
        if self.become_method:
            if self.become_method not in METHODS:
                hint = f"one of {', '.join(METHODS)}"
                raise BadInput(f"--become-method is {self.become_method!r}", hint=hint)
            said["become_method"] = self.become_method
        if self.become_password:
            said["become_password"] = secret(self.become_password)
        return said
