"""The passwords of Ansible Vault: where they come from and which one to try first.

Source: Ansible's guide to vaults, "Managing vault passwords", and ansible-vault(1).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import SecretError
from wirework.secrets.fetch import expanded, from_command, from_file, from_prompt
from wirework.secrets.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_VARIABLE = "WIREWORK_VAULT"
DEFAULT_LABEL = "default"
"""What Ansible calls a password and a text that have no label."""

_EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class Password:
    """One password: ``name`` is how its source was written, ``value`` is fetched when used."""

    label: str
    name: str
    value: Once[bytes]


class Passwords:
    """The passwords to try, each fetched when it is first needed, once; threads may share them.

    Each is written ``PATH``, ``LABEL@PATH``, ``prompt`` or ``LABEL@prompt``. A path that is
    executable is run, and what it prints is the password; when its name without its ending ends
    in ``-client`` it is told ``--vault-id LABEL``. Relative paths start in the current folder.
    """

    def __init__(self, *written: str) -> None:
        self._known = [_password(entry.strip()) for entry in written if entry.strip()]

    @classmethod
    def from_environment(cls) -> Passwords:
        """Return those of ``$WIREWORK_VAULT``, or else those that Ansible's variables name.

        ``WIREWORK_VAULT`` and ``ANSIBLE_VAULT_IDENTITY_LIST`` hold any number, separated by
        commas; ``ANSIBLE_VAULT_PASSWORD_FILE`` is one path.
        """
        if own := os.environ.get(OWN_VARIABLE):
            return cls(*own.split(","))
        theirs = os.environ.get("ANSIBLE_VAULT_IDENTITY_LIST", "").split(",")
        if path := os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE"):
            theirs.append(f"{DEFAULT_LABEL}@{path}")
        return cls(*theirs)

    def ordered(self, label: str) -> list[Password]:
        """Return all of them, those for ``label`` first."""
        return sorted(self._known, key=lambda password: password.label != label)


def _password(written: str) -> Password:
    label, at, path = written.partition("@")
    if not at or "/" in label:  # the path of a folder with an @ in its name
        label, path = "", written
    fetch: Callable[[], bytes]
    if path == "prompt":
        fetch = partial(_typed, label or DEFAULT_LABEL)
    else:
        fetch = partial(_from_path, path, label)
    return Password(label or DEFAULT_LABEL, written, Once(partial(_not_empty, fetch, written)))


def _typed(label: str) -> bytes:
    hint = f"set {OWN_VARIABLE} to the path of a password file"
    return from_prompt(f"Vault password ({label})", hint=hint).strip().encode()


def _from_path(path: str, label: str) -> bytes:
    what = "the vault password file"
    place = expanded(Path.cwd(), path, what)
    if not (place.is_file() and place.stat().st_mode & _EXECUTABLE):
        return from_file(Path.cwd(), path, what).strip()
    is_client = label and place.stem.endswith("-client")
    argv = [str(place), *(["--vault-id", label] if is_client else [])]
    hint = f"if it is no script, take that right away: chmod -x {path}"
    return from_command(Path.cwd(), argv, "the vault password script", hint=hint).strip(b"\r\n")


def _not_empty(fetch: Callable[[], bytes], written: str) -> bytes:
    password = fetch()
    if not password:
        raise SecretError(f"the vault password of {written} is empty")
    return password
