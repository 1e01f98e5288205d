"""What hosts are made of: images built once on this machine, named by a hash of their recipe."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput, LabError
from wirework.lab.podman import engine as engines
from wirework.lab.podman import rootless
from wirework.lab.podman.engine import Engine, PodmanFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEFAULT = "debian"
RECIPES = Path(__file__).with_name("images")

LOCK = Path("/run/wirework/images.lock")
LOCK_TIMEOUT = 1200.0
"""Seconds to wait for another process that builds images."""
PULL_TIMEOUT = 45.0
BUILD_TIMEOUT = 600.0
ROOM = 2 * 1024**3
"""Bytes of free disk that building takes, downloads included."""

_PULLED = "debian:12"
_START = "start"
# Where Debian, Ubuntu and their own images keep the sources that their installer wrote.
_SOURCES = ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")


@dataclass(frozen=True, kw_only=True)
class Image:
    """One kind of host: whom to log in as, how, and which image it is built upon."""

    name: str
    parent: str = "debian"
    user: str = "ops"
    sudo: bool = True
    password: bool = False

    @property
    def recipe(self) -> Path:
        """The file it is built from."""
        return RECIPES / f"{self.name}.containerfile"


_IMAGES = (
    Image(name="debian", parent=""),
    Image(name="python"),
    Image(name="busybox", parent="", user="root", sudo=False),
    Image(name="services"),
    Image(name="systemd"),
    Image(name="openrc"),
    Image(name="rpm"),
    Image(name="password", password=True),
)


def find(name: str) -> Image:
    """Return the image of that name; raises BadInput for one that there is not."""
    for image in _IMAGES:
        if image.name == name:
            return image
    known = ", ".join(image.name for image in _IMAGES)
    raise BadInput(f"{name!r} is no image of lab hosts", hint=f"one of {known}")


def reference(image: Image) -> str:
    """Return an image's name for podman; it changes whenever the recipe does."""
    return _reference(image.name, _digest(image))


def ensure(images: Iterable[Image]) -> None:
    """Build the images that this machine does not have yet; others who want them wait.

    Raises LabError when there is no source for them, or no room.
    """
    wanted = {image.name: image for image in images}
    missing = [image for image in wanted.values() if not _is_there(reference(image))]
    if not missing:
        return
    _check_room()
    with _locked(), tempfile.TemporaryDirectory(prefix="wirework-image-") as folder:
        work = Path(folder)
        base = _base(work)
        engine = engines.choose(base, work)
        for image in missing:
            _build(image, base, engine, work)


def _build(image: Image, base: str, engine: Engine, work: Path) -> None:
    """Build an image, and before it what it is built upon."""
    if _is_there(reference(image)):  # somebody else built it while we waited
        return
    upon = base
    if image.parent:
        parent = find(image.parent)
        _build(parent, base, engine, work)
        upon = reference(parent)
    context = work / "context"
    context.mkdir(exist_ok=True)
    shutil.copy(RECIPES / _START, context)
    # The machine's own network: there apt finds its mirror, whatever leads to it.
    options = ("--quiet", "--network", "host", "--pull=never", "--build-arg", f"BASE={upon}")
    place = ("--tag", reference(image), "--file", str(image.recipe), str(context))
    try:
        engine.run("build", *options, *place, timeout=BUILD_TIMEOUT)
    except PodmanFailed as error:
        raise _not_built(image.name, error) from error


def _not_built(name: str, error: PodmanFailed) -> LabError:
    """Return an error with the line that tells why a build failed: apt's own, if it has one."""
    lines = [line.strip() for line in error.said.splitlines()]
    words = next((line for line in lines if line.startswith("E: ")), error.message)
    hint = error.hint or "does apt-get update work on this machine?"
    return LabError(f"the image {name} cannot be built: {words}", hint=hint)


def _base(work: Path) -> str:
    """Return a bare Debian: the one we have, one from a registry, or one made by mmdebstrap."""
    name = _reference("base", hashlib.sha256(_PULLED.encode()).hexdigest())
    if _is_there(name):
        return name
    plain = Engine()
    try:
        plain.run("pull", "--quiet", _PULLED, timeout=PULL_TIMEOUT)
    except PodmanFailed as error:
        _bootstrap(name, work, error)
    else:
        plain.run("tag", _PULLED, name)
    return name


def _bootstrap(name: str, work: Path, why: PodmanFailed) -> None:
    """Make a bare Debian from this machine's own package sources; ``why`` there is no other."""
    if not shutil.which("mmdebstrap"):
        raise LabError(
            f"there is no source for the image of hosts: {_PULLED} cannot be pulled"
            f" ({why.message}), and mmdebstrap is missing",
            hint="apt-get install mmdebstrap, or use --driver embedded",
        ) from why
    archive = work / "base.tar"
    sources = [str(path) for path in _sources(Path("/etc/apt"))]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", _suite(), str(archive), *sources]
    try:
        engines.run(command, timeout=BUILD_TIMEOUT, cwd=work)
        Engine().run("import", "--quiet", str(archive), name, timeout=BUILD_TIMEOUT)
    except PodmanFailed as error:
        raise _not_built("base", error) from error
    archive.unlink()


def _sources(apt: Path) -> list[Path]:
    """Return the files that name this machine's package sources; none elsewhere than Debian."""
    return [path for name in _SOURCES if (path := apt / name).is_file() and _speaks(path)]


def _speaks(path: Path) -> bool:
    lines = path.read_text(errors="replace").splitlines()
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _suite() -> str:
    """Return the release that this machine's sources are of (os-release(5)), or Debian 12."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "bookworm"
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"') or "bookworm"


def _digest(image: Image) -> str:
    """Return the hash of a recipe and of all that it is built upon."""
    parts = [_PULLED.encode(), (RECIPES / _START).read_bytes(), image.recipe.read_bytes()]
    if image.parent:
        parts.append(_digest(find(image.parent)).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _reference(name: str, digest: str) -> str:
    return f"localhost/wirework-{name}:{digest[:12]}"


def _is_there(name: str) -> bool:
    try:
        Engine().run("image", "exists", name)
    except PodmanFailed as error:
        if error.said:  # it says nothing when there is just no such image
            raise
        return False
    return True


def _check_room() -> None:
    store = Engine().storage()
    free = shutil.disk_usage(store).free
    if free < ROOM:
        raise LabError(
            f"building an image takes {ROOM >> 30} GiB, {store} has {free >> 20} MiB left",
            hint="free some disk: podman system df shows what images take",
        )


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time build for whoever owns the images: this machine, or a user."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    lock = rootless.cache() / LOCK.name if rootless.is_so() else LOCK
    try:
        lock.parent.mkdir(mode=0o700, parents=rootless.is_so(), exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LabError(f"cannot make the file {lock}: {error.strerror}") from error
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(
                        f"images are still being built after {LOCK_TIMEOUT:g} s",
                        where=str(lock),
                        hint="try again later",
                    ) from None
                time.sleep(0.2)
        yield
    finally:
        os.close(handle)
