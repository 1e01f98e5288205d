"""Host certificates: what makes one worth believing, and what does not, against a real sshd too."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine import require
from tests.ssh.sshd import Server, make_key, running_sshd
from wirework.errors import HostKeyChanged, HostKeyUnknown
from wirework.inventory import Host
from wirework.ssh import Pool
from wirework.ssh.hostkeys import HostKeys, State
from wirework.ssh.hostkeys.certificates import SUFFIX, Certificate
from wirework.ssh.target import Targets

GOOD = ("-h", "-n", "127.0.0.1,web1", "-V", "-1d:+1d")
CLASSES = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
}


def sign(key: Path, ca: Path, *options: str) -> Path:
    argv = ["ssh-keygen", "-q", "-s", str(ca), "-I", "test", *options, f"{key}.pub"]
    subprocess.run(argv, check=True, timeout=10, capture_output=True)
    return Path(f"{key}-cert.pub")


def blob_of(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def shown(certificate: Path) -> paramiko.PKey:
    """The key as paramiko makes it of what a host sends."""
    blob = blob_of(certificate)
    kind = certificate.read_text().split()[0].removesuffix(SUFFIX)
    return CLASSES[kind](paramiko.Message(blob))


def judge(known: Path, key: paramiko.PKey, **settings: object) -> tuple[State, str]:
    host = Host("h", "web1", 22, ssh_config=Path(os.devnull), **settings)  # type: ignore[arg-type]
    verdict = HostKeys().judge(Targets(known_hosts=[known], connect_timeout=1.0).of(host), key)
    return verdict.state, verdict.doubt


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with host keys and authorities of each kind."""
    require("ssh")
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "ecdsa", "rsa"):
        make_key(folder / kind, kind)
        make_key(folder / f"ca_{kind}", kind)
    return folder


def vouching(folder: Path, ca: Path, marker: str = "@cert-authority", names: str = "web*") -> Path:
    path = folder / "known"
    path.write_text(f"{marker} {names} {Path(f'{ca}.pub').read_text()}")
    return path


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("ca", ["ca_ed25519", "ca_ecdsa", "ca_rsa"])
def test_a_good_certificate_is_believed(made: Path, tmp_path: Path, kind: str, ca: str) -> None:
    key = shown(sign(made / kind, made / ca, *GOOD))
    assert judge(vouching(tmp_path, made / ca), key) == (State.AUTHORITY, "")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-n", "web1"), "it is a user's, not a host's"),
        (("-h", "-n", "web1", "-V", "20200101:20200102"), "it expired on 2020-01-0"),
        (("-h", "-n", "web1", "-V", "+1d:+2d"), "it is not valid before 2"),
        (("-h", "-n", "web2,web10,*"), "it is for web2, web10, *, not for web1"),
        (("-h",), "it is for no name, not for web1"),
        (("-h", "-n", "web1", "-O", "critical:x=y"), "it is bound to what is not known here: x"),
    ],
)
def test_a_certificate_of_no_use_is_refused(
    made: Path, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    key = shown(sign(made / "ed25519", made / "ca_ed25519", *options))
    known = vouching(tmp_path, made / "ca_ed25519")
    state, doubt = judge(known, key)
    assert state is State.NEW
    assert doubt.startswith(f"its certificate by the authority of {known}:1 is no good: {problem}")


def test_a_signature_with_sha1_is_refused(made: Path, tmp_path: Path) -> None:
    key = shown(sign(made / "ed25519", made / "ca_rsa", "-t", "ssh-rsa", *GOOD))
    state, doubt = judge(vouching(tmp_path, made / "ca_rsa"), key)
    assert (state, doubt.endswith("it is signed with ssh-rsa")) == (State.NEW, True)


def test_a_short_rsa_key_is_no_authority(made: Path, tmp_path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "ca")]
    subprocess.run(argv, check=True, timeout=30)
    key = shown(sign(made / "ed25519", tmp_path / "ca", *GOOD))
    state, doubt = judge(vouching(tmp_path, tmp_path / "ca"), key)
    assert (state, "has only 1024 bits" in doubt) == (State.NEW, True)


def test_an_authority_vouches_only_for_the_names_of_its_line(made: Path, tmp_path: Path) -> None:
    key = shown(sign(made / "ed25519", made / "ca_ed25519", *GOOD))
    assert judge(vouching(tmp_path, made / "ca_ed25519", names="web*,!web1"), key)[0] is State.NEW


def test_an_authoritys_own_key_is_no_host_key(made: Path, tmp_path: Path) -> None:
    key = paramiko.PKey.from_path(made / "ca_ed25519")
    assert judge(vouching(tmp_path, made / "ca_ed25519"), key) == (State.NEW, "")


def test_a_key_that_is_known_needs_no_certificate(made: Path, tmp_path: Path) -> None:
    key = shown(sign(made / "ed25519", made / "ca_ed25519", "-h", "-n", "other"))
    known = vouching(tmp_path, made / "ca_ed25519")
    known.write_text(f"{known.read_text()}web1 {(made / 'ed25519.pub').read_text()}")
    assert judge(known, key)[0] is State.KNOWN


def test_a_certificate_of_no_use_is_not_accepted_as_a_new_key(made: Path, tmp_path: Path) -> None:
    key = shown(sign(made / "ed25519", made / "ca_ed25519", "-h", "-n", "other"))
    known = vouching(tmp_path, made / "ca_ed25519")
    before = known.read_text()
    host = Host("h", "web1", 22, ssh_config=Path(os.devnull), host_keys="accept-new")
    target = Targets(known_hosts=[known], connect_timeout=1.0).of(host)
    with pytest.raises(HostKeyUnknown, match="is no good"):
        HostKeys().check(target, key)
    assert known.read_text() == before


def test_a_certificate_for_another_key_is_refused(made: Path, tmp_path: Path) -> None:
    key = shown(sign(made / "ed25519", made / "ca_ed25519", *GOOD))
    other = paramiko.Ed25519Key(paramiko.Message(blob_of(made / "ca_ed25519.pub")))
    other.public_blob = key.public_blob
    state, doubt = judge(vouching(tmp_path, made / "ca_ed25519"), other)
    assert (state, "another key" in doubt) == (State.NEW, True)


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_no_changed_byte_is_believed(made: Path, place: int, change: int) -> None:
    path = made / "ed25519-cert.pub"
    if not path.exists():
        sign(made / "ed25519", made / "ca_ed25519", *GOOD)
    blob = bytearray(blob_of(path))
    blob[place % len(blob)] ^= change
    try:
        certificate = Certificate.read(bytes(blob))
    except ValueError:
        return
    assert (
        certificate.problem("web1", time.time())
        or certificate.authority != Certificate.read(blob_of(path)).authority
    )


@given(st.binary(max_size=300))
def test_bytes_that_are_no_certificate_are_told(blob: bytes) -> None:
    head = b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com"
    with pytest.raises(ValueError, match=r"."):
        Certificate.read(head + blob)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Iterator[Server]:
    """An sshd with a good certificate for 127.0.0.1, besides two keys without one."""
    folder = tmp_path_factory.mktemp("certified")
    key = make_key(folder / "signed", "ecdsa")
    certificate = sign(key, made / "ca_ed25519", *GOOD)
    with running_sshd(folder, f"HostKey {key}", f"HostCertificate {certificate}") as server:
        yield server


def lines(*entries: tuple[str, Path]) -> str:
    return "".join(f"{marker} {path.read_text()}" for marker, path in entries)


@pytest.mark.parametrize("names", ["*", "127.0.0.1", "[127.0.0.1]:*"])
def test_a_host_with_a_certificate_is_logged_in_on(
    certified: Server, pool: Pool, tmp_path: Path, made: Path, names: str
) -> None:
    known = tmp_path / "known"
    known.write_text(lines((f"@cert-authority {names}", made / "ca_ed25519.pub")))
    transport = pool.remote(certified.host(known_hosts=known)).transport()
    assert transport.host_key_type == f"ecdsa-sha2-nistp256{SUFFIX}"


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("ed25519", "ssh-ed25519"), ("rsa", "rsa-sha2-512")]
)
def test_the_other_types_of_certificates_are_negotiated_too(
    pool: Pool, tmp_path: Path, made: Path, kind: str, algorithm: str
) -> None:
    (tmp_path / "sshd").mkdir()
    key = make_key(tmp_path / "signed", kind)
    certificate = sign(key, made / "ca_rsa", *GOOD)
    known = tmp_path / "known"
    known.write_text(lines(("@cert-authority *", made / "ca_rsa.pub")))
    with running_sshd(tmp_path / "sshd", f"HostKey {key}", f"HostCertificate {certificate}") as it:
        transport = pool.remote(it.host(known_hosts=known)).transport()
        assert transport.host_key_type == f"{algorithm}{SUFFIX}"


def test_without_an_authority_no_certificate_is_asked_for(certified: Server, pool: Pool) -> None:
    transport = pool.remote(certified.host()).transport()
    assert transport.host_key_type == "ssh-ed25519"


def test_by_another_authority_the_plain_key_counts(
    certified: Server, pool: Pool, tmp_path: Path, made: Path
) -> None:
    known = tmp_path / "known"
    known.write_text(lines(("@cert-authority *", made / "ca_rsa.pub")))
    with pytest.raises(HostKeyUnknown, match=r"ecdsa-sha2-nistp256 SHA256:.* is in no known_hosts"):
        pool.remote(certified.host(known_hosts=known)).connect()
    known = tmp_path / "again"
    known.write_text(
        lines(
            ("@cert-authority *", made / "ca_rsa.pub"),
            (f"[127.0.0.1]:{certified.port}", certified.folder / "signed.pub"),
        )
    )
    pool.remote(certified.host("again", known_hosts=known)).connect()


def test_for_another_name_a_certificate_is_refused(
    certified: Server, pool: Pool, tmp_path: Path, made: Path
) -> None:
    known = tmp_path / "known"
    known.write_text(lines(("@cert-authority *", made / "ca_ed25519.pub")))
    host = certified.host(known_hosts=known, ssh_options={"HostKeyAlias": "db1"})
    with pytest.raises(HostKeyUnknown, match=r"it is for 127\.0\.0\.1, web1, not for db1"):
        pool.remote(host).connect()


@pytest.mark.parametrize("revoked", ["authority", "key"])
def test_what_is_revoked_is_refused(
    certified: Server, pool: Pool, tmp_path: Path, made: Path, revoked: str
) -> None:
    bad = made / "ca_ed25519.pub" if revoked == "authority" else certified.folder / "signed.pub"
    known = tmp_path / "known"
    known.write_text(
        lines(("@cert-authority *", made / "ca_ed25519.pub"), ("@revoked *", bad)),
    )
    with pytest.raises(HostKeyChanged, match=f"key .* is revoked in {known}:2"):
        pool.remote(certified.host(known_hosts=known)).connect()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-h", "-n", "127.0.0.1", "-V", "20200101:20200102"), "it expired on 2020-01-0"),
        (("-n", "127.0.0.1"), "it is a user's, not a host's"),
    ],
)
def test_a_host_with_a_certificate_of_no_use_is_refused(
    pool: Pool, tmp_path: Path, made: Path, options: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "sshd").mkdir()
    key = make_key(tmp_path / "signed", "ecdsa")
    certificate = sign(key, made / "ca_ed25519", *options)
    known = tmp_path / "known"
    known.write_text(lines(("@cert-authority *", made / "ca_ed25519.pub")))
    with (
        running_sshd(tmp_path / "sshd", f"HostKey {key}", f"HostCertificate {certificate}") as it,
        pytest.raises(HostKeyUnknown, match=f"is no good: {problem}"),
    ):
        pool.remote(it.host(known_hosts=known)).connect()
