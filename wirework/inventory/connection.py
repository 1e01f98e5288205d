"""How a host's variables say how to log in on it: our names and Ansible's, and their types."""

from __future__ import annotations

import math
import re
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wirework.documents import Map, Seq
from wirework.errors import InventoryError, SecretError
from wirework.secrets import Secret, secret

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSIBLE = {
    "ansible_host": "address",
    "ansible_port": "port",
    "ansible_user": "user",
    "ansible_ssh_private_key_file": "key",
    "ansible_become": "become",
    "ansible_become_user": "become_user",
    "ansible_password": "password",
}
_OPTIONAL = frozenset(("user", "key", "known_hosts", "gateway", "password", "connect_timeout"))
_MAX_PORT = 65_535
_PATHS = frozenset(("key", "known_hosts"))

# A name that starts with a dash could be taken for an option by the programs it is handed to.
_NAME = re.compile(r"(?:\w|::)[\w.:%-]*")
_USER = re.compile(r"[^\s\x00-\x1f-][^\s\x00-\x1f]*")


class Reader:
    """Reads the variables of one inventory, whose relative paths are below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # One Secret a source, so that a prompt asks once however often it is written.
        self._secrets: dict[str, Secret] = {}

    def split(self, given: Map) -> tuple[dict[str, Any], dict[str, Any]]:
        """Divide the variables of one level into connection settings, checked, and the rest.

        Settings go by our names; ``null`` takes back what a wider level says.
        ``{secret: SOURCE}`` becomes a Secret, at any depth.
        Raises InventoryError or SecretError with the ``file:line`` of what is wrong.
        """
        self._make_secrets(given)
        settings: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        written: dict[str, str] = {}
        for key, value in given.items():
            name = _ANSIBLE.get(key, key)
            if name not in _CHECKS:
                rest[key] = value
                continue
            if name in written:
                other = written[name]
                raise InventoryError(
                    f"{key} means the same as {other}, which {given.where(other)} gives",
                    where=given.where(key),
                    hint="keep one of the two",
                )
            written[name] = key
            settings[name] = self._setting(name, key, given)
        return settings, rest

    def _setting(self, name: str, key: str, given: Map) -> Any:
        value = given[key]
        if value is None and name in _OPTIONAL:
            return None
        is_right, expected = _CHECKS[name]
        if not is_right(value):
            if name == "password":  # whatever was written there must not be shown
                raise InventoryError(
                    f"{key} must not be written out in an inventory",
                    where=given.where(key),
                    hint=f'write {key}: {{secret: "env:NAME"}}',
                )
            raise InventoryError(
                f"{key} must be {expected}, not {reprlib.repr(value)}", where=given.where(key)
            )
        if name not in _PATHS:
            return value
        try:
            return self._folder / Path(value).expanduser()
        except RuntimeError:
            raise InventoryError(
                f"{key} starts with the home folder of nobody known", where=given.where(key)
            ) from None

    def _make_secrets(self, container: Map | Seq) -> None:
        """Replace every ``{secret: SOURCE}`` in ``container`` by the Secret it describes."""
        # Map and Seq are indexed alike, but share no type that says so.
        slots: Any = container
        keys = list(container) if isinstance(container, Map) else range(len(container))
        for key in keys:
            value = slots[key]
            if isinstance(value, Map) and list(value) == ["secret"]:
                slots[key] = self._secret(value)
            elif isinstance(value, Map | Seq):
                self._make_secrets(value)

    def _secret(self, given: Map) -> Secret:
        where = given.where("secret")
        source = given["secret"]
        if not isinstance(source, str):
            raise InventoryError("a secret must name its source as text", where=where)
        if source not in self._secrets:
            try:
                self._secrets[source] = secret(source)
            except SecretError as error:
                raise SecretError(error.message, where=where, hint=error.hint) from None
        return self._secrets[source]


def is_name(text: str) -> bool:
    """Whether ``text`` can be the name or address of a host."""
    return _NAME.fullmatch(text) is not None


def _is_port(value: object) -> bool:
    return type(value) is int and 1 <= value <= _MAX_PORT


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < cast("float", value) < math.inf


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_host(value: object) -> bool:
    return isinstance(value, str) and is_name(value)


def _is_user(value: object) -> bool:
    return isinstance(value, str) and _USER.fullmatch(value) is not None


_CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    "address": (_is_host, "a host name or an IP address"),
    "port": (_is_port, "a number from 1 to 65535"),
    "user": (_is_user, "the name of a user"),
    "key": (_is_path, "the path of a private key"),
    "known_hosts": (_is_path, "the path of a known_hosts file"),
    "gateway": (_is_host, "the name of a host of this inventory"),
    "become": (lambda value: isinstance(value, bool), "true or false"),
    "become_user": (_is_user, "the name of a user"),
    "password": (lambda value: isinstance(value, Secret), "a secret"),
    "connect_timeout": (_is_seconds, "a number of seconds above 0"),
}
