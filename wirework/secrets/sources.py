"""The words by which a secret's source is named."""

from __future__ import annotations

import os
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import SecretError
from wirework.secrets.fetch import expanded, from_command, from_file, from_prompt
from wirework.secrets.keyrings import from_keyring
from wirework.secrets.passwords import Passwords
from wirework.secrets.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.secrets.vault_file import VaultFile

_FORMS = (
    *("env:NAME", "file:PATH", "prompt:TEXT", "command:WORDS"),
    *("keyring:SERVICE/NAME", "vault:FILE#KEY"),
)


def secret(source: str, base: Path = Path()) -> Secret:
    """Make a Secret of a single source, which is written as ``Sources.secret`` says."""
    return Sources(base).secret(source)


class Sources:
    """Makes the secrets that belong together: one Secret a source, one reading a vault file.

    So a prompt asks once however often it is written. Relative paths start in the folder
    ``base``, where commands run as well. ``passwords`` open vault files; without them those that
    the environment names.
    """

    def __init__(self, base: Path = Path(), *, passwords: Passwords | None = None) -> None:
        self._base = base
        self._passwords = passwords
        self._secrets: dict[str, Secret] = {}
        self._vaults: dict[str, VaultFile] = {}

    def secret(self, source: str) -> Secret:
        """Return the Secret of a source.

        ``env:NAME``, ``file:PATH``, ``prompt:TEXT``, ``command:WORDS``, ``keyring:SERVICE/NAME``
        (the last slash divides) or ``vault:FILE#KEY`` (as ``VaultFile.value`` takes the key).
        Nothing is fetched yet. Raises SecretError when the source is written in no such way.
        """
        if source not in self._secrets:
            self._secrets[source] = Secret(source, self._fetch(source))
        return self._secrets[source]

    def _fetch(self, source: str) -> Callable[[], str]:
        kind, _, rest = source.partition(":")
        match kind if rest.strip() else "":
            case "env":
                return partial(_from_env, rest)
            case "file":
                return partial(_from_file, self._base, rest)
            case "prompt":
                return partial(from_prompt, rest, hint="use env:, file: or command:")
            case "command":
                return partial(_from_command, self._base, rest)
            case "keyring":
                return partial(from_keyring, *_divided(rest, "/", "keyring:SERVICE/NAME"))
            case "vault":
                path, key = _divided(rest, "#", "vault:FILE#KEY")
                return partial(self._vault(path).value, key)
        # What was written may be the secret itself, so it is not repeated here.
        raise SecretError(
            "a secret names its source, not its value", hint=f"one of {', '.join(_FORMS)}"
        )

    def _vault(self, path: str) -> VaultFile:
        # The command line's own start reaches this module, and does without YAML.
        from wirework.secrets.vault_file import VaultFile  # noqa: PLC0415

        if path not in self._vaults:
            self._passwords = self._passwords or Passwords.from_environment()
            place = expanded(self._base, path, "the vault file")
            self._vaults[path] = VaultFile(place, self._passwords)
        return self._vaults[path]


def _divided(rest: str, mark: str, form: str) -> tuple[str, str]:
    """Return what stands before and after the last ``mark``."""
    before, _, after = rest.rpartition(mark)
    if not before.strip() or not after.strip():
        raise SecretError(f"a secret of this kind is written {form}")
    return before, after


def _from_env(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set", hint=f"export {name}=…")
    return value


def _from_file(base: Path, path: str) -> str:
    """Return a file's text without its last line end."""
    what = "the secret file"
    return _text(from_file(base, path, what), f"{what} {path} is not UTF-8 text")


def _from_command(base: Path, words: str) -> str:
    """Return what a command prints, without its last line end."""
    try:
        argv = shlex.split(words)
    except ValueError as error:
        raise SecretError(f"cannot split the secret command into words: {error}") from error
    what = "the secret command"
    return _text(from_command(base, argv, what), f"{what} {argv[0]} did not print UTF-8 text")


def _text(data: bytes, otherwise: str) -> str:
    """Return ``data`` without its last line end; ``otherwise`` is the error's text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(otherwise) from None
    return text.removesuffix("\n").removesuffix("\r")
