from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine import require
from tests.ssh.sshd import make_key
from wirework.errors import BadInput
from wirework.ssh.keys import PrivateKeys


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


@pytest.mark.parametrize("content", ["", "junk\n", "ssh-ed25519 AAAA public\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match="key: not a private key in OpenSSH's format"):
        PrivateKeys().load(path)


def test_an_encrypted_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = make_key(tmp_path / "key", passphrase="secret")
    with pytest.raises(BadInput) as caught:
        PrivateKeys().load(path)
    assert str(caught.value) == f"{path}: the private key is encrypted (ssh-add {path})"


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


def test_default_keys_come_in_order_with_those_of_no_use_named(tmp_path: Path) -> None:
    make_key(tmp_path / "id_rsa", "rsa")
    make_key(tmp_path / "id_ecdsa", "ecdsa", passphrase="secret")
    make_key(tmp_path / "id_ed25519")
    found = [(name, key and key.get_name()) for name, key in PrivateKeys(tmp_path).default()]
    assert found == [
        ("~/.ssh/id_ed25519", "ssh-ed25519"),
        ("~/.ssh/id_ecdsa (the private key is encrypted)", None),
        ("~/.ssh/id_rsa", "ssh-rsa"),
    ]
