"""What reading an inventory costs, beside ``ansible-inventory --list`` of the same files.

Both are whole processes, run in turn, so that whatever else the machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import peers

PROJECT = Path(__file__).resolve().parents[1]
TIMEOUT = 300.0

READ = """
import sys, time
from pathlib import Path
from wirework.inventory import load
before = time.process_time()
fleet = load([Path(sys.argv[1])])
chosen = fleet.select("rack0*:&all:!rack01")
print(len(fleet.hosts), len(chosen), (time.process_time() - before) * 1000)
"""


def fleet(folder: Path, hosts: int, groups: int) -> Path:
    """Write an inventory: ranges, nested groups, variables at every level, files of variables."""
    each = hosts // groups
    lines = ["all:", "  vars: {ntp: 192.0.2.1, domain: example.com}", "  children:"]
    lines += ["    site:", "      vars: {site: north}", "      children:"]
    for number in range(groups):
        lines += [
            f"        rack{number:02}:",
            f"          vars: {{rack: {number}}}",
            "          hosts:",
        ]
        lines += [f"            r{number:02}-spare[1:{each // 2}]: {{role: spare}}"]
        lines += [
            f"            r{number:02}-h{host:02}: "
            f"{{ansible_host: 10.0.{number}.{host}, ansible_port: 22, serial: s{host}}}"
            for host in range(each - each // 2)
        ]
    path = folder / "inventory.yaml"
    path.write_text("\n".join(lines) + "\n")
    (folder / "group_vars").mkdir()
    (folder / "host_vars").mkdir()
    for name in ("all", "site", *(f"rack{number:02}" for number in range(groups))):
        text = "\n".join(f"{name}_{number}: value {number}" for number in range(10))
        (folder / "group_vars" / f"{name}.yml").write_text(f"{text}\nansible_user: ops\n")
    for number in range(groups):
        (folder / "host_vars" / f"r{number:02}-h00.yml").write_text("special: true\n")
    return path


def cpu(argv: list[str]) -> tuple[float, str]:
    """Return the CPU, user and system, of a process in milliseconds, and what it prints."""
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": str(PROJECT),
        "LC_ALL": "C.UTF-8",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        argv, check=True, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return spent * 1000, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    theirs: list[float] = []
    ours: list[float] = []
    inside: list[float] = []
    program = str(peers.installed() / "ansible-inventory")
    with tempfile.TemporaryDirectory() as folder:
        path = fleet(Path(folder), options.hosts, options.groups)
        for _ in range(options.pairs + 1):
            spent, printed = cpu([program, "-i", str(path), "--list"])
            theirs.append(spent)
            count = len(json.loads(printed)["_meta"]["hostvars"])
            spent, printed = cpu([sys.executable, "-c", READ, str(path)])
            ours.append(spent)
            found, _, loaded = printed.split()
            inside.append(float(loaded))
            if int(found) != count:
                raise SystemExit(f"they read {count} hosts, we read {found}")
    # The first pair fills the caches: of files, and of compiled modules.
    whole, other = median(ours[1:]), median(theirs[1:])
    print(f"{options.hosts} hosts in {options.groups} groups, median CPU of {options.pairs} runs")
    print(f"ansible-inventory --list   {other:8.0f} ms")
    print(f"wirework, whole process    {whole:8.0f} ms, 1/{other / whole:.1f}")
    print(f"  of which load and select {median(inside[1:]):8.0f} ms")


if __name__ == "__main__":
    main()
