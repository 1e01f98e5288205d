"""Logging in with keys and certificates: what is tried in which order, and what is said after."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.peers import trouble
from tests.ssh.sshd import Server, make_key, running_sshd
from wirework.errors import AuthenticationFailed, BadInput
from wirework.secrets import Secret
from wirework.ssh import Pool

NEVER = Secret("env:NEVER", lambda: pytest.fail("the secret was fetched"))


def said(server: Server) -> str:
    return (server.folder / "log").read_text()


def copy(key: Path, to: Path) -> Path:
    """Put a private key where another one is looked for."""
    to.write_bytes(key.read_bytes())
    to.chmod(0o600)
    return to


def ssh_config(home: Path, *lines: str) -> None:
    (home / ".ssh" / "config").write_text("\n".join([*lines, ""]))


def test_a_key_that_the_host_does_not_accept_is_told(
    server: Server, pool: Pool, home: Path
) -> None:
    key = make_key(home / "other")
    error = trouble(pool, server.host(key=key, user="root"))
    assert type(error) is AuthenticationFailed
    assert str(error) == (
        "box: 127.0.0.1 refused to log in root (tried ~/other; it takes publickey)"
        " (add ~/other.pub to ~root/.ssh/authorized_keys there,"
        " or correct user or key in the inventory)"
    )


def test_a_host_that_takes_only_keys_is_sent_no_password(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "other")
    error = trouble(pool, server.host("a", key=key, password=NEVER))
    assert f"(tried {key}; it takes publickey)" in str(error)
    error = trouble(pool, server.host("b", key=None, password=NEVER))
    assert "(tried nothing; it takes publickey) (name a key in the inventory" in str(error)


def test_a_host_that_takes_only_passwords_is_shown_one_key_at_most(
    tmp_path: Path, pool: Pool, home: Path
) -> None:
    options = ("PubkeyAuthentication no", "PasswordAuthentication yes", "LogLevel DEBUG1")
    for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
        make_key(home / ".ssh" / name)
    with running_sshd(tmp_path, *options) as server:
        error = trouble(pool, server.host(key=None))
        assert "(tried nothing; it takes password) (give its password" in str(error)
        assert said(server).count("method publickey") == 1


@pytest.mark.parametrize("user", ["", "nobody-of-that-name"])
def test_a_wrong_password_is_spent_once(tmp_path: Path, pool: Pool, user: str) -> None:
    options = ("PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "LogLevel DEBUG1")
    with running_sshd(tmp_path, *options) as server:
        wrong = Secret("env:PW", lambda: "hunter2")
        more = {"user": user} if user else {}
        error = trouble(pool, server.host(key=None, password=wrong, **more))
        log = said(server)
    assert type(error) is AuthenticationFailed
    assert "(tried password; it also" not in str(error)
    assert "(tried password; it takes publickey or password or keyboard-interactive)" in str(error)
    assert "hunter2" not in str(error)
    assert (log.count("method password"), log.count("method keyboard-interactive")) == (1, 0)


def test_a_key_of_no_use_is_told_as_bad_input(server: Server, pool: Pool, tmp_path: Path) -> None:
    error = trouble(pool, server.host(key=tmp_path / "none"))
    assert type(error) is BadInput
    assert str(error) == f"{tmp_path}/none: the private key does not exist"


def test_a_passphrase_opens_the_hosts_own_key(tmp_path: Path, server: Server, pool: Pool) -> None:
    locked = copy(server.key, tmp_path / "locked")
    lock(locked, "open sesame")
    fetched = []
    passphrase = Secret("env:PP", lambda: fetched.append(1) or "open sesame")  # type: ignore[func-returns-value]
    for name in ("a", "b"):
        pool.remote(server.host(name, key=locked, key_passphrase=passphrase)).connect()
    assert fetched == [1]
    pool.remote(server.host("c", key_passphrase=NEVER)).connect()  # its key is not encrypted


def test_a_wrong_passphrase_names_the_file_and_where_it_came_from(
    tmp_path: Path, server: Server, pool: Pool
) -> None:
    locked = make_key(tmp_path / "locked", passphrase="right")
    wrong = Secret("env:PP", lambda: "hunter2")
    error = trouble(pool, server.host(key=locked, key_passphrase=wrong))
    assert type(error) is BadInput
    assert str(error).startswith(
        f"{locked}: the passphrase in <secret env:PP> does not open the private key"
    )
    assert "hunter2" not in str(error)


def lock(key: Path, passphrase: str) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", str(key)],
        check=True,
        timeout=10,
        capture_output=True,
    )


def test_default_keys_log_in_when_the_host_names_none(
    server: Server, pool: Pool, home: Path
) -> None:
    make_key(home / ".ssh" / "id_ed25519")
    make_key(home / ".ssh" / "id_ecdsa", passphrase="secret")
    copy(server.key, home / ".ssh" / "id_rsa")
    pool.remote(server.host(key=None)).connect()
    (home / ".ssh" / "id_rsa").unlink()
    with Pool(known_hosts=()) as other:
        error = trouble(other, server.host(key=None))
    assert (
        "(tried ~/.ssh/id_ed25519, ~/.ssh/id_ecdsa (the private key is encrypted);"
        " it takes publickey)"
    ) in str(error)


def test_keys_of_ssh_config_come_in_its_order_and_missing_ones_are_no_matter(
    server: Server, pool: Pool, home: Path
) -> None:
    for name in ("one", "two"):
        make_key(home / ".ssh" / name)
    make_key(home / ".ssh" / "id_ed25519")  # not tried when others are named
    ssh_config(home, *(f"IdentityFile ~/.ssh/{name}" for name in ("absent", "two", "one")))
    error = trouble(pool, server.host(key=None))
    assert "(tried ~/.ssh/two, ~/.ssh/one; it takes publickey)" in str(error)
    (home / ".ssh" / "absent").write_bytes(server.key.read_bytes())
    (home / ".ssh" / "absent").chmod(0o600)
    with Pool(known_hosts=()) as other:
        other.remote(server.host(key=None)).connect()


def test_the_count_of_tries_stays_below_what_sshd_allows(
    tmp_path: Path, pool: Pool, home: Path
) -> None:
    with running_sshd(tmp_path, "LogLevel DEBUG1", "PasswordAuthentication yes") as server:
        names = [f"k{number}" for number in range(8)]
        for name in names:
            make_key(home / ".ssh" / name)
        ssh_config(home, *(f"IdentityFile ~/.ssh/{name}" for name in names))
        before = said(server).count("Connection from")
        error = trouble(pool, server.host("keys", key=None))
        tried = ", ".join(f"~/.ssh/{name}" for name in names[:5])
        assert f"(tried {tried}, 3 more left out; it takes publickey or password)" in str(error)
        assert error.hint == "name the key in the inventory"
        wrong = Secret("env:PW", lambda: "wrong")
        error = trouble(pool, server.host("both", key=None, password=wrong))
        tried = ", ".join(f"~/.ssh/{name}" for name in names[:4])
        assert f"(tried {tried}, password, 4 more left out; it takes" in str(error)
        assert said(server).count("Connection from") == before + 2
        assert "Too many authentication failures" not in said(server)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_host_with_a_smaller_limit_hears_the_next_way_on_a_new_connection(
    tmp_path: Path, pool: Pool, home: Path, limit: int
) -> None:
    with running_sshd(tmp_path, f"MaxAuthTries {limit}", "PasswordAuthentication yes") as server:
        names = ["a", "b", "c", "right"]
        for name in names[:3]:
            make_key(home / ".ssh" / name)
        copy(server.key, home / ".ssh" / "right")
        ssh_config(home, *(f"IdentityFile ~/.ssh/{name}" for name in names))
        pool.remote(server.host("known", key=None)).connect()
        wrong = Secret("env:PW", lambda: "wrong")
        key = home / ".ssh" / "a"
        error = trouble(pool, server.host("unknown", key=key, password=wrong))
        assert type(error) is AuthenticationFailed
        assert "(tried ~/.ssh/a, password; it takes publickey or password)" in str(error)
        assert said(server).count("Failed password") == 1


def test_a_host_that_wants_two_keys_gets_them(tmp_path: Path, pool: Pool, home: Path) -> None:
    with running_sshd(tmp_path, "AuthenticationMethods publickey,publickey") as server:
        copy(server.key, home / ".ssh" / "id_ed25519")
        error = trouble(pool, server.host("one", key=None))
        assert "(tried ~/.ssh/id_ed25519 (accepted); it also wants publickey)" in str(error)
        second = make_key(home / ".ssh" / "id_ecdsa")
        public = Path(f"{second}.pub").read_text()
        with (server.folder / "authorized_keys").open("a") as file:
            file.write(public)
        with Pool(known_hosts=()) as other:
            other.remote(server.host("two", key=None)).connect()


class Authority:
    """Signs users' keys, as a company's own authority does."""

    def __init__(self, folder: Path) -> None:
        self.key = make_key(folder / "authority")

    def sign(self, public: Path, *, user: str = "root", valid: str = "+1h") -> Path:
        """Write the certificate beside the key and return where it is."""
        argv = ["ssh-keygen", "-q", "-s", str(self.key), "-I", "test", "-n", user, "-V", valid]
        subprocess.run([*argv, str(public)], check=True, timeout=10, capture_output=True)
        return public.with_name(f"{public.stem}-cert.pub")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certified(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes certificates and no plain key but its own."""
    option = f"TrustedUserCAKeys {authority.key}.pub"
    with running_sshd(tmp_path_factory.mktemp("certified"), option, "LogLevel VERBOSE") as server:
        yield server


def me(server: Server) -> str:
    user = server.host().user
    assert user is not None
    return user


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_beside_the_key_logs_in(
    certified: Server, authority: Authority, pool: Pool, tmp_path: Path, kind: str
) -> None:
    key = make_key(tmp_path / "key", kind)
    authority.sign(Path(f"{key}.pub"), user=me(certified))
    pool.remote(certified.host(key=key)).connect()


def test_a_certificate_that_ssh_config_names_logs_in(
    certified: Server, authority: Authority, pool: Pool, tmp_path: Path, home: Path
) -> None:
    key = make_key(tmp_path / "key")
    authority.sign(Path(f"{key}.pub"), user=me(certified)).rename(home / "signed.pub")
    copy(key, home / ".ssh" / "id_ed25519")
    ssh_config(home, "CertificateFile ~/signed.pub", "CertificateFile ~/absent.pub")
    pool.remote(certified.host(key=None)).connect()


def test_after_a_certificate_that_is_refused_comes_the_plain_key(
    certified: Server, authority: Authority, tmp_path: Path, home: Path
) -> None:
    key = make_key(home / "key")
    authority.sign(Path(f"{key}.pub"), user=me(certified), valid="-2h:-1h")
    with Pool(known_hosts=()) as pool:
        error = trouble(pool, certified.host(key=key))
    when = r"expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    tried = rf"\(tried ~/key-cert\.pub, {when}, ~/key; it takes publickey\)"
    assert re.search(tried, str(error))
    known = copy(certified.key, tmp_path / "known")
    (tmp_path / "known.pub").write_bytes(Path(f"{certified.key}.pub").read_bytes())
    authority.sign(tmp_path / "known.pub", user="somebody-else")
    with Pool(known_hosts=()) as pool:
        pool.remote(certified.host(key=known)).connect()


@pytest.mark.parametrize("content", ["", "junk", "ssh-ed25519 AAAA x", "another"])
def test_what_is_no_certificate_for_the_key_does_no_harm(
    certified: Server, authority: Authority, tmp_path: Path, pool: Pool, content: str
) -> None:
    known = copy(certified.key, tmp_path / "known")
    beside = tmp_path / "known-cert.pub"
    beside.write_text(content)
    if content == "another":
        other = make_key(tmp_path / "other")
        authority.sign(Path(f"{other}.pub"), user=me(certified)).rename(beside)
    pool.remote(certified.host(key=known)).connect()
    log = said(certified)
    assert not re.search(r"known-cert|Failed publickey .*CERT ID other", log)


def test_many_logins_at_once_share_what_is_slow(server: Server, home: Path) -> None:
    rsa = make_key(home / "key", "rsa", passphrase="open sesame")
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(Path(f"{rsa}.pub").read_text())
    fetched: list[int] = []

    def fetch() -> str:
        fetched.append(1)
        return "open sesame"

    passphrase = Secret("env:PP", fetch)
    with Pool(known_hosts=()) as pool:
        hosts = [server.host(f"h{n}", key=rsa, key_passphrase=passphrase) for n in range(8)]
        threads = [threading.Thread(target=pool.remote(host).connect) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert all(pool.remote(host).transport().is_authenticated() for host in hosts)
        assert len(pool._connector._private_keys._slots) == 1
    assert fetched == [1]


def test_ssh_config_can_want_no_key_at_all(server: Server, home: Path) -> None:
    copy(server.key, home / ".ssh" / "id_ed25519")
    ssh_config(home, "Host *", "  IdentityFile none")
    with Pool(known_hosts=()) as pool:
        error = trouble(pool, server.host(key=None))
    assert type(error) is AuthenticationFailed
    assert "id_ed25519" not in str(error)
