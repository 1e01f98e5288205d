"""Keys in an agent: the one people run, and agents that are gone, silent or hostile."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ssh.agents import add, answering_agent, listing, running_agent, string
from tests.ssh.peers import trouble
from tests.ssh.sshd import Server, make_key, running_sshd
from wirework.errors import AuthenticationFailed, BadInput
from wirework.inventory import Host
from wirework.secrets import Secret
from wirework.ssh import Pool
from wirework.ssh.auth import blobs
from wirework.ssh.auth.agent import HeldKey, NoAgent, listed
from wirework.ssh.auth.keys import PrivateKeys

NEVER = Secret("env:NEVER", lambda: pytest.fail("the secret was fetched"))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with running_agent(tmp_path) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield path


def public(key: Path) -> bytes:
    blob = blobs.from_public_file(Path(f"{key}.pub").read_bytes())
    assert blob is not None
    return blob


def fingerprint(key: Path) -> str:
    argv = ["ssh-keygen", "-l", "-f", f"{key}.pub"]
    said = subprocess.run(argv, check=True, capture_output=True, timeout=10, text=True)
    return said.stdout.split()[1]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_an_agents_key_logs_in(agent: Path, tmp_path: Path, pool: Pool, kind: str) -> None:
    key = make_key(tmp_path / "key", kind)
    (tmp_path / "sshd").mkdir()
    with running_sshd(tmp_path / "sshd") as server:
        (server.folder / "authorized_keys").write_bytes(Path(f"{key}.pub").read_bytes())
        add(agent, key)
        pool.remote(server.host(key=None)).connect()


def test_as_many_keys_as_a_host_bears_are_tried(
    agent: Path, server: Server, pool: Pool, tmp_path: Path, home: Path
) -> None:
    keys = [make_key(tmp_path / str(number)) for number in range(7)]
    for key in keys:
        add(agent, key)
    names = [f"agent key ED25519 {fingerprint(key)}" for key in keys]
    error = trouble(pool, server.host("a", key=None))
    assert type(error) is AuthenticationFailed
    assert f"(tried {', '.join(names[:5])}, 2 more left out; it takes publickey)" in str(error)
    assert error.hint == "name the key in the inventory"
    # The user's own files are not crowded out, and one that the agent holds goes first.
    (home / ".ssh" / "id_rsa").write_bytes(server.key.read_bytes())
    (home / ".ssh" / "id_rsa").chmod(0o600)
    (home / ".ssh" / "id_ecdsa").write_bytes(keys[6].read_bytes())
    pool.remote(server.host("b", key=None)).connect()
    (home / ".ssh" / "id_rsa").unlink()
    error = trouble(pool, server.host("c", key=None))
    assert f"(tried ~/.ssh/id_ecdsa (agent), {', '.join(names[:4])}, 2 more left out" in str(error)


def test_the_hosts_own_key_is_used_through_the_agent_even_if_locked(
    agent: Path, server: Server, pool: Pool, tmp_path: Path
) -> None:
    for number in range(6):
        add(agent, make_key(tmp_path / str(number)))
    add(agent, server.key)
    locked = tmp_path / "locked"
    locked.write_bytes(server.key.read_bytes())
    locked.chmod(0o600)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(locked)],
        check=True,
        timeout=10,
        capture_output=True,
    )
    pool.remote(server.host("a", key=locked, key_passphrase=NEVER)).connect()
    # The public half alone says which of the agent's keys it is.
    (tmp_path / "half.pub").write_bytes(Path(f"{server.key}.pub").read_bytes())
    pool.remote(server.host("b", key=tmp_path / "half.pub")).connect()
    pool.remote(server.host("c", key=tmp_path / "half")).connect()


def test_a_public_key_that_no_agent_holds_is_told(agent: Path, server: Server, pool: Pool) -> None:
    half = Path(f"{server.key}.pub")
    error = trouble(pool, server.host(key=half))
    assert type(error) is BadInput
    assert str(error).startswith(f"{half}: a public key, whose private half no agent holds")


def test_other_keys_stay_with_the_agent_when_one_is_named(
    agent: Path, server: Server, pool: Pool, tmp_path: Path, home: Path
) -> None:
    add(agent, server.key)
    other = make_key(home / "other")
    error = trouble(pool, server.host("inventory", key=other))
    assert "(tried ~/other; it takes publickey)" in str(error)
    config = home / ".ssh" / "config"
    config.write_text("IdentityFile ~/other\nIdentitiesOnly yes\n")
    with Pool(known_hosts=()) as only:
        assert "(tried ~/other; it takes publickey)" in str(
            trouble(only, server.host("config", key=None))
        )
    config.write_text("IdentityFile ~/other\n")
    with Pool(known_hosts=()) as too:
        too.remote(server.host("config", key=None)).connect()


def test_ssh_config_names_another_agent_or_none(
    agent: Path, server: Server, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(agent, server.key)
    no = server.host("no", key=None, ssh_options={"IdentityAgent": "none"})
    assert "(tried nothing;" in str(trouble(pool, no))
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert "(tried nothing;" in str(trouble(pool, server.host("unset", key=None)))
    named = server.host("named", key=None, ssh_options={"IdentityAgent": str(agent)})
    pool.remote(named).connect()


def test_certificates_in_the_agent_and_beside_it_log_in(
    agent: Path, tmp_path: Path, pool: Pool, home: Path
) -> None:
    authority, key, other = (make_key(tmp_path / name) for name in ("ca", "key", "other"))
    (tmp_path / "sshd").mkdir()
    with running_sshd(tmp_path / "sshd", f"TrustedUserCAKeys {authority}.pub") as server:
        user = str(server.host().user)
        for each in (key, other):
            argv = ["ssh-keygen", "-q", "-s", str(authority), "-I", "x", "-n", user, f"{each}.pub"]
            subprocess.run(argv, check=True, timeout=10, capture_output=True)
        add(agent, key)  # and its certificate, which stands beside it
        pool.remote(server.host("all", key=None)).connect()
        pool.remote(server.host("own", key=Path(f"{key}.pub"))).connect()
        subprocess.run(
            ["ssh-add", "-q", "-D"],
            check=True,
            timeout=10,
            capture_output=True,
            env={**os.environ, "SSH_AUTH_SOCK": str(agent)},
        )
        aside = Path(f"{other}-cert.pub").rename(tmp_path / "aside.pub")
        add(agent, other)
        options = {"CertificateFile": str(aside)}
        with Pool(known_hosts=()) as anew:
            anew.remote(server.host("file", key=None, ssh_options=options)).connect()


def test_a_key_that_the_agent_may_not_use_is_passed_over(
    agent: Path, server: Server, pool: Pool, tmp_path: Path, home: Path
) -> None:
    asked = make_key(tmp_path / "asked")
    add(agent, asked, "-c")  # each use is to be confirmed, and there is nobody to ask
    error = trouble(pool, server.host("a", key=None))
    name = f"agent key ED25519 {fingerprint(asked)}"
    assert f"(tried {name} (the agent refused to sign); it takes publickey)" in str(error)
    (home / ".ssh" / "id_rsa").write_bytes(server.key.read_bytes())
    (home / ".ssh" / "id_rsa").chmod(0o600)
    pool.remote(server.host("b", key=None)).connect()


@pytest.mark.parametrize("left_behind", [True, False])
def test_an_agent_that_is_gone_is_as_none(
    server: Server, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch, left_behind: bool
) -> None:
    with answering_agent(tmp_path, None) as path:
        pass
    if not left_behind:
        path.unlink()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    error = trouble(pool, server.host("a", key=None))
    assert "(tried agent (nobody listens at its socket answering);" in str(error)
    assert "start an agent" in error.hint
    pool.remote(server.host("b")).connect()


def test_an_agent_that_says_nothing_is_waited_for_once(
    server: Server, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering_agent(tmp_path, None) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        began = time.monotonic()
        for name in ("a", "b", "c"):
            assert "(tried agent (no answer);" in str(trouble(pool, server.host(name, key=None)))
        assert time.monotonic() - began < 10
        pool.remote(server.host("d")).connect()


HOSTILE = {
    "a refusal": string(b"\x05"),
    "another answer": string(b"\x0e" + string(b"signature")),
    "nothing in it": string(b""),
    "far too long": struct.pack(">I", 2**32 - 1) + b"\x0c",
    "more keys than there are": string(b"\x0c" + struct.pack(">I", 2**32 - 1)),
    "a key that is none": listing(b"\0\0\0\4\x1b[2J"),
    "an empty key": listing(b""),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_an_agent_that_talks_nonsense_is_as_none(
    server: Server, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with answering_agent(tmp_path, answer) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        error = trouble(pool, server.host("a", key=None))
        assert str(error).isprintable()
        assert "(tried agent (it" in str(error)
        pool.remote(server.host("b")).connect()


def test_an_agent_that_lists_keys_and_does_not_sign_is_passed_over(
    server: Server, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    keys = [make_key(tmp_path / name) for name in ("one", "two", "three")]
    monkeypatch.setattr("wirework.ssh.auth.agent.SIGN_TIMEOUT", 0.5)
    # It answers once on each connection: the first signature with its list, then never more.
    with answering_agent(tmp_path, listing(*map(public, keys))) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        began = time.monotonic()
        error = trouble(pool, server.host("a", key=None))
        assert time.monotonic() - began < 5
        said = re.findall(r"SHA256:\S+ \(([^)]*)\)", str(error))
        assert said == ["the agent refused to sign", "no answer", "no answer"]
        (home / ".ssh" / "id_rsa").write_bytes(server.key.read_bytes())
        (home / ".ssh" / "id_rsa").chmod(0o600)
        pool.remote(server.host("b", key=None)).connect()


@given(st.binary(max_size=200))
def test_whatever_an_agent_lists_is_keys_or_refused(answer: bytes) -> None:
    try:
        keys = list(listed(answer))
    except blobs.Malformed:
        return
    assert all(key.label.isprintable() for key in keys)


@given(st.lists(st.sampled_from(["ssh-ed25519", "ssh-rsa", "sk-ssh-ed25519@openssh.com"])))
def test_what_an_agent_lists_is_read_in_its_order(types: list[str]) -> None:
    keys = [string(name.encode()) + string(bytes([n])) for n, name in enumerate(types)]
    assert list(listed(listing(*keys)[5:])) == [HeldKey(key) for key in keys]


def test_many_hosts_ask_the_agent_for_its_list_once(
    agent: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(agent, server.key)
    asked: list[str] = []
    keys = (HeldKey(public(server.key)),)

    def ask(path: str) -> tuple[HeldKey, ...]:
        asked.append(path)
        return keys

    monkeypatch.setattr("wirework.ssh.auth.agent._ask_for_keys", ask)
    with Pool(known_hosts=()) as pool:
        hosts = [server.host(f"h{number}", key=None) for number in range(12)]
        threads = [threading.Thread(target=pool.remote(host).connect) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert all(pool.remote(host).transport().is_authenticated() for host in hosts)
    assert asked == [str(agent)]


def test_a_silent_agent_is_an_error_for_every_caller(tmp_path: Path) -> None:
    agents = PrivateKeys().agents
    for _ in range(2):
        with pytest.raises(NoAgent, match="nobody listens"):
            agents.held(str(tmp_path / "absent"))
    with pytest.raises(NoAgent, match="nobody listens"):
        agents.held("x" * 300)


def test_a_login_leaves_no_open_file_behind(agent: Path, server: Server) -> None:
    add(agent, server.key)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Pool(known_hosts=()) as pool:
        hosts: list[Host] = [server.host(f"h{number}", key=None) for number in range(3)]
        for host in hosts:
            pool.remote(host).connect()
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 3
