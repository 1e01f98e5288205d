"""The shells that hosts have, run here, for shell text that comes on standard input."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from tests.machine import require

SHELLS: dict[str, tuple[str, ...]] = {
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
}


def run_in(
    shell: str, argv: Sequence[str], stdin: bytes, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run ``sh …`` with this shell as its sh, in an environment of a PATH and ``variables``."""
    require(shell)
    return subprocess.run(
        [*SHELLS[shell], *argv[1:]],
        input=stdin,
        check=False,
        capture_output=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], **variables},
    )
