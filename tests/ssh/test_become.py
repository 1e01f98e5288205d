from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.machine import require
from tests.ssh.sshd import Said, Server
from wirework.errors import CommandFailed
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.ssh.become import command_line, complaint

HOST = Host("box", "127.0.0.1")


def test_text_becomes_one_argument_of_a_shell_of_the_other_user() -> None:
    assert (
        command_line("echo $HOME; id", user="www") == b"sudo -n -H -u www -- sh -c 'echo $HOME; id'"
    )


def test_an_argument_list_is_run_by_sudo_itself() -> None:
    assert command_line(["ls", "a b"], user="root") == b"sudo -n -H -u root -- ls 'a b'"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (1, "sudo: a password is required\n", "sudo wants a password (a password is required)"),
        (1, "sudo: interactive authentication is required\n", "sudo wants a password"),
        (1, "sudo: sorry, you must have a tty to run sudo\n", "sudo wants a password"),
        (1, "ann is not in the sudoers file.\n", "cannot become root: ann is not in the sudoers"),
        (
            1,
            "Sorry, user ann is not allowed to execute '/bin/ls' as root on box.\n",
            "cannot become root: Sorry, user ann is not allowed",
        ),
        (1, "sudo: unknown user root\n", "cannot become root: unknown user root"),
        (
            1,
            "sudo: unable to resolve host box: unknown\nsudo: a password is required\n",
            "sudo wants a password (a password is required)",
        ),
        (127, "bash: line 1: sudo: command not found\n", "sudo is not installed"),
        (127, "sh: 1: sudo: not found\n", "sudo is not installed"),
    ],
)
def test_what_sudo_says_is_told_in_one_line(status: int, said: str, expected: str) -> None:
    error = complaint(HOST, "root", status, said.encode())
    assert isinstance(error, CommandFailed)
    assert str(error).startswith("box: ")
    assert expected in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (1, ""),
        (1, "grep: x: No such file\n"),
        (1, "sudo: unable to resolve host box: Name or service not known\n"),
        (1, "sudo: note\nmysql: cannot connect\n"),
        (127, "sh: 1: frobnicate: not found\n"),
        (2, "sudo: a password is required\n"),
    ],
)
def test_a_commands_own_failure_is_not_taken_for_sudos(status: int, said: str) -> None:
    assert complaint(HOST, "root", status, said.encode()) is None


def test_a_command_runs_as_the_other_user(server: Server, pool: Pool) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    said: list[bytes] = []
    assert remote.execute("id -un; exit 7", stdout=said.append, stderr=said.append) == 7
    assert b"".join(said) == b"nobody\n"
    assert remote.execute(["id", "-un"], stdout=said.append, stderr=said.append) == 0
    said.clear()
    remote.execute(["id", "-un"], become=False, stdout=said.append, stderr=said.append)
    assert b"".join(said) != b"nobody\n"


def test_a_failure_under_sudo_stays_the_commands(
    execute: Callable[..., Said], remote: Remote
) -> None:
    require("sudo")
    assert execute("echo no >&2; exit 1", become=True) == Said(1, b"", b"no\n")


def test_sudos_refusal_is_an_error(server: Server, pool: Pool) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="no-such-user"))
    with pytest.raises(CommandFailed, match=r"^box: cannot become no-such-user: .*unknown user"):
        remote.execute("true", stdout=print, stderr=print)
