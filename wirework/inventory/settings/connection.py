"""Takes the variables of one level apart: settings, checked, and everything else."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wirework.documents import Map, Seq
from wirework.errors import InventoryError, SecretError
from wirework.inventory.settings import NAMES, Setting
from wirework.inventory.settings.values import Unfit, Verbatim, is_templated
from wirework.secrets import Secret, Sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.inventory.reading.findings import Findings
    from wirework.secrets import Passwords

_VAULTED = "__ansible_vault"
_UNSAFE = "__ansible_unsafe"
# What these name is the same wherever it is written.
_PLACELESS = ("env:", "prompt:", "keyring:")


@dataclass(frozen=True, slots=True)
class Level:
    """The variables that one place gives, in three forms.

    ``given`` is as written but for secrets; ``settings`` are by the variable's name, each
    checked or a Templated; ``vars`` are those that templates see: all but our own settings.
    """

    name: str
    given: Map
    settings: dict[str, Any]
    vars: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Templated:
    """A setting that each host fills in; ``folder`` is what its paths are relative to."""

    variable: str
    text: str
    where: str
    folder: Path


class Reader:
    """Reads levels, with one Secret a source, so that a prompt asks once for all of them."""

    def __init__(
        self,
        findings: Findings,
        passwords: Passwords,
        vault_secret: Callable[[str, str], Secret],
    ) -> None:
        self._findings = findings
        self._passwords = passwords
        self._vault_secret = vault_secret
        self._sources: dict[Path, Sources] = {}

    def level(self, name: str, given: Map, folder: Path) -> Level:
        """Take one mapping of variables apart; relative paths in it are below ``folder``.

        ``{secret: SOURCE}`` becomes a Secret, at any depth. Mistakes are collected.
        """
        level = Level(name, given, {}, {})
        for key, value in given.items():
            made = value
            if isinstance(value, Map | Seq):
                made = given[key] = self._without_marks(value, folder)
            known = NAMES.get(key)
            if known is None:
                level.vars[key] = made
                continue
            setting, _ = known
            made = self._kept_secret(setting, key, made, given)
            given[key] = made
            self._set(level, setting, key, folder)
            if key != setting.name:
                level.vars[key] = given[key]
        if len(level.settings) > 1:
            self._refuse_two_of_a_kind(level)
        return level

    def filled(self, templated: Templated, text: str) -> Any:
        """Return what a templated setting says once it is filled in; raises InventoryError."""
        setting, _ = NAMES[templated.variable]
        try:
            return (setting.theirs or setting.read)(text, templated.folder)
        except Unfit as error:
            said = str(error) or f"must be {setting.expects}, not {reprlib.repr(text)}"
            raise InventoryError(
                f"{templated.variable} {said}, once filled in", where=templated.where
            ) from None

    def _set(self, level: Level, setting: Setting, key: str, folder: Path) -> None:
        written, where = level.given[key], level.given.where(key)
        value, ours = written, key == setting.name
        try:
            if isinstance(value, Secret) and not setting.secret and value.source[:6] == "vault:":
                value = level.given[key] = value.reveal()
                ours = False
            if is_templated(value) and not (setting.secret and ours):
                level.settings[key] = Templated(key, value, where, folder)
            elif value is None and ours and setting.optional:
                level.settings[key] = None
            elif value not in (None, "") or ours:
                read = setting.read if ours else setting.theirs or setting.read
                level.settings[key] = read(value, folder)
        except Unfit as error:
            self._refuse(setting, key, written, where, str(error))
        except SecretError as error:
            self._findings.add(SecretError(error.message, where=where, hint=error.hint))

    def _refuse(self, setting: Setting, key: str, value: object, where: str, why: str) -> None:
        if setting.secret:  # whatever was written there must not be shown
            self._findings.wrong(
                f"{key} must not be written out in an inventory",
                where=where,
                hint=f'write {key}: {{secret: "env:NAME"}}',
            )
        else:
            said = why or f"must be {setting.expects}, not {reprlib.repr(value)}"
            self._findings.wrong(f"{key} {said}", where=where)

    def _kept_secret(self, setting: Setting, key: str, value: Any, given: Map) -> Any:
        """Return a password of Ansible's that is written out as a Secret; others as they are."""
        if not setting.secret or key == setting.name or value in (None, "") or is_templated(value):
            return value
        if isinstance(value, str | int | float):
            return Secret(given.where(key), _giving(str(value)))
        return value

    def _refuse_two_of_a_kind(self, level: Level) -> None:
        """Two names for one setting are fine beside each other while they say the same."""
        said: dict[str, str] = {}
        for key, value in level.settings.items():
            setting, _ = NAMES[key]
            other = said.setdefault(setting.name, key)
            if other == key or setting.name == "ssh_options" or isinstance(value, Templated):
                continue
            before = level.settings[other]
            if before != value and not isinstance(before, Templated):
                self._findings.wrong(
                    f"{key} means the same as {other}, which {level.given.where(other)} gives",
                    where=level.given.where(key),
                    hint="keep one of the two",
                )

    def _without_marks(self, value: Any, folder: Path) -> Any:
        """Return ``value`` with the Secret for each ``{secret: SOURCE}`` in it."""
        if isinstance(value, Map):
            if len(value) == 1:
                (key, text), *_ = value.items()
                if key == "secret":
                    return self._secret(value, text, folder)
                if key == _VAULTED and isinstance(text, str):
                    return self._vault_secret(text, value.where(key))
                if key == _UNSAFE and isinstance(text, str):
                    return Verbatim(text)
            for key, item in value.items():
                if isinstance(item, Map | Seq):
                    value[key] = self._without_marks(item, folder)
        elif isinstance(value, Seq):
            value[:] = [self._without_marks(item, folder) for item in value]
        return value

    def _secret(self, given: Map, source: Any, folder: Path) -> Any:
        where = given.where("secret")
        if not isinstance(source, str):
            self._findings.wrong("a secret must name its source as text", where=where)
            return None
        base = Path() if source.startswith(_PLACELESS) else folder
        if base not in self._sources:
            self._sources[base] = Sources(base, passwords=self._passwords)
        try:
            return self._sources[base].secret(source)
        except SecretError as error:
            self._findings.add(SecretError(error.message, where=where, hint=error.hint))
            return None


def _giving(text: str) -> Callable[[], str]:
    return lambda: text
