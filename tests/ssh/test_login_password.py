"""Logging in with a password: as one, or as the answer to a question, and never twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.labs import LabImage
from tests.ssh.doorkeeper import Door, Doorkeeper, doorkeeper
from tests.ssh.peers import trouble
from tests.ssh.sshd import make_key
from wirework.errors import AuthenticationFailed, Unreachable
from wirework.inventory import Host
from wirework.lab import Lab
from wirework.secrets import Secret
from wirework.ssh import Pool, run

HIDDEN = ("Password: ", False)
RIGHT = Secret("env:RIGHT", lambda: "right")
WRONG = Secret("env:WRONG", lambda: "hunter2")


def test_a_password_logs_in_with_or_without_a_key_that_is_refused(
    pool: Pool, tmp_path: Path
) -> None:
    with doorkeeper(tmp_path, door := Door()) as server:
        pool.remote(server.host("a", key=None, password=RIGHT)).connect()
        key = make_key(tmp_path / "other")
        pool.remote(server.host("b", key=key, password=RIGHT)).connect()
        assert door.passwords == ["right", "right"]


@pytest.mark.parametrize(
    "rounds",
    [
        [[HIDDEN]],
        [[], [HIDDEN], []],  # something to read, and PAM's last word
        [[("Geheimzahl für ann: ", False)]],
    ],
)
def test_a_hidden_question_is_answered_with_the_password(
    pool: Pool, tmp_path: Path, rounds: list[list[tuple[str, bool]]]
) -> None:
    door = Door(password=False, rounds=rounds)
    with doorkeeper(tmp_path, door) as server:
        pool.remote(server.host(key=None, password=RIGHT)).connect()
        assert [answer for answer in door.answers if answer] == [["right"]]


@pytest.mark.parametrize("rounds", [[], [[HIDDEN]]])
def test_a_wrong_password_is_spent_once_and_never_shown(
    pool: Pool, tmp_path: Path, rounds: list[list[tuple[str, bool]]]
) -> None:
    with doorkeeper(tmp_path, door := Door(rounds=rounds)) as server:
        error = trouble(pool, server.host(key=None, password=WRONG))
        assert type(error) is AuthenticationFailed
        assert "(tried password; it takes " in str(error)
        assert error.hint == "correct user or password in the inventory"
        assert "hunter2" not in str(error)
        assert (door.passwords, door.answers) == (["hunter2"], [])


def test_a_wrong_answer_is_a_refusal(pool: Pool, tmp_path: Path) -> None:
    with doorkeeper(tmp_path, door := Door(password=False, rounds=[[HIDDEN]])) as server:
        error = trouble(pool, server.host(key=None, password=WRONG))
        assert "(tried keyboard-interactive; it takes keyboard-interactive)" in str(error)
        assert error.hint == "correct user or password in the inventory"
        assert door.answers == [["hunter2"]]


@pytest.mark.parametrize(
    ("rounds", "asked"),
    [
        ([[HIDDEN], [("Verification code: ", False)]], "'Verification code:'"),
        ([[HIDDEN], [HIDDEN, HIDDEN]], "'Password: Password:' and 1 more"),
        ([[HIDDEN, ("Verification code: ", False)]], "'Password: Verification code:' and 1 more"),
        ([[("Your name: ", True)]], "'Your name:'"),
        ([[("\x1b[31m" + "x" * 3000 + "\n: ", False), HIDDEN]], "'[31m" + "x" * 36 + "' and 1"),
        ([[HIDDEN] * 100], "' and 15 more"),
        ([[HIDDEN], *[[]] * 20], "''"),
    ],
)
def test_a_host_that_asks_for_more_is_told_and_gets_nothing_else(
    pool: Pool, tmp_path: Path, rounds: list[list[tuple[str, bool]]], asked: str
) -> None:
    door = Door(password=False, rounds=rounds)
    with doorkeeper(tmp_path, door) as server:
        error = trouble(pool, server.host(key=None, password=RIGHT))
        assert type(error) is AuthenticationFailed
        assert "(tried keyboard-interactive (it asks for " in str(error)
        assert asked in str(error)
        assert error.hint.startswith("Wirework answers one question, with the password")
        assert sum(map(len, door.answers)) <= 1


def test_the_same_question_again_is_a_refusal(pool: Pool, tmp_path: Path) -> None:
    with doorkeeper(tmp_path, Door(password=False, rounds=[[HIDDEN], [HIDDEN]])) as server:
        error = trouble(pool, server.host(key=None, password=RIGHT))
        assert "(tried keyboard-interactive; it takes keyboard-interactive)" in str(error)


def test_a_password_that_has_expired_is_told(pool: Pool, tmp_path: Path) -> None:
    with doorkeeper(tmp_path, Door(expired=True)) as server:
        error = trouble(pool, server.host(key=None, password=RIGHT))
        assert "(tried password (it asks for a new one, since this has expired);" in str(error)


def test_a_host_that_hangs_up_whatever_is_tried_is_told(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(keeper: Doorkeeper, username: str) -> bool:
        keeper._connections[-1].abort()
        return True

    monkeypatch.setattr(Doorkeeper, "begin_auth", hang_up)
    with doorkeeper(tmp_path, Door()) as server:
        error = trouble(pool, server.host(user="ann", key=make_key(tmp_path / "key")))
    assert type(error) is Unreachable
    assert "127.0.0.1 hung up during the login of ann (tried " in str(error)


def test_a_host_that_lets_in_whoever_comes_needs_nothing(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Doorkeeper, "begin_auth", lambda *_: False)
    with doorkeeper(tmp_path, Door()) as server:
        pool.remote(server.host(key=None)).connect()


def test_a_host_that_never_answers_the_login_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def think(keeper: Doorkeeper, username: str) -> bool:
        await asyncio.sleep(60)
        return True

    monkeypatch.setattr(Doorkeeper, "begin_auth", think)
    with (
        doorkeeper(tmp_path, Door()) as server,
        Pool(known_hosts=(), login_timeout=0.5) as pool,
    ):
        error = trouble(pool, server.host(user="ann", key=make_key(tmp_path / "key")))
    assert str(error) == "box: did not answer the login of ann within 0.5 s"


@pytest.fixture(scope="module")
def debian(lab_image: LabImage, tmp_path_factory: pytest.TempPathFactory) -> Debian:
    """A Debian host with PAM, whose sshd listens on a port for each thing it may ask."""
    lab = lab_image("password")
    debian = Debian(lab, make_key(tmp_path_factory.mktemp("debian") / "key"))
    with Pool(known_hosts=()) as pool:
        remote = pool.remote(debian.host(22))
        public = Path(f"{debian.key}.pub").read_bytes()
        keep = "mkdir -p .ssh && cat > .ssh/authorized_keys && chmod -R go-rwx .ssh"
        assert run(remote, keep, stdin=public).ok
        for port, methods in METHODS.items():
            options = (
                "PidFile=none",
                f"AuthenticationMethods={methods}",
                "PubkeyAuthentication=yes",
                "PasswordAuthentication=yes",
                "KbdInteractiveAuthentication=yes",
            )
            words = " ".join(f"-o {option}" for option in options)
            assert run(remote, f"sudo /usr/sbin/sshd -p {port} {words} >&- 2>&-").ok
    return debian


METHODS = {
    2201: "keyboard-interactive",
    2202: "publickey,password",
    2203: "publickey,keyboard-interactive",
    2204: "password,publickey",
}


class Debian:
    def __init__(self, lab: Lab, key: Path) -> None:
        self.lab = lab
        self.key = key
        self.password = Secret("file:password", (lab.folder / "password").read_text)
        known = (lab.known_hosts).read_text().splitlines()
        self.known_hosts = key.with_name("known_hosts")
        address = lab.hosts[0].address
        lines = [line.split(None, 1)[1] for line in known if address in line.split()[0]]
        ports = [f"[{address}]:{port} {line}" for port in METHODS for line in lines]
        self.known_hosts.write_text("\n".join([*known, *ports, ""]))

    def host(self, port: int, **changes: object) -> Host:
        fields: dict[str, object] = {
            "name": f"web1-{port}",
            "address": self.lab.hosts[0].address,
            "port": port,
            "user": "ops",
            "password": self.password,
            "known_hosts": self.known_hosts,
            **changes,
        }
        return Host(**fields)  # type: ignore[arg-type]  # a table of any of its fields


@pytest.mark.xdist_group("podman")
@pytest.mark.parametrize("port", METHODS)
def test_sshd_with_pam_gets_what_it_asks_for(debian: Debian, pool: Pool, port: int) -> None:
    assert run(pool.remote(debian.host(port, key=debian.key)), "id -un").stdout == b"ops\n"


@pytest.mark.xdist_group("podman")
@pytest.mark.parametrize(
    ("port", "tried"),
    [
        (2201, "keyboard-interactive; it takes keyboard-interactive"),
        (2202, "KEY (accepted), password; it also wants password"),
        (2203, "KEY (accepted), keyboard-interactive; it also wants keyboard-interactive"),
        (2204, "password; it takes password"),
    ],
)
def test_sshd_with_pam_refuses_a_wrong_password(
    debian: Debian, pool: Pool, port: int, tried: str
) -> None:
    error = trouble(pool, debian.host(port, key=debian.key, password=WRONG))
    assert f"(tried {tried.replace('KEY', str(debian.key))})" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.xdist_group("podman")
def test_a_second_step_without_a_password_is_advised(debian: Debian, pool: Pool) -> None:
    error = trouble(pool, debian.host(2202, key=debian.key, password=None))
    assert f"(tried {debian.key} (accepted); it also wants password)" in str(error)
    assert error.hint == "give its password in the inventory"
