"""A YAML file of secrets: encrypted whole by Ansible Vault, or with values that are ``!vault``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wirework import documents
from wirework.documents import Map
from wirework.errors import DocumentError, SecretError
from wirework.secrets.once import Once
from wirework.secrets.secret import Secret
from wirework.secrets.vault import as_text, decrypt, is_vault, vault_secret

if TYPE_CHECKING:
    from pathlib import Path

    from wirework.documents import Tags
    from wirework.secrets.passwords import Passwords


class VaultFile:
    """A file that is read, and where it is encrypted decrypted, when first asked, once."""

    def __init__(self, path: Path, passwords: Passwords) -> None:
        self._path = path
        self._passwords = passwords
        self._contents = Once(self._read)

    def value(self, key: str) -> str:
        """Return the text under ``key``, which may be dotted: ``db.password``.

        Raises SecretError when there is none, when it is not text, and when nobody encrypted it.
        """
        whole, top = self._contents.get()
        place = _place(top, key)
        if place is None:
            raise SecretError(f"there is no key {key!r} in this file", where=str(self._path))
        holder, last = place
        found = holder[last]
        if isinstance(found, Secret):
            return found.reveal()
        if not whole:
            raise SecretError(
                f"{key} is not encrypted",
                where=holder.where(last),
                hint=f"ansible-vault encrypt_string --name {last}",
            )
        if not isinstance(found, str):
            raise SecretError(
                f"{key} is not text", where=holder.where(last), hint="quote it in the file"
            )
        return found

    def _read(self) -> tuple[bool, Map]:
        """Return whether the whole file is encrypted, and what it says."""
        name = str(self._path)
        whole = False
        tags: Tags = {
            "!vault": partial(_secret, self._passwords),
            "!unsafe": lambda text, _: text,
        }
        try:
            text = documents.text(self._path)
            whole = is_vault(text)
            if whole:
                text = as_text(decrypt(text, where=name, passwords=self._passwords), name)
            value = documents.parse(text, name, tags=tags).value
        except DocumentError as error:
            if whole:  # what its text is about would show what is encrypted
                raise SecretError(
                    "what is encrypted here is not YAML that can be read",
                    where=error.where,
                    hint=f"ansible-vault edit {name}",
                ) from None
            raise SecretError(error.message, where=error.where, hint=error.hint) from None
        if not isinstance(value, Map):
            raise SecretError("this file holds no keys with values", where=name)
        return whole, value


def _place(top: Map, key: str) -> tuple[Map, str] | None:
    """Return the mapping in which a key stands, and its name there; None when it does not."""
    if key in top:  # with its dots, if it has any
        return top, key
    holder = top
    *path, last = key.split(".")
    for part in path:
        inside = holder.get(part)
        if not isinstance(inside, Map):
            return None
        holder = inside
    return (holder, last) if last in holder else None


def _secret(passwords: Passwords, text: str, where: str) -> Secret:
    return vault_secret(text, where=where, passwords=passwords)
