"""One file to what it says, whatever its format, and opened first where a vault closes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework import documents
from wirework.documents import Map
from wirework.errors import BadInput, DocumentError, InventoryError
from wirework.inventory.reading.sources import ini_text, json_text, script
from wirework.inventory.reading.vaulted import sealed, sealed_groups
from wirework.inventory.settings.values import Verbatim
from wirework.secrets import vault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wirework.inventory.reading.findings import Findings
    from wirework.secrets import Passwords, Secret

EXAMPLE = "write all: {hosts: {web1: {address: 10.0.0.1}}}"
_YAML = (".yaml", ".yml")
# The first line that is neither blank nor a comment, where a file's name does not say what it is.
_FIRST_LINE = re.compile(r"(?:[ \t]*(?:[#;].*)?\n)*(.*)")
_LOOKS_LIKE_YAML = re.compile(r"---|%YAML|\{|(?:[^\s\[=:]+|'[^']*'|\"[^\"]*\")[ \t]*:(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Section:
    """Groups as YAML inventories have them: each name to its hosts, children and vars.

    A section that does not describe its groups only adds to what another one has described.
    """

    groups: Map
    describes: bool = True


class Files:
    """Reads the files of one inventory; mistakes after which reading can go on are collected."""

    def __init__(self, findings: Findings, passwords: Passwords) -> None:
        self._findings = findings
        self._passwords = passwords
        self._tags = {
            "!vault": self.vault_secret,
            "!vault-encrypted": self.vault_secret,
            "!unsafe": lambda text, _where: Verbatim(text),
        }

    def sections(self, path: Path) -> Sequence[Section]:
        """Return what an inventory file or program says, in the order in which it counts."""
        self._findings.reads(path)
        try:
            if script.is_script(path):
                return [Section(groups) for groups in script.read(path)]
            text, vaulted = self._text(path)
            sections = self._sections(path, text, vaulted=vaulted)
        except BadInput as error:
            self._findings.add(error)
            return ()
        if vaulted:
            for section in sections:
                sealed_groups(section.groups, f"vault:{path}#")
        return sections

    def variables(self, path: Path) -> Map | None:
        """Return the variables that a file of group_vars or host_vars gives; None for none."""
        self._findings.reads(path)
        try:
            text, vaulted = self._text(path)
            value = self._document(path, text, vaulted=vaulted)
        except BadInput as error:
            self._findings.add(error)
            return None
        if isinstance(value, Map):
            return sealed(value, f"vault:{path}#") if vaulted else value
        if value is None:
            return None
        self._findings.wrong(
            "a file of variables is a mapping of names to values", where=f"{path}:1"
        )
        return None

    def vault_secret(self, text: str, where: str) -> Secret:
        """Return what a ``!vault`` value hides, opened when it is first used."""
        return vault.vault_secret(text, where=where, passwords=self._passwords)

    def _sections(self, path: Path, text: str, *, vaulted: bool) -> Sequence[Section]:
        if path.suffix == ".toml":
            raise InventoryError(
                "inventories in TOML are not read",
                where=str(path),
                hint=f"ansible-inventory -i {path} --list --yaml writes YAML",
            )
        if not (path.suffix in (*_YAML, ".json") or _is_yaml(text)):
            read = ini_text.read(text, str(path), self._findings)
            return [Section(groups, describes) for groups, describes in read]
        top = self._document(path, text, vaulted=vaulted)
        if top is None:
            return [Section(Map(str(path), 1))]
        if not isinstance(top, Map):
            raise InventoryError(
                "an inventory is a mapping of groups", where=f"{path}:1", hint=EXAMPLE
            )
        if isinstance(top.get("plugin"), str):
            raise InventoryError(
                f"this sets up Ansible's inventory plugin {top['plugin']}",
                where=top.where("plugin"),
                hint=f"let a script run ansible-inventory -i {path.name} --list",
            )
        return [Section(top)]

    def _text(self, path: Path) -> tuple[str, bool]:
        """Return a file's text, and whether it had to be decrypted."""
        text = documents.text(path)
        if not vault.is_vault(text):
            return text, False
        opened = vault.decrypt(text, where=f"{path}:1", passwords=self._passwords)
        try:
            return opened.decode("utf-8-sig"), True
        except UnicodeDecodeError:
            raise DocumentError("this vault holds no UTF-8 text", where=str(path)) from None

    def _document(self, path: Path, text: str, *, vaulted: bool) -> Any:
        found: list[DocumentError] = []
        try:
            if path.suffix == ".json":
                return json_text.parse(text, str(path))
            value = documents.parse(text, str(path), tags=self._tags, mistakes=found).value
        except BadInput as error:
            raise _unshown(error) if vaulted else error from None
        self._findings.add(*map(_unshown, found) if vaulted else found)
        return value


def _unshown(error: BadInput) -> DocumentError:
    """Return what may be said of a mistake in a vault: the words of others would quote it."""
    return DocumentError(
        "what is encrypted here is not YAML that can be read",
        where=error.where,
        hint=f"ansible-vault edit {error.where.rpartition(':')[0]}",
    )


def _is_yaml(text: str) -> bool:
    first = _FIRST_LINE.match(text)
    return first is not None and _LOOKS_LIKE_YAML.match(first[1]) is not None
