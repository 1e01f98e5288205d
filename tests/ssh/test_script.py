from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine import require
from tests.ssh.shells import SHELLS, run_in
from tests.ssh.sshd import Server
from wirework.errors import BadInput
from wirework.ssh import Pool, Remote
from wirework.ssh.bootstrap import bootstrap
from wirework.ssh.script import END, LARGEST, LocalScript, WouldRun, foresee, receiving, script

ARGS = ["a", "", "b c", "it's", '"', "$HOME", "*", "-n", "--", "é\n", "\udcff"]


def written(folder: Path, text: str | bytes, name: str = "job") -> LocalScript:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return LocalScript.of(path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("echo hello", ("/bin/sh",)),
        ("# a comment", ("/bin/sh",)),
        (" #!/bin/bash", ("/bin/sh",)),
        ("#!/bin/sh", ("/bin/sh",)),
        ("#! /bin/bash", ("/bin/bash",)),
        ("#!/bin/sh -eu", ("/bin/sh", "-eu")),
        ("#!/bin/sh  -e -u ", ("/bin/sh", "-e -u")),
        ("#!\t/bin/sh\t-e", ("/bin/sh", "-e")),
        ("#!/usr/bin/env python3", ("/usr/bin/env", "python3")),
        ("#!/usr/bin/env -S python3 -u", ("/usr/bin/env", "-S python3 -u")),
        ("#!/usr/bin/awk -f", ("/usr/bin/awk", "-f")),
    ],
)
def test_the_first_line_names_the_interpreter_as_linux_reads_it(
    tmp_path: Path, line: str, expected: tuple[str, ...]
) -> None:
    assert written(tmp_path, f"{line}\nx\n").interpreter == expected


def test_linux_reads_a_first_line_just_so(tmp_path: Path) -> None:
    shower = tmp_path / "shower"
    shower.write_text('#!/bin/sh\nfor each in "$@"; do echo "[$each]"; done\n')
    shower.chmod(0o755)
    for line in (f"#!{shower}", f"#! {shower} ", f"#!{shower}  -e -u ", f"#!\t{shower}\ta\tb"):
        source = written(tmp_path, f"{line}\n")
        source.path.chmod(0o755)
        said = subprocess.run([source.path], check=True, capture_output=True, timeout=10).stdout
        told = [*source.interpreter[1:], str(source.path)]
        assert said.decode() == "".join(f"[{each}]\n" for each in told)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("#!/bin/bash", "/bin/bash"),
        ("#!/usr/bin/env python3", "python3"),
        ("#!/usr/bin/env -S python3 -u", "python3"),
        ("#!/usr/bin/env -S A=1 -i perl -w", "perl"),
        ("#!/usr/bin/env --split-string=perl -w", "perl"),
        ("#!/usr/bin/env", "/usr/bin/env"),
    ],
)
def test_the_program_that_has_to_be_there(tmp_path: Path, first: str, expected: str) -> None:
    assert written(tmp_path, f"{first}\n").program == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "{path}: there is nothing in it to run"),
        (b" \n\n", "{path}: there is nothing in it to run"),
        (
            b"\x7fELF\x02\x00",
            "{path}: not a script but a binary file (remote.put sends it, remote.run runs it)",
        ),
        (
            "#!/bin/sh\n".encode("utf-16"),
            "{path}: not a script but a binary file (remote.put sends it, remote.run runs it)",
        ),
        (
            b"\xef\xbb\xbf#!/bin/sh\n",
            (
                "{path}:1: it begins with a byte order mark, which no interpreter takes"
                " (save it as UTF-8 without one)"
            ),
        ),
        (
            b"#!/bin/sh\r\nid\r\n",
            (
                "{path}:1: its lines end as on Windows (CR LF), which shells take for a part of the"
                " words (sed -i 's/\\r$//' {path})"
            ),
        ),
        (
            b"#!/bin/sh\nid\r\n",
            (
                "{path}:2: its lines end as on Windows (CR LF), which shells take for a part of the"
                " words (sed -i 's/\\r$//' {path})"
            ),
        ),
        (
            b"#!python3\n",
            (
                "{path}:1: its first line names no interpreter by its whole path"
                " (#!/bin/sh, or #!/usr/bin/env python3)"
            ),
        ),
        (
            b"#!\n",
            (
                "{path}:1: its first line names no interpreter by its whole path"
                " (#!/bin/sh, or #!/usr/bin/env python3)"
            ),
        ),
        (b"#!/" + b"x" * 300 + b"\n", "{path}:1: its first line is longer than 255 bytes"),
        (
            b"#" * (LARGEST + 1),
            "{path}: a script of more than 8 MiB (remote.put sends it, remote.run runs it)",
        ),
    ],
)
def test_what_no_host_could_run_is_refused(tmp_path: Path, text: bytes, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        written(tmp_path, text)
    assert str(caught.value) == says.format(path=tmp_path / "job")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none: cannot read it: No such file or directory"):
        LocalScript.of(tmp_path / "none")
    with pytest.raises(BadInput, match=r"cannot read it: Is a directory"):
        LocalScript.of(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="pipe: not a file"):
        LocalScript.of(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ('#!/bin/sh\nprintf "[%s]" "$@"', "dash"),
        ('printf "[%s]" "$@"', "dash"),
        ('#!/bin/bash -eu\nlist=("$@"); printf "[%s]" "${list[@]}"', "bash"),
        (
            (
                "#!/usr/bin/env -S python3 -u\nimport os, sys\n"
                "for a in sys.argv[1:]: os.write(1, b'[%s]' % os.fsencode(a))"
            ),
            "",
        ),
        ('#!/usr/bin/perl -w\nprint "[$_]" for @ARGV;\n__DATA__\nmore', ""),
        ('#!/usr/bin/awk -f\nBEGIN { for (i = 1; i < ARGC; i++) printf "[%s]", ARGV[i] }', ""),
    ],
    ids=["sh", "none", "bash", "python3", "perl", "awk"],
)
def test_arguments_reach_scripts_of_all_kinds_exactly(
    remote: Remote, tmp_path: Path, text: str, needs: str
) -> None:
    if needs:
        require(needs)
    ran = script(remote, written(tmp_path, text), ARGS)
    assert ran.stderr == b""
    assert ran.stdout == b"".join(b"[%s]" % os.fsencode(arg) for arg in ARGS)
    assert ran.ok


@pytest.mark.parametrize("shell", SHELLS)
@settings(deadline=None, max_examples=40)
@given(
    text=st.binary().map(lambda given: given.replace(b"\0", b"").replace(b"\r", b"")),
    args=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
)
def test_any_text_arrives_exactly_with_any_arguments(
    shell: str, text: bytes, args: list[str]
) -> None:
    # An interpreter that shows its arguments, and then the file that it is given first.
    shown = 'file=$1; shift; printf "%s\\0" "$@"; cat "$file"'
    source = LocalScript(Path("job"), ("/bin/sh", "-c", shown, "sh"), text)
    wrapped = receiving(source, args, {})
    done = run_in(shell, bootstrap(len(wrapped)), wrapped + text + END)
    told = b"".join(arg.encode() + b"\0" for arg in args) if args else b"\0"
    assert done.stdout == told + text
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_connection_that_is_lost_runs_nothing_of_a_script(shell: str, tmp_path: Path) -> None:
    source = written(tmp_path, b"echo run\n" * 5)
    wrapped = receiving(source, [], {"A": "1"})
    whole = wrapped + source.text + END
    for cut in range(1, len(whole), 3):
        done = run_in(shell, bootstrap(len(wrapped)), whole[:cut])
        assert done.stdout == b"", cut
        assert done.returncode != 0, cut
    assert run_in(shell, bootstrap(len(wrapped)), whole).stdout == source.text.replace(
        b"echo ", b""
    )


def test_a_script_larger_than_an_argument_runs_to_its_end(remote: Remote, tmp_path: Path) -> None:
    filler = '# it\'s ${nothing} but "filler"\n' * 100_000
    ran = script(remote, written(tmp_path, f"#!/bin/sh\necho begin\n{filler}echo end\n"))
    assert ran.stdout == b"begin\nend\n"
    assert ran.ok


def test_a_script_that_ends_early_and_leaves_a_process_behind_keeps_nobody_waiting(
    remote: Remote, tmp_path: Path
) -> None:
    filler = "# filler\n" * 100_000
    text = f"#!/bin/sh\nsleep 60 >/dev/null 2>&1 & echo $!; exit 3\n{filler}"
    ran = script(remote, written(tmp_path, text), timeout=30)
    try:
        assert (ran.status, ran.stderr) == (3, b"")
        assert ran.seconds < 10
    finally:
        os.kill(int(ran.stdout), 9)


def test_a_scripts_own_stdin_is_empty(remote: Remote, tmp_path: Path) -> None:
    ran = script(remote, written(tmp_path, "#!/bin/sh\nwc -c\ncat\necho end\n"))
    assert ran.stdout.split() == [b"0", b"end"]


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_written_to_a_disk(shell: str, tmp_path: Path) -> None:
    require(shell)
    source = written(tmp_path, "# filler\n" * 50_000 + "wc -c <&0\n")
    wrapped = receiving(source, [], {})
    argv = [*SHELLS[shell], *bootstrap(len(wrapped))[1:]]
    # A limit of no bytes holds for files, and for files only (setrlimit(2), RLIMIT_FSIZE).
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *argv],
        input=wrapped + source.text + END,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"0", b"")


def test_how_a_script_ended_is_told(remote: Remote, tmp_path: Path) -> None:
    assert script(remote, written(tmp_path, "exit 7")).status == 7
    assert script(remote, written(tmp_path, "kill -KILL $$")).status == 128 + 9
    ran = script(remote, written(tmp_path, "#!/nowhere/perl\n1;\n"))
    assert ran.status == 127
    assert b"/nowhere/perl" in ran.stderr


def test_a_script_gets_variables(remote: Remote, tmp_path: Path) -> None:
    env = {"A": "it's\n", "PATH": "/nowhere"}
    ran = script(remote, written(tmp_path, '#!/bin/sh\nprintf "%s" "$A$PATH"'), env=env)
    assert (ran.status, ran.stdout, ran.stderr) == (0, b"it's\n/nowhere", b"")


def test_a_script_runs_as_the_other_user(server: Server, pool: Pool, tmp_path: Path) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    ran = script(remote, written(tmp_path, 'echo "$(id -un) $A $1"'), ["b c"], env={"A": "a"})
    assert (ran.status, ran.stdout, ran.stderr) == (0, b"nobody a b c\n", b"")


def test_an_argument_with_a_nul_is_refused(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="an argument cannot hold a NUL character"):
        script(remote, written(tmp_path, "id"), ["a\0b"])


def test_where_a_script_would_run_is_told_without_running_it(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    marker = tmp_path / "marker"
    source = written(tmp_path, f"#!/usr/bin/env sh\ntouch {marker}\n")
    seen = foresee(remote, source)
    assert seen == WouldRun("job", seen.interpreter, "nobody")
    assert seen.interpreter.endswith("/sh")
    assert seen.ok
    assert not marker.exists()
    absent = foresee(remote, written(tmp_path, "#!/nowhere/perl\n"))
    assert (absent.interpreter, absent.ok) == ("-", False)
