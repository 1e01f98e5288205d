from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine import require
from tests.ssh.shells import SHELLS, run_in
from tests.ssh.sshd import Server
from wirework.errors import BadInput, SecretError
from wirework.secrets import Secret, secret
from wirework.ssh import Pool, Remote, run
from wirework.ssh.bootstrap import bootstrap, encoded
from wirework.ssh.commands import _with_variables
from wirework.ssh.environment import SHELLS_OWN, environment, exports

VALUES = {
    "PLAIN": "x",
    "EMPTY": "",
    "SPACES": "  a  b  ",
    "QUOTES": 'it\'s "so" `id` $(id) $HOME \\n \\',
    "LINES": "one\n\ntwo\n",
    "TAB": "\ta\r",
    "FOREIGN": "Zoë 漢字 🦊",
    "BYTES": "\udcff\udc81",
    "EQUALS": "a=b=c",
    "DASHES": "--help",
    "ESCAPE": "\x1b[31m\x01\x7f",
    "IFS": "xyz",
    "PS4": "$(id)",
    "lower_1": "case",
    "_under": "score",
}


def variables_in(said: bytes) -> dict[str, str]:
    """Return what ``env -0`` says."""
    pairs = (each.partition(b"=") for each in said.split(b"\0") if each)
    return {name.decode(): os.fsdecode(value) for name, _, value in pairs}


def set_in(shell: str, env: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """Return the variables that a program gets by way of a shell, and what that complains of."""
    text = encoded("{\n" + exports(env) + "exec /usr/bin/env -0\n}")
    done = run_in(shell, bootstrap(len(text)), text)
    return variables_in(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {}),
        (("A=1", "B=2"), {"A": "1", "B": "2"}),
        (("A=1", "A=2"), {"A": "2"}),
        (("A=",), {"A": ""}),
        (("A=b=c",), {"A": "b=c"}),
        (("A= b ",), {"A": " b "}),
        (("A=secret",), {"A": "secret"}),
        (("A=secret:env:TOKEN",), {"A": secret("env:TOKEN")}),
    ],
)
def test_words_are_read(words: tuple[str, ...], expected: dict[str, str | Secret]) -> None:
    assert environment(words) == expected


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("hunter2", "a variable is given as NAME=VALUE (--env STAGE=test)"),
        ("=hunter2", "'' is no name of a variable (letters, digits and _, no digit first)"),
        ("1A=hunter2", "'1A' is no name of a variable (letters, digits and _, no digit first)"),
        ("A-B=hunter2", "'A-B' is no name of a variable (letters, digits and _, no digit first)"),
        ("A\n=hunter2", "'A\\n' is no name of a variable (letters, digits and _, no digit first)"),
        ("Ä=hunter2", "'Ä' is no name of a variable (letters, digits and _, no digit first)"),
        ("UID=hunter2", "the variable UID belongs to the shell (take another name)"),
    ],
)
def test_words_of_no_use_are_refused_without_their_values(word: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        environment([word])
    assert str(caught.value) == says


def test_a_secrets_source_of_no_kind_is_refused_without_it() -> None:
    with pytest.raises(SecretError) as caught:
        environment(["A=secret:hunter2"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a\0hunter2", "the variable A cannot hold a NUL character"),
        (
            "hunter2" * 20_000,
            (
                "the variable A is 140002 bytes long, more than the 131071 a host accepts"
                " (send the bulk as a file)"
            ),
        ),
    ],
)
def test_values_that_no_variable_can_have_are_refused_without_them(value: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        exports({"A": value})
    assert str(caught.value) == says


@pytest.mark.parametrize("shell", SHELLS)
def test_values_arrive_exactly(shell: str) -> None:
    got, complaints = set_in(shell, VALUES)
    assert {name: got.get(name) for name in VALUES} == VALUES
    assert complaints == b""


@pytest.mark.parametrize("shell", SHELLS)
@settings(deadline=None, max_examples=40)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_value_arrives_exactly(shell: str, value: str) -> None:
    got, _ = set_in(shell, {"VALUE": value})
    assert got["VALUE"] == value


@pytest.mark.parametrize("shell", SHELLS)
def test_the_longest_value_arrives(shell: str) -> None:
    value = "it's " * 26_000
    got, _ = set_in(shell, {"LONG": value})
    assert got["LONG"] == value


def test_the_shells_own_names_are_those_that_bash_does_not_hand_on() -> None:
    require("bash")
    names = run_in("bash", ("sh", "-c", "compgen -v"), b"").stdout.decode().split()
    # How the command itself is run hangs on these, and they arrive.
    for name in sorted({*names, *SHELLS_OWN} - {"BASH_ENV", "PATH"}):
        got, complaints = set_in("bash", {"X": "1"} if name in SHELLS_OWN else {name: "a b"})
        assert complaints == b"", name
        assert name in SHELLS_OWN or got.get(name) == "a b", name


def test_variables_reach_a_command_of_the_login_shell(remote: Remote) -> None:
    # A shell takes no IFS from its environment, and one of root no PS4.
    values = {name: value for name, value in VALUES.items() if name not in ("IFS", "PS4")}
    ran = run(remote, "env -0; echo ${0##*/} >&2", env=values)
    assert ran.ok
    got = variables_in(ran.stdout)
    assert {name: got.get(name) for name in values} == values
    assert ran.stderr == run(remote, "echo ${0##*/} >&2").stderr


def test_variables_reach_an_argument_list(remote: Remote) -> None:
    ran = run(remote, ["printenv", "A"], env={"A": "a b"})
    assert (ran.status, ran.stdout) == (0, b"a b\n")


def test_variables_reach_the_other_user(server: Server, pool: Pool) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    ran = run(remote, 'echo "$(id -un) $A"', env={"A": "a 'b'"})
    assert (ran.status, ran.stdout) == (0, b"nobody a 'b'\n")


def test_a_path_without_anything_keeps_no_shell_from_its_command(remote: Remote) -> None:
    env = {"PATH": "/nowhere", "SHELL": "/nowhere/sh"}
    ran = run(remote, "echo $PATH $SHELL", env=env)
    assert (ran.status, ran.stdout, ran.stderr) == (0, b"/nowhere /nowhere/sh\n", b"")


def test_stdin_is_the_commands(remote: Remote) -> None:
    pieces = itertools.repeat(b"x" * 10_000, 100)
    ran = run(remote, "wc -c", env={"A": "1"}, stdin=pieces)
    assert ran.stdout.split() == [b"1000000"]
    assert run(remote, "cat", env={"A": "1"}).stdout == b""
    assert run(remote, "cat", stdin=b"hello").stdout == b"hello"


def test_no_list_of_processes_shows_a_value(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; sleep 0; echo; echo ${#TOKEN}"
    ran = run(remote, look, env={"TOKEN": secret(f"file:{tmp_path}/token")})
    assert ran.stdout.endswith(b"\n7\n")
    assert b"/proc/[0-9]" in ran.stdout  # the look itself is seen
    assert b"hunter2" not in ran.stdout


def test_a_secret_that_cannot_be_had_is_told_before_the_host_is_asked(pool: Pool) -> None:
    nowhere = pool.remote(Server(port=1, folder=Path("/nowhere")).host())
    with pytest.raises(SecretError, match="NOT_SET"):
        run(nowhere, "true", env={"A": secret("env:NOT_SET")})


@pytest.mark.parametrize("command", ["", "a\0b", "x" * 131_072])
def test_commands_that_cannot_be_sent_are_refused_as_without_variables(
    remote: Remote, command: str
) -> None:
    with pytest.raises(BadInput) as without:
        run(remote, command)
    with pytest.raises(BadInput) as caught:
        run(remote, command, env={"A": "1"})
    assert str(caught.value) == str(without.value)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_connection_that_is_lost_runs_nothing_of_a_command(shell: str) -> None:
    text = _with_variables("echo run; echo more", {"A": "x"}, login_shell=False)
    for cut in range(0, len(text), 2):
        done = run_in(shell, bootstrap(len(text)), text[:cut])
        assert done.stdout == b"", text[:cut]
    assert run_in(shell, bootstrap(len(text)), text).stdout == b"run\nmore\n"
