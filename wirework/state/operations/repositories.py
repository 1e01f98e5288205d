"""Where a host's packages come from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wirework.errors import BadInput, Refused
from wirework.ssh import LocalFile
from wirework.state.arguments import HostPath, Mode, Names
from wirework.state.changes import Change
from wirework.state.facts import Content, Fact, PathState
from wirework.state.facts.packages import IndexAge, Manager, PackageManager
from wirework.state.operation import Steps, operation
from wirework.state.operations.files import file, line
from wirework.state.operations.paths import absent, directory
from wirework.state.operations.writing import questions

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_LIMIT = 1024 * 1024
"""Bytes of the largest key that is taken; a keyring of Debian's has some 50 KiB."""
APK_REPOSITORIES = HostPath("/etc/apk/repositories")
KEYRINGS = HostPath("/etc/apt/keyrings")
PUBLIC = Mode(0o644)


@dataclass(frozen=True)
class _Wish:
    """A repository as it shall be."""

    name: str
    url: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    key: LocalFile | None
    armored: bool
    trusted: bool

    def list_path(self, manager: Manager) -> HostPath:
        """Return the file that names the repository."""
        if manager == "apt":
            return HostPath(f"/etc/apt/sources.list.d/{self.name}.sources")
        return HostPath(f"/etc/yum.repos.d/{self.name}.repo")

    def key_path(self, manager: Manager) -> HostPath:
        """Return where the manager looks for the key."""
        if manager == "apt":
            return HostPath(f"{KEYRINGS}/{self.name}.{'asc' if self.armored else 'gpg'}")
        if manager == "apk":
            # apk finds a key by the name that the signature gives.
            return HostPath(f"/etc/apk/keys/{self.key.path.name if self.key else self.name}")
        return HostPath(f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{self.name}")

    def text(self, manager: Manager) -> str:
        """Return the file's content: sources.list(5) in deb822 style, or dnf.conf(5)."""
        return "".join(self._apt() if manager == "apt" else self._dnf())

    def _apt(self) -> Iterator[str]:
        yield f"Types: deb\nURIs: {self.url}\nSuites: {' '.join(self.suites)}\n"
        if self.components:
            yield f"Components: {' '.join(self.components)}\n"
        if self.key:
            yield f"Signed-By: {self.key_path('apt')}\n"
        if self.trusted:
            yield "Trusted: yes\n"

    def _dnf(self) -> Iterator[str]:
        yield f"[{self.name}]\nname={self.name}\nbaseurl={self.url}\nenabled=1\n"
        yield f"gpgcheck={0 if self.trusted else 1}\n"
        if self.key:
            yield f"gpgkey=file://{self.key_path('dnf')}\n"


@operation
def repository(
    name: str,
    url: str,
    *,
    suites: Names | None = None,
    components: Names | None = None,
    key: LocalFile | None = None,
    trusted: bool = False,
    present: bool = True,
) -> Steps:
    """Have a repository of packages, with the ``key`` that signs it: for apt, apk or dnf.

    apt wants ``suites``, and ``components`` unless a suite ends with ``/``. ``trusted`` takes
    packages that nobody signed. The next package step fetches the index anew.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise BadInput(f"{name!r} is no name for a repository's file")
    _check(url)
    if key and trusted:
        raise BadInput("a repository has a key or is trusted without one")
    if key and key.size > KEY_LIMIT:
        raise BadInput(f"{key.path.name} is too large to be a key")
    suites, components = suites or Names(()), components or Names(())
    for word in (*suites, *components):
        if not re.fullmatch(r"[A-Za-z0-9./_-]+", word):
            raise BadInput(f"{word!r} is neither a suite nor a component")
    flat = [suite.endswith("/") for suite in suites]
    if any(flat) and components:
        raise BadInput("a suite that ends with / has no components")
    if suites and not all(flat) and not components:
        raise BadInput("suites without / at their end need components", hint="components: main")
    armored = bool(key) and _is_armored(key)
    wish = _Wish(name, url, suites, components, key, armored, trusted)
    return _have(wish) if present else _remove(wish)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        secret = parts.username is not None
    except ValueError:
        raise BadInput("url is no address") from None
    if not parts.scheme and not url.startswith("/"):
        raise BadInput("url is neither an address nor an absolute path")
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        raise BadInput("url holds a space or a line end")
    if secret:
        raise BadInput("url holds a login", hint="apt_auth.conf(5) keeps it where only root reads")


def _is_armored(key: LocalFile | None) -> bool:
    if key is None:
        return False
    return next(iter(key.pieces()), b"").lstrip().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK")


def _questions(wish: _Wish) -> tuple[Fact[Any], ...]:
    """Ask what every manager's way will ask, so that a converged host costs one round."""
    paths = [wish.list_path("apt"), wish.list_path("dnf"), APK_REPOSITORIES]
    facts: list[Fact[Any]] = [PackageManager(), Content(APK_REPOSITORIES)]
    managers: tuple[Manager, ...] = ("apt", "apk", "dnf")
    if wish.key:
        paths += [wish.key_path(manager) for manager in managers]
        facts += [PathState(each) for each in ("/", "/etc", "/etc/apt", KEYRINGS)]
    facts += [fact for path in paths for fact in questions(path)]
    return tuple(dict.fromkeys(facts))


def _have(wish: _Wish) -> Steps:
    manager = (yield _questions(wish))[0]
    _usable(manager)
    if manager == "apt" and not wish.suites:
        raise Refused("an apt repository needs suites", hint="suites: bookworm, or ./")
    if wish.key and manager == "apt":
        yield from directory.function(KEYRINGS)
    if wish.key:
        yield from _aging(file.function(wish.key_path(manager), src=wish.key, mode=PUBLIC))
    if manager == "apk":
        yield from _aging(line.function(APK_REPOSITORIES, wish.url, create=True))
        return
    yield from _aging(
        file.function(wish.list_path(manager), content=wish.text(manager), mode=PUBLIC)
    )


def _remove(wish: _Wish) -> Steps:
    manager = (yield _questions(wish))[0]
    _usable(manager)
    if manager == "apk":
        yield from _aging(line.function(APK_REPOSITORIES, wish.url, present=False))
    else:
        yield from _aging(absent.function(wish.list_path(manager)))
    if wish.key:
        yield from _aging(absent.function(wish.key_path(manager)))


def _usable(manager: Manager) -> None:
    if manager == "none":
        raise Refused("the host has no package manager that is known", hint="apt, apk or dnf")


def _aging(steps: Steps) -> Steps:
    """Pass on another operation's steps; each of its changes leaves the index too old."""
    answer: Any = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return
        if isinstance(request, Change):
            predicts = {**request.predicts, IndexAge(): None}
            request = replace(request, predicts=predicts)
        answer = yield request
