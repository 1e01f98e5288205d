"""Texts and files of Ansible Vault: what the real tool made, and every way they can be torn."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import shutil
import threading
import traceback
from binascii import hexlify
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wirework import secrets
from wirework.errors import SecretError
from wirework.secrets import Sources, secret, vault
from wirework.secrets.vault import Passwords, decrypt, is_vault, vault_secret

DATA = Path(__file__).parents[1] / "data" / "vault"
BOTH = Passwords(f"{DATA}/password", f"prod@{DATA}/password-prod")
UTF8 = "grüße, 世界"
LARGE = "".join(f"line {number:06}\n" for number in range(8334))[:100_000]
LINES = "one\ntwo\n\n  three: 3\n"
DB = "s3cret of the database"


@pytest.fixture(autouse=True)
def passwords_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWORK_VAULT", f"{DATA}/password,prod@{DATA}/password-prod")


SLOW = settings(max_examples=50, deadline=None)
"""For properties of which each example makes keys, which is slow on purpose."""


def _data(name: str) -> str:
    packed = (DATA / name).read_bytes()
    return (gzip.decompress(packed) if name.endswith(".gz") else packed).decode("ascii")


def _error(text: str, passwords: Passwords = BOTH) -> str:
    with pytest.raises(SecretError) as caught:
        decrypt(text, where="f:7", passwords=passwords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("utf8-1.1.vault", UTF8),
        ("utf8-1.2.vault", UTF8),
        ("empty-1.1.vault", ""),
        ("empty-1.2.vault", ""),
        ("lines-1.1.vault", LINES),
        ("lines-1.2.vault", LINES),
        ("large-1.2.vault.gz", LARGE),
    ],
)
@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text.replace("\n", "\n    ") + "\n\n",
        lambda text: text.replace("\n", "\n\n", 3),
    ],
)
def test_what_ansible_vault_encrypted_is_read(
    name: str, plain: str, changed: Callable[[str], str]
) -> None:
    text = changed(_data(name))
    assert is_vault(text)
    assert decrypt(text, where="f", passwords=BOTH).decode() == plain
    assert vault_secret(text, where="f", passwords=BOTH).reveal() == plain


@pytest.mark.parametrize(
    "text", ["", "a: 1\n", "ANSIBLE_VAULT;1.1;AES256", "# $ANSIBLE_VAULT;1.1;AES256\n"]
)
def test_other_texts_are_no_vault(text: str) -> None:
    assert not is_vault(text)


TEXT = _data("utf8-1.2.vault")
HEADER = "$ANSIBLE_VAULT;1.2;AES256;prod\n"
BODY = TEXT.removeprefix(HEADER)
INNER = bytes.fromhex(BODY.replace("\n", "")).decode()
START = "f:7: this does not start as an Ansible Vault text does"
REKEY = "(ansible-vault rekey writes it anew)"
TORN = (
    "f:7: this Ansible Vault text is torn "
    "(some of it is missing or was changed: take it from where it was copied)"
)


def _outer(inner: str) -> str:
    return HEADER + inner.encode().hex()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", START),
        ("ANSIBLE_VAULT;1.1;AES256\n" + BODY, START),
        ("$ANSIBLE_VAULT;1.2;AES256;prod;x\n" + BODY, START),
        (
            "$ANSIBLE_VAULT;1.0;AES\n" + BODY,
            "f:7: Ansible Vault's format '1.0' is not read, only 1.1 and 1.2 " + REKEY,
        ),
        (
            "$ANSIBLE_VAULT\n" + BODY,
            "f:7: Ansible Vault's format '' is not read, only 1.1 and 1.2 " + REKEY,
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES128\n" + BODY,
            "f:7: Ansible Vault's cipher 'AES128' is not known, only AES256",
        ),
        (TEXT.replace("\n", " "), TORN),
        (HEADER, TORN),
        (TEXT[:-1] + "x", TORN),
        (TEXT.rstrip()[:-1], TORN),
        (TEXT.rstrip()[:-2], TORN),
        (_outer(INNER.replace("\n", "", 1)), TORN),
        (_outer(INNER + "\n00"), TORN),
        (_outer(INNER[:-2]), TORN),
        (_outer(INNER.rpartition("\n")[0] + "\n"), TORN),
        (_outer("äöü"), TORN),
        (HEADER + "é" * 100, TORN),
    ],
)
def test_a_text_that_nothing_could_open_says_what_is_wrong(text: str, told: str) -> None:
    assert _error(text) == told
    with pytest.raises(SecretError) as caught:  # at once, before anybody uses it
        vault_secret(text, where="f:7", passwords=Passwords())
    assert str(caught.value) == told


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MAX_CHARACTERS", 100)
    assert "is larger than" in _error(TEXT)


def test_without_a_password_the_error_says_which_variable_to_set() -> None:
    assert _error(TEXT, Passwords()) == (
        "f:7: this is encrypted with Ansible Vault, and no vault password is given "
        "(set WIREWORK_VAULT to the path of a password file)"
    )


def test_a_wrong_password_is_told_with_the_names_of_those_tried(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("hunter2")
    wrong = Passwords(f"{tmp_path}/wrong", f"dev@{tmp_path}/wrong")
    tried = f"f:7: no vault password fits ({tmp_path}/wrong, dev@{tmp_path}/wrong)"
    assert _error(TEXT, wrong) == f"{tried}, or this text was changed (its label is 'prod')"
    assert _error(_data("utf8-1.1.vault"), wrong) == f"{tried}, or this text was changed"


def test_the_password_of_the_label_is_tried_first_and_the_others_then(tmp_path: Path) -> None:
    for name, code in (("right", f"cat '{DATA}/password-prod'"), ("wrong", "echo wrong")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >> '{tmp_path}/calls'\n{code}\n")
        (tmp_path / name).chmod(0o700)
    passwords = Passwords(f"dev@{tmp_path}/wrong", f"prod@{tmp_path}/right")
    assert decrypt(TEXT, where="f", passwords=passwords).decode() == UTF8
    assert (tmp_path / "calls").read_text() == "right\n"
    passwords = Passwords(f"dev@{tmp_path}/wrong", f"other@{tmp_path}/right")
    assert decrypt(TEXT, where="f", passwords=passwords).decode() == UTF8
    assert (tmp_path / "calls").read_text() == "right\nwrong\nright\n"


def test_a_password_that_cannot_be_had_matters_only_when_no_other_fits(tmp_path: Path) -> None:
    missing, right = f"{tmp_path}/none", f"prod@{DATA}/password-prod"
    assert decrypt(TEXT, where="f", passwords=Passwords(f"prod@{missing}", right)).decode() == UTF8
    told = f"f:7: cannot read the vault password file {missing}: No such file or directory"
    assert _error(TEXT, Passwords(f"{DATA}/password", missing)) == told


def test_a_vault_secret_shows_its_place_and_is_decrypted_when_used(tmp_path: Path) -> None:
    made = vault_secret(TEXT, where="hosts.yaml:3", passwords=Passwords(f"{tmp_path}/later"))
    shutil.copy(DATA / "password-prod", tmp_path / "later")
    assert f"{made}" == "<secret vault:hosts.yaml:3>"
    assert made.reveal() == UTF8


def _seal(data: bytes, password: bytes, salt: bytes) -> str:
    """Encrypt as the format is described, padding and all by hand."""
    keys = hashlib.pbkdf2_hmac("sha256", password, salt, 10_000, 80)
    short = 16 - len(data) % 16
    cipher = Cipher(algorithms.AES(keys[:32]), modes.CTR(keys[64:])).encryptor()
    body = cipher.update(data + bytes([short]) * short) + cipher.finalize()
    digest = hmac.digest(keys[32:64], body, "sha256")
    inner = b"\n".join(map(hexlify, (salt, digest, body)))
    return "$ANSIBLE_VAULT;1.1;AES256\n" + inner.hex() + "\n"


PASSWORD = (DATA / "password").read_bytes().strip()


@SLOW
@given(st.binary(max_size=100), st.binary(max_size=40))
def test_any_bytes_come_back_whatever_the_salt(data: bytes, salt: bytes) -> None:
    assert decrypt(_seal(data, PASSWORD, salt), where="f", passwords=BOTH) == data


def _assert_refused_or_untouched(text: str) -> None:
    """A letter of another case, a blank or another label leave alone what was encrypted."""
    try:
        read = decrypt(text, where="f", passwords=BOTH)
    except SecretError:
        return
    assert read.decode() == UTF8


@settings(SLOW, max_examples=300)
@given(st.integers(0, len(TEXT) - 1), st.characters(max_codepoint=255))
@example(TEXT.index("prod"), "x")
@example(TEXT.index("a"), "A")
def test_a_damaged_text_is_refused_and_never_garbage(at: int, other: str) -> None:
    _assert_refused_or_untouched(TEXT[:at] + other + TEXT[at + 1 :])


@SLOW
@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
def test_a_text_with_a_piece_missing_is_refused_and_never_garbage(one: int, two: int) -> None:
    start, end = sorted((one, two))
    _assert_refused_or_untouched(TEXT[:start] + TEXT[end:])


DIGITS = [at for at, letter in enumerate(INNER) if letter != "\n"]


@SLOW
@given(st.sampled_from(DIGITS), st.integers(1, 15))
def test_every_bit_of_salt_digest_and_ciphertext_is_guarded(at: int, flipped: int) -> None:
    digit = f"{int(INNER[at], 16) ^ flipped:x}"
    damaged = _outer(INNER[:at] + digit + INNER[at + 1 :])
    assert "or this text was changed" in _error(damaged)


def test_what_is_not_text_is_refused_as_a_secret(tmp_path: Path) -> None:
    sealed = _seal(b"\xff\xfe", PASSWORD, b"salt")
    assert decrypt(sealed, where="f", passwords=BOTH) == b"\xff\xfe"
    with pytest.raises(SecretError, match="f: what is encrypted here is not UTF-8 text"):
        vault_secret(sealed, where="f", passwords=BOTH).reveal()


def test_no_error_and_no_traceback_shows_a_password(tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        decrypt(TEXT, where="f", passwords=Passwords(f"{DATA}/password"))
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    folder = Path(secrets.__file__).parent
    frames = [frame for frame in told.stack if Path(frame.filename).parent == folder]
    assert frames
    assert not [frame for frame in frames if PASSWORD.decode() in str(frame.locals)]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("vault:secrets.yaml#db.password", DB),
        ("vault:secrets.yaml#db.user", "web"),
        ("vault:secrets.yaml#api.token", "t0ken"),
        ("vault:values.yaml#db.password", DB),
        ("vault:values.yaml#token", "t0ken"),
        (f"vault:{DATA}/values.yaml#token", "t0ken"),
    ],
)
def test_a_key_of_a_vault_file_is_a_secret(source: str, value: str) -> None:
    made = secret(source, DATA)
    assert made.reveal() == value
    assert str(made) == f"<secret {source}>"


SECRETS, VALUES = DATA / "secrets.yaml", DATA / "values.yaml"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("secrets.yaml#nothing", f"{SECRETS}: there is no key 'nothing' in this file"),
        ("secrets.yaml#db.nothing", f"{SECRETS}: there is no key 'db.nothing' in this file"),
        ("secrets.yaml#db.user.x", f"{SECRETS}: there is no key 'db.user.x' in this file"),
        ("secrets.yaml#db", f"{SECRETS}:1: db is not text (quote it in the file)"),
        ("secrets.yaml#pin", f"{SECRETS}:5: pin is not text (quote it in the file)"),
        ("secrets.yaml#empty", f"{SECRETS}:6: empty is not text (quote it in the file)"),
        ("secrets.yaml#hosts", f"{SECRETS}:7: hosts is not text (quote it in the file)"),
        (
            "values.yaml#db.user",
            f"{VALUES}:2: db.user is not encrypted (ansible-vault encrypt_string --name user)",
        ),
        ("none.yaml#x", f"{DATA}/none.yaml: there is no such file"),
    ],
)
def test_a_key_that_is_no_secret_says_why(source: str, told: str) -> None:
    made = secret(f"vault:{source}", DATA)
    with pytest.raises(SecretError) as caught:
        made.reveal()
    assert str(caught.value) == told


NO_YAML = "what is encrypted here is not YAML that can be read (ansible-vault edit {file})"


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("hunter2: 1\nhunter2: 2\n", "{file}:2: " + NO_YAML),
        ("a: !!int hunter2\n", "{file}:1: " + NO_YAML),
        ("hunter2", "{file}: this file holds no keys with values"),
    ],
)
def test_a_mistake_in_what_is_encrypted_is_told_without_a_word_of_it(
    tmp_path: Path, inside: str, told: str
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(_seal(inside.encode(), PASSWORD, b"salt"))
    with pytest.raises(SecretError) as caught:
        secret(f"vault:{file}#a").reveal()
    assert str(caught.value) == told.format(file=file)
    assert caught.value.__context__ is None


def test_a_torn_value_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6638\n")
    with pytest.raises(SecretError, match=r"x\.yaml:2: this Ansible Vault text is torn"):
        secret(f"vault:{file}#a").reveal()


def test_a_file_may_mark_text_as_unsafe(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(_seal(b"a: !unsafe '{{ x }}'\n", PASSWORD, b"salt"))
    assert secret(f"vault:{file}#a").reveal() == "{{ x }}"


def test_a_file_is_decrypted_once_for_all_its_secrets_and_threads(tmp_path: Path) -> None:
    shutil.copy(SECRETS, tmp_path)
    sources = Sources(tmp_path)
    made = [sources.secret(f"vault:secrets.yaml#{key}") for key in ("db.password", "api.token")]
    values: set[str] = set()
    threads = [
        threading.Thread(target=lambda which=which: values.add(which.reveal())) for which in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert values == {DB, "t0ken"}
    (tmp_path / "secrets.yaml").unlink()
    assert sources.secret("vault:secrets.yaml#db.user").reveal() == "web"


def test_the_caller_may_bring_the_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIREWORK_VAULT")
    sources = Sources(DATA, passwords=BOTH)
    assert sources.secret("vault:secrets.yaml#db.user").reveal() == "web"
