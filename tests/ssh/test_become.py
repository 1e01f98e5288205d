from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.machine import require
from tests.ssh.sshd import Said, Server
from wirework.errors import BadInput, CommandFailed, SecretError
from wirework.inventory import Host
from wirework.secrets import Secret, secret
from wirework.ssh import Pool, Remote
from wirework.ssh.become import prepare
from wirework.ssh.become.lines import command_line
from wirework.ssh.become.refusals import complaint

HOST = Host("box", "127.0.0.1")


def test_text_becomes_one_argument_of_a_shell_of_the_other_user() -> None:
    assert (
        command_line("echo $HOME; id", user="www") == b"sudo -n -H -u www -- sh -c 'echo $HOME; id'"
    )


def test_an_argument_list_is_run_by_sudo_itself() -> None:
    assert command_line(["ls", "a b"], user="root") == b"sudo -n -H -u root -- ls 'a b'"


def test_doas_without_a_password_is_as_short() -> None:
    line = command_line(["ls", "a b"], user="www", method="doas")
    assert line == b"doas -n -u www -- ls 'a b'"


WANTED = "cannot become root: sudo wants a password ("
NOT_ALLOWED = "cannot become root: sudo does not allow it ("
NO_TTY = "cannot become root: sudo wants a terminal ("
NO_USER = "cannot become root: there is no such user ("
ABSENT = "cannot become root: {} is not installed ("


@pytest.mark.parametrize(
    ("method", "status", "said", "expected"),
    [
        ("sudo", 1, "sudo: a password is required\n", f"{WANTED}a password is required)"),
        ("sudo", 1, "sudo: interactive authentication is required\n", WANTED),
        ("sudo", 1, "sudo: sorry, you must have a tty to run sudo\n", NO_TTY),
        ("sudo", 1, "sudo: no tty present and no askpass program specified\n", NO_TTY),
        ("sudo", 1, "sudo: a terminal is required to read the password; either …\n", NO_TTY),
        ("sudo", 1, "ann is not in the sudoers file.\n", f"{NOT_ALLOWED}ann is not in"),
        (
            *(
                "sudo",
                1,
                "Sorry, user ann is not allowed to execute '/bin/ls -l /' as root on box.\n",
            ),
            f"{NOT_ALLOWED}Sorry, user ann is not allowed to execute /bin/ls as root",
        ),
        ("sudo", 1, "sudo: unknown user root\n", NO_USER),
        ("sudo", 1, "sudo: unknown user: root\nsudo: unable to initialize policy\n", NO_USER),
        (
            *("sudo", 1, "sudo: unable to resolve host box: x\nsudo: a password is required\n"),
            f"{WANTED}a password is required)",
        ),
        (
            *("sudo", 1, "sudo: Account or password is expired, reset your password\n"),
            "cannot become root: the account or its password has expired or is locked (",
        ),
        (
            *("sudo", 1, "sudo: Ein Passwort ist notwendig\n"),
            f"{WANTED}Ein Passwort ist notwendig)",
        ),
        ("sudo", 1, "sudo: se requiere algo\n", "cannot become root: se requiere algo ("),
        ("sudo", 127, "bash: line 1: sudo: command not found\n", ABSENT.format("sudo")),
        ("sudo", 127, "bash: Zeile 1: sudo: Kommando nicht gefunden.\n", ABSENT.format("sudo")),
        ("sudo", 127, "sh: 1: sudo: not found\n", ABSENT.format("sudo")),
        ("sudo", 127, "zsh:1: command not found: sudo\n", ABSENT.format("sudo")),
        ("doas", 127, "fish: Unknown command: doas\n", ABSENT.format("doas")),
        ("doas", 1, "doas: Authentication required\n", "root: doas wants a password (Auth"),
        ("doas", 1, "doas: Operation not permitted\n", "root: doas does not allow it (Oper"),
        ("doas", 1, "doas: unknown user\n", NO_USER),
    ],
)
def test_a_refusal_is_told_in_one_line(method: str, status: int, said: str, expected: str) -> None:
    error = complaint(HOST, method, status, said.encode())
    assert isinstance(error, CommandFailed)
    assert str(error).startswith("box: cannot become root: ")
    assert expected in str(error)
    assert error.hint
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (1, ""),
        (1, "grep: x: No such file\n"),
        (1, "sudo: unable to resolve host box: Name or service not known\n"),
        (1, "sudo: note\nmysql: cannot connect\n"),
        (1, "sudo: frobnicate: command not found\n"),
        (127, "sh: 1: frobnicate: not found\n"),
        (127, "sh: 1: visudo: not found\n"),
        (127, "frobnicate: not found\nInstall it with:\nsudo apt install frobnicate\n"),
        (2, "sudo: a password is required\n"),
    ],
)
def test_a_commands_own_failure_is_not_taken_for_sudos(status: int, said: str) -> None:
    assert complaint(HOST, "sudo", status, said.encode()) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"become_method": "runas"}, "box: 'runas' is no way to become another user (bec"),
        ({"become_password": Secret("x", lambda: "a\nb")}, "box: the password of <secret x> is"),
        ({"become_password": Secret("x", lambda: "")}, "box: the password of <secret x> is empty"),
        ({"become_password": secret("env:NO_SUCH_ONE")}, "the environment variable NO_SUCH_ONE"),
    ],
)
def test_what_leads_nowhere_is_refused_before_connecting(
    change: dict[str, Any], problem: str
) -> None:
    host = dataclasses.replace(HOST, **change)
    with pytest.raises((BadInput, SecretError)) as caught:
        prepare(host, "id", become=True, stdin=b"", stdout=print, stderr=print, combine=False)
    assert str(caught.value).startswith(problem)


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
