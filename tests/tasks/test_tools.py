"""The tools of the project, where nobody else looks after processes."""

from __future__ import annotations

import subprocess
import sys

from tasks.cli.tools import ROOT
from tests.machine import require

ORPHANS = """
for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.05 &); done
sleep 0.5
grep -l '^State:.Z' /proc/[0-9]*/status
exit 7
"""
FIRST = f"import sys; from tasks.cli import tools; sys.exit(tools._run('sh', '-c', {ORPHANS!r}))"


def test_a_container_s_first_process_leaves_no_orphan_unburied() -> None:
    """Without it, a container's limit of processes is reached in the middle of the tests."""
    require("namespaces")
    alone = ["unshare", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*alone, sys.executable, "-c", FIRST],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=30,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)
