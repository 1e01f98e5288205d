"""What is large: a file that streams through this process, and a script of thousands of steps."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.sshd import Server, running_sshd
from tests.state.test_converge import items
from wirework.ssh import Pool
from wirework.state import converge

MIB = 1024 * 1024
SENT = 64 * MIB
GROWTH = 8 * MIB
"""What the windows and buffers of a connection may hold at most."""
CLIENT = """
import json, resource, sys
from pathlib import Path
from tests.state.test_over_ssh import Files
from wirework.inventory import Host
from tests.state.test_converge import items
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Item, converge

host, *pairs = json.load(sys.stdin)
host["key"], host["known_hosts"] = Path(host["key"]), Path(host["known_hosts"])
peaks = []
with Pool(known_hosts=()) as pool:
    remote = pool.remote(Host(**host))
    for source, dest in pairs:
        wish = OPERATIONS["file"].wish({"src": source, "dest": dest}, Files())
        done = converge(remote, [Item(wish)])
        assert done.changed and done.ok, done.steps
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
json.dump(peaks, sys.stdout)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_large_file_needs_no_more_memory_than_a_small_one(server: Server, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(4 * MIB))
    with large.open("wb") as file:
        for number in range(SENT // MIB):
            file.write(number.to_bytes(4) * (MIB // 4))
    pairs = [(str(path), f"{path}-there") for path in (small, large)]
    host = {
        "name": "box",
        "address": server.host().address,
        "port": server.port,
        "user": server.host().user,
        "key": str(server.key),
        "known_hosts": str(server.known_hosts),
    }
    said = subprocess.run(
        [sys.executable, "-c", CLIENT],
        input=json.dumps([host, *pairs]),
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    before, after = json.loads(said.stdout)
    assert sha256(tmp_path / "large-there") == sha256(large)
    assert after - before < GROWTH


def test_a_script_longer_than_any_argument_goes_through_ssh(server: Server, tmp_path: Path) -> None:
    # Each step takes more than 600 bytes of script: no argument may have more than 128 KiB.
    steps = items(
        *[("link", {"path": str(tmp_path / f"l{n}"), "to": f"{n:0600d}"}) for n in range(300)]
    )
    with Pool(known_hosts=()) as pool:
        remote = pool.remote(server.host())
        first = converge(remote, steps)
        assert [step.problem for step in first.steps if step.problem] == []
        assert (first.ok, first.rounds) == (True, 2)
        again = converge(remote, steps)
        assert (again.changed, again.rounds) == (False, 1)
