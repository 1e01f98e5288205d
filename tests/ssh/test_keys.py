from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine import require
from tests.ssh.agents import string
from tests.ssh.sshd import make_key
from wirework.errors import BadInput
from wirework.secrets import Secret
from wirework.ssh.auth import blobs
from wirework.ssh.auth.keys import KeyLocked, PrivateKeys, read


@pytest.fixture(autouse=True)
def _tools() -> None:
    require("ssh")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256"), ("rsa", "ssh-rsa")],
)
def test_a_key_of_each_kind_is_read_once(tmp_path: Path, kind: str, name: str) -> None:
    path = make_key(tmp_path / "key", kind)
    keys = PrivateKeys()
    key = keys.load(path)
    assert key.get_name() == name
    path.unlink()
    assert keys.load(path) is key


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        PrivateKeys().load(tmp_path / "key")
    assert str(caught.value) == f"{tmp_path}/key: the private key does not exist"


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    folder.mkdir(mode=0o700)
    with pytest.raises(BadInput, match="key: cannot read the private key: Is a directory"):
        PrivateKeys().load(folder)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


BEGIN, END = b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk\n",
        b"\xff\xfe\0",
        b"ssh-ed25519 AAAA public\n",
        BEGIN + END,
        BEGIN + b"AAAA\n" + END,
        BEGIN + base64.b64encode(b"openssh-key-v1\0" + bytes(300)) + b"\n" + END,
        b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ],
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "key", content)
    keys = PrivateKeys()
    with pytest.raises(BadInput, match="key: not a private key that can be read"):
        keys.load(path)
    assert keys.public(path) is None


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_key_file_is_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for armoured in (content, BEGIN + base64.b64encode(content) + b"\n" + END):
            path = write(Path(folder) / "key", armoured)
            with pytest.raises(BadInput):
                read(path)
            assert blobs.from_public_file(armoured) is None
        assert blobs.from_private_file(content) is None


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_in_each_form_that_ssh_keygen_writes_are_read(
    tmp_path: Path, kind: str, form: str
) -> None:
    path = make_key(tmp_path / "key", kind)
    blob = PrivateKeys().public(path)
    for passphrase in ("", "open sesame"):
        argv = ["ssh-keygen", "-q", "-p", "-m", form, "-P", "", "-N", passphrase, "-f", str(path)]
        subprocess.run(argv, check=True, timeout=10, capture_output=True)
        (tmp_path / "key.pub").unlink(missing_ok=True)
        key = PrivateKeys().load(path, Secret("env:PP", lambda: "open sesame"))
        assert key.asbytes() == blob


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-cbc", "aes256-gcm@openssh.com"])
def test_a_passphrase_opens_keys_of_each_cipher(tmp_path: Path, cipher: str) -> None:
    path = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "päss", "-Z", cipher, "-f", str(path)],
        check=True,
        timeout=10,
    )
    assert read(path, Secret("env:PP", lambda: "päss")).can_sign()
    with pytest.raises(BadInput, match="the passphrase in <secret env:PP> does not open"):
        read(path, Secret("env:PP", lambda: "pass"))


def test_an_encrypted_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = make_key(tmp_path / "key", passphrase="secret")
    with pytest.raises(BadInput) as caught:
        PrivateKeys().load(path)
    assert str(caught.value) == (
        f"{path}: the private key is encrypted"
        f" (ssh-add {path}, or give key_passphrase in the inventory)"
    )


def test_a_key_is_opened_once_for_each_passphrase_and_failures_are_kept(tmp_path: Path) -> None:
    path = make_key(tmp_path / "key", passphrase="right")
    right, wrong = Secret("env:R", lambda: "right"), Secret("env:W", lambda: "wrong")
    keys = PrivateKeys()
    key = keys.load(path, right)
    errors = []
    for _ in range(2):
        with pytest.raises(BadInput) as caught:
            keys.load(path, wrong)
        errors.append(caught)
    with pytest.raises(KeyLocked):
        keys.load(path)
    path.unlink()
    assert keys.load(path, right) is key
    assert [str(error.value) for error in errors] == [str(errors[0].value)] * 2
    assert errors[0].value is not errors[1].value


def test_the_public_half_is_found_in_the_file_itself_or_beside_it(tmp_path: Path) -> None:
    path = make_key(tmp_path / "key", passphrase="secret")
    beside = tmp_path / "key.pub"
    blob = blobs.from_public_file(beside.read_bytes())
    assert blob is not None
    assert PrivateKeys().public(beside) == blob
    path.rename(tmp_path / "away")
    assert PrivateKeys().public(path) == blob
    assert PrivateKeys().public(tmp_path / "away") == blob
    assert PrivateKeys().public(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("ssh-ed25519", "ED25519"),
        ("ssh-rsa", "RSA"),
        ("ecdsa-sha2-nistp256", "ECDSA"),
        ("sk-ssh-ed25519@openssh.com", "ED25519-SK"),
        ("sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK"),
        ("ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT"),
        ("ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-CERT"),
        ("sk-ssh-ed25519-cert-v01@openssh.com", "ED25519-SK-CERT"),
    ],
)
def test_types_are_shown_as_ssh_add_shows_them(name: str, short: str) -> None:
    assert blobs.short_type(string(name.encode())) == short


def certificate(name: str, *fields: bytes) -> bytes:
    return b"".join(map(string, (name.encode(), b"nonce", *fields))) + b"and so on"


@pytest.mark.parametrize(
    ("name", "certified"),
    [
        ("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com"),
        ("sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"),
    ],
)
def test_a_certificate_is_for_one_key(name: str, certified: str) -> None:
    plain = string(name.encode()) + string(b"one") + string(b"two")
    assert blobs.certifies(certificate(certified, b"one", b"two"), plain)
    assert not blobs.certifies(certificate(certified, b"one", b"TWO"), plain)
    assert not blobs.certifies(certificate(name, b"one", b"two"), plain)
    assert not blobs.certifies(plain, plain)
    for length in range(len(plain)):
        assert not blobs.certifies(plain[:length], plain)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = make_key(tmp_path / "key")
    path.chmod(mode)
    with pytest.raises(BadInput) as caught:
        PrivateKeys().load(path)
    assert (
        str(caught.value)
        == f"{path}: the private key can be read by others (mode {mode:04o}) (chmod 600 {path})"
    )


def test_default_keys_come_in_order(tmp_path: Path) -> None:
    for name in ("id_rsa", "id_ed25519", "id_dsa"):
        (tmp_path / name).touch()
    assert PrivateKeys(tmp_path).default() == [tmp_path / "id_ed25519", tmp_path / "id_rsa"]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_end_of_a_certificate_is_read(tmp_path: Path, kind: str) -> None:
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "key", kind)
    argv = ["ssh-keygen", "-q", "-s", str(authority), "-I", "x", "-n", "ann"]
    for validity, end in (("always:20260102030405Z", 1767323045), ("always:forever", 2**64 - 1)):
        (tmp_path / "key-cert.pub").unlink(missing_ok=True)
        signed = [*argv, "-V", validity, f"{key}.pub"]
        subprocess.run(signed, check=True, timeout=10, capture_output=True)
        blob = PrivateKeys().certificate(tmp_path / "key-cert.pub")
        assert blob is not None
        assert blobs.valid_before(blob) == end
        assert all(blobs.valid_before(blob[:length]) is None for length in range(60))
    assert PrivateKeys().certificate(tmp_path / "none") is None


@pytest.mark.parametrize("content", [b"", b"junk", b"ssh-ed25519 AAAA x"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key-cert.pub").write_bytes(content)
    keys = PrivateKeys()
    for _ in range(2):
        with pytest.raises(BadInput, match=r"key-cert\.pub: not a certificate"):
            keys.certificate(tmp_path / "key-cert.pub")
