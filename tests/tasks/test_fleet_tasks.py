"""Fleet tasks on a real lab: what they show, what they end with, and what bounds them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.tasks.commandline import Typed, command, run_process
from wirework.lab import Lab

MIB = 1_048_576
MEMORY_CAP = 100 * MIB
"""Bytes of memory that ``remote.run`` may take for three hosts that say 50 MB each."""

MEASURED = """
import sys
from pathlib import Path
from invoke.main import program
into = Path(sys.argv.pop(1))
try:
    program.run()
finally:
    into.write_text(Path("/proc/self/status").read_text())
"""


@pytest.fixture
def with_a_dead_host(lab: Lab, cwd: Path) -> Path:
    """The lab's inventory, and in it a host on whose port nobody listens."""
    text = yaml.safe_load(lab.inventory.read_text())
    text["all"]["vars"] |= {"key": str(lab.key), "known_hosts": str(lab.known_hosts)}
    text["all"]["children"]["away"] = {"hosts": {"gone": {"address": "127.0.0.1", "port": 1}}}
    path = cwd / "inventory.yaml"
    path.write_text(yaml.safe_dump(text))
    return path


def test_ping_tells_who_answers(on_lab: Typed) -> None:
    said = on_lab("remote.ping")
    assert said.status == 0
    assert said.out.splitlines()[0].split("   ")[0] == "host"
    assert [line.split()[:2] for line in said.out.splitlines()[1:]] == [
        ["web1", "ok"],
        ["web2", "ok"],
        ["web3", "ok"],
    ]
    assert re.search(r"\n3 hosts: 3 ok in \d+ ms\n$", said.err)


def test_a_name_reaches_the_lab_of_the_folder(
    typed: Typed, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = lab.folder.parent.parent / "below"
    below.mkdir(exist_ok=True)
    monkeypatch.chdir(below)
    assert typed("remote.ping", "-i", "lab", "--hosts", "web1").status == 0


def test_answers_that_are_alike_are_shown_once(on_lab: Typed) -> None:
    said = on_lab("remote.run", "echo hello", "--hosts", "all")
    assert (said.status, said.out) == (0, "web[1-3] (3 hosts)\n  hello\n")


def test_answers_that_differ_are_counted(on_lab: Typed) -> None:
    script = "case $PWD in */web2) echo two; exit 3 ;; *) echo other ;; esac"
    said = on_lab("remote.run", script, "--hosts", "all")
    assert said.status == 1
    assert said.out == "web[1,3] (2 hosts)\n  other\nweb2  status 3\n  two\n"
    assert "2 hosts alike, 1 differ\n" in said.err
    assert said.err.splitlines()[-1].startswith("3 hosts: 2 ok, 1 failed in ")


def test_answers_without_an_equal_are_not_called_alike(on_lab: Typed) -> None:
    said = on_lab("remote.run", "pwd", "--hosts", "all")
    assert "all 3 hosts differ\n" in said.err


def test_what_goes_to_stderr_is_shown_too(on_lab: Typed) -> None:
    said = on_lab("remote.run", "echo out; echo err >&2", "--hosts", "web1")
    assert said.out == "web1\n  out\n  err\n"


def test_live_lines_carry_their_host(on_lab: Typed) -> None:
    # A line that comes in two pieces, and one that never ends, are lines all the same.
    script = "printf o; sleep 0.3; echo ne; printf two; echo oops >&2"
    said = on_lab("remote.run", script, "--hosts", "web[1-2]", "--live")
    assert sorted(said.out.splitlines()) == [
        "web1 | one",
        "web1 | two",
        "web2 | one",
        "web2 | two",
    ]
    assert {"web1 | oops", "web2 | oops"} <= set(said.err.splitlines())


def test_live_lines_come_while_the_command_runs(lab: Lab, cwd: Path) -> None:
    gate = lab.home("web1") / "gate"
    script = "echo waiting; until [ -e gate ]; do sleep 0.05; done; echo done"
    words = ("remote.run", script, "--hosts", "web1", "--live", "-i", str(lab.inventory))
    with subprocess.Popen(command(*words), cwd=cwd, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "web1 | waiting\n"
        gate.touch()
        assert process.stdout.read() == "web1 | done\n"
    gate.unlink()


def test_binary_answers_are_written_out_for_people(on_lab: Typed) -> None:
    said = on_lab("remote.run", r"printf '\033[31mred\377\000\r\nend'", "--hosts", "web1")
    assert said.out == "web1\n  \\x1b[31mred\\xff\\x00\n  end\n"


def test_binary_answers_are_whole_for_programs(on_lab: Typed) -> None:
    said = on_lab("remote.run", r"printf '\377\000'", "--hosts", "web1", "-o", "json")
    (answer,) = json.loads(said.out)
    assert answer["result"]["stdout"] == {"base64": "/wA="}
    assert (answer["host"], answer["status"], answer["error"]) == ("web1", "ok", None)


def test_binary_answers_are_saved_as_they_are(on_lab: Typed, cwd: Path) -> None:
    said = on_lab("remote.run", r"printf '\377\000'", "--hosts", "all", "--save", "kept")
    assert said.status == 0
    assert {path.name: path.read_bytes() for path in (cwd / "kept").iterdir()} == {
        f"web{n}.out": b"\xff\x00" for n in (1, 2, 3)
    }


def test_json_lines_come_one_a_host(on_lab: Typed) -> None:
    said = on_lab("remote.run", "true", "--hosts", "all", "-o", "jsonl")
    records = [json.loads(line) for line in said.out.splitlines()]
    assert sorted(record["host"] for record in records) == ["web1", "web2", "web3"]


def test_a_host_that_is_away_ends_with_4(typed: Typed, with_a_dead_host: Path) -> None:
    said = typed("remote.ping", "--hosts", "all")
    assert said.status == 4
    assert said.errors == [
        "error: gone: connection refused, 3 times (is sshd running on 127.0.0.1 port 1?)",
    ]
    assert "4 hosts: 3 ok, 1 unreachable in " in said.err


def test_a_failure_weighs_more_than_a_host_that_is_away(
    typed: Typed, with_a_dead_host: Path
) -> None:
    said = typed("remote.run", "exit 7", "--hosts", "web1:gone")
    assert said.status == 1
    assert "2 hosts: 1 failed, 1 unreachable in " in said.err


def test_hosts_that_are_away_count_for_max_fail(typed: Typed, with_a_dead_host: Path) -> None:
    words = ("--hosts", "gone:web", "--forks", "1", "--max-fail", "0")
    said = typed("remote.run", "touch max-fail", *words)
    assert said.status == 4
    assert "3 skipped" in said.err


def test_a_limit_takes_away(on_lab: Typed) -> None:
    said = on_lab("remote.run", "echo hello", "--hosts", "web", "--limit", "!web2")
    assert said.out == "web[1,3] (2 hosts)\n  hello\n"


def test_batches_stop_at_the_first_that_fails(on_lab: Typed, lab: Lab) -> None:
    said = on_lab("remote.run", "touch tried; false", "--hosts", "web", "--batch", "1,100%")
    tried = [name for name in ("web1", "web2", "web3") if (lab.home(name) / "tried").exists()]
    (lab.home("web1") / "tried").unlink()
    assert (said.status, tried) == (1, ["web1"])
    assert "batch 1 of 2: 1 host\n" in said.err
    assert "3 hosts: 1 failed, 2 skipped in " in said.err


def test_a_task_that_changes_hosts_has_to_be_told_which(on_lab: Typed) -> None:
    said = on_lab("remote.run", "true")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: say on which hosts (--hosts web, or --hosts all)\n"


def test_a_command_that_hangs_ends_at_the_timeout(on_lab: Typed) -> None:
    began = time.monotonic()
    said = on_lab("remote.run", "sleep 30", "--hosts", "web", "--timeout", "2")
    assert time.monotonic() - began < 10
    assert said.status == 1
    assert said.errors == ["error: web[1-3]: still running when the time was up"]


def test_forks_bound_how_many_work_at_once(on_lab: Typed, tmp_path: Path) -> None:
    # A folder that all hosts share: mkdir fails for whoever comes while another is there.
    lock = tmp_path / "lock"
    script = f"mkdir {lock} && sleep {{}} && rmdir {lock}"
    one = on_lab("remote.run", script.format(0.1), "--hosts", "web", "--forks", "1")
    all_ = on_lab("remote.run", script.format(1), "--hosts", "web")
    assert (one.status, all_.status) == (0, 1)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--forks", "0", "0 hosts at once is no work at all (forks is at least 1)"),
        ("--timeout", "-1", "--timeout is -1: time does not run backwards"),
        ("--batch", "1,x", "'x' is not a batch size (a number of hosts or a percentage"),
        ("--max-fail", "x", "'x' is not a failure limit (a number of hosts or a percentage"),
        ("--output", "xml", "--output is table, json or jsonl, not 'xml'"),
    ],
)
def test_options_of_no_use_are_refused_before_anything_starts(
    on_lab: Typed, lab: Lab, option: str, value: str, says: str
) -> None:
    said = on_lab("remote.run", "touch touched", "--hosts", "web", f"{option}={value}")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"error: {says}")
    assert said.err.count("\n") == 1
    assert not list(lab.folder.glob("hosts/*/touched"))


def test_an_answer_of_50_mb_a_host_does_not_stay_in_memory(lab: Lab, cwd: Path) -> None:
    script = "head -c 50000000 /dev/zero | tr '\\0' x"
    words = ("remote.run", script, "--hosts", "web", "-i", str(lab.inventory), "-o", "jsonl")
    argv = command(*words, launcher=("-c", MEASURED, str(cwd / "memory")))
    said = run_process(argv, cwd)
    assert said.status == 0
    answers = [json.loads(line)["result"] for line in said.out.splitlines()]
    assert [answer["stdout_size"] for answer in answers] == [50_000_000] * 3
    assert [len(answer["stdout"]) for answer in answers] == [MIB] * 3
    peak = re.search(r"VmHWM:\s+(\d+) kB", (cwd / "memory").read_text())
    assert peak is not None
    assert int(peak[1]) * 1024 < MEMORY_CAP


def test_a_file_is_sent_once(on_lab: Typed, lab: Lab, cwd: Path) -> None:
    (cwd / "motd").write_text("hello\n")
    for name in ("web1", "web2", "web3"):
        (lab.home(name) / "sent").mkdir()
    first = on_lab("remote.put", "motd", "sent", "--hosts", "web", "--mode", "0640")
    second = on_lab("remote.put", "motd", "sent/motd", "--hosts", "web")
    sent = [lab.home(name) / "sent" / "motd" for name in ("web1", "web2", "web3")]
    assert [(path.read_text(), path.stat().st_mode & 0o777) for path in sent] == [
        ("hello\n", 0o640)
    ] * 3
    for path in sent:
        shutil.rmtree(path.parent)
    assert (first.status, second.status) == (0, 0)
    assert "3 hosts: 3 changed in " in first.err
    assert "3 hosts: 3 ok in " in second.err
    assert first.out.splitlines()[1].split()[:3] == ["web[1-3]", "changed", "sent/motd"]


def test_check_sends_nothing(on_lab: Typed, lab: Lab, cwd: Path) -> None:
    (cwd / "unsent").write_text("hello\n")
    said = on_lab("remote.put", "unsent", "unsent", "--hosts", "web1", "--check")
    assert (said.status, "1 host: 1 changed" in said.err) == (0, True)
    assert not (lab.home("web1") / "unsent").exists()


def test_a_file_that_is_not_here_touches_no_host(typed: Typed, with_a_dead_host: Path) -> None:
    said = typed("remote.put", "nowhere", "x", "--hosts", "all")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: nowhere: cannot read it: No such file or directory\n"


def test_a_folder_that_is_not_there_is_said_once(on_lab: Typed, cwd: Path) -> None:
    (cwd / "motd").write_text("hello\n")
    said = on_lab("remote.put", "motd", "no/such/motd", "--hosts", "web")
    assert said.status == 1
    assert said.errors == ["error: web[1-3]: there is no folder no/such (make it first)"]


def test_files_are_fetched_into_a_folder_a_host(on_lab: Typed, lab: Lab, cwd: Path) -> None:
    for name in ("web1", "web2"):
        (lab.home(name) / "name").write_bytes(name.encode() + b"\xff")
    said = on_lab("remote.get", "name", "--hosts", "web")
    for name in ("web1", "web2"):
        (lab.home(name) / "name").unlink()
    fetched = {path.parent.name: path.read_bytes() for path in cwd.glob("fetched/*/*")}
    assert fetched == {"web1": b"web1\xff", "web2": b"web2\xff"}
    assert said.status == 1
    assert said.errors == ["error: web3: cannot get name: there is no such file"]
