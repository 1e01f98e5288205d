"""Packages and repositories by Alpine's own apk, from a repository made there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.alpine import Alpine, unpack
from tests.state.boxes import Wished, done, play, problem, said, sh

pytestmark = pytest.mark.xdist_group("alpine")

MAKE = """
at=/srv/repository/$(apk --print-arch); mkdir -p "$at" /srv/build
pack() {
  apk mkpkg --sign-key /srv/ours.rsa --info "name:$1" --info "version:$2" \\
    --info "arch:$(apk --print-arch)" ${3:+--info "depends:$3"} \\
    --files /srv/build --output "$at/$1-$2.apk"
}
index() {
  apk mkndx -q --allow-untrusted --sign-key /srv/ours.rsa --output "$at/Packages.adb" "$at"/*.apk
}
"""
FIRST = MAKE + "pack tiny 1.0-r0; pack needs 1.0-r0 tiny; pack odd_x-y+z 1.2.3_git20-r1; index"
NEWER = MAKE + "pack tiny 2.0-r0; index"
RESET = (
    MAKE
    + """
for p in needs tiny odd_x-y+z; do apk del -q "$p"; done
rm -f "$at"/tiny-2* /etc/apk/keys/ours.rsa.pub; index; : >/etc/apk/repositories
"""
)
URL = "v3 /srv/repository"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    alpine = Alpine(unpack(tmp_path_factory.mktemp("apk")))
    key = rsa.generate_private_key(65537, 2048)
    (alpine.root / "srv/ours.rsa").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (alpine.root / "srv/ours.rsa.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    said(alpine, FIRST)
    yield alpine
    shutil.rmtree(alpine.root)


@pytest.fixture
def box(host: Alpine) -> Iterator[Alpine]:
    """The folder, knowing the repository, without the packages of other tests."""
    said(host, f"echo '{URL}' >/etc/apk/repositories; cp /srv/ours.rsa.pub /etc/apk/keys/")
    yield host
    sh(host, RESET)


def package(name: str | list[str], **options: object) -> Wished:
    return "package", {"name": name, **options}


def installed(box: Alpine) -> list[str]:
    return sh(box, "apk info -e -v tiny needs odd_x-y+z").out.decode().split()


def test_installed_at_any_version_or_at_one_and_removed(box: Alpine) -> None:
    assert done(box, package(["tiny", "odd_x-y+z=1.2.3_git20-r1", "musl"])) == [
        "fetch the package index of apk",
        "package tiny",
        "package odd_x-y+z=1.2.3_git20-r1",
    ]
    assert installed(box) == ["tiny-1.0-r0", "odd_x-y+z-1.2.3_git20-r1"]
    assert done(box, package("needs"), package("tiny")) == ["package needs"]
    gone = package(["needs", "tiny", "none"], state="absent")
    assert done(box, gone) == ["packages needs, tiny"]
    assert done(box, package("odd_x-y+z", state="absent", purge=True)) == ["package odd_x-y+z"]
    assert installed(box) == []


def test_the_latest_and_back_again(box: Alpine) -> None:
    done(box, package("tiny"))
    said(box, NEWER)
    assert done(box, package("tiny")) == [], "present is enough"
    assert done(box, package(["tiny", "needs"], state="latest")) == [
        "package needs",
        "package tiny -> 2.0-r0",
    ]
    assert done(box, package("tiny", version="1.0-r0")) == ["package tiny=1.0-r0"]
    assert installed(box) == ["tiny-1.0-r0", "needs-1.0-r0"]
    # Pinned in apk's world, and not for good.
    assert done(box, package("tiny", state="latest")) == ["package tiny -> 2.0-r0"]


def test_what_another_one_needs_is_not_removed_and_who_needs_it_is_told(box: Alpine) -> None:
    done(box, package(["tiny", "needs"]))
    assert problem(box, package("tiny", state="absent")) == "tiny is needed by needs (status 1)"
    assert installed(box) == ["tiny-1.0-r0", "needs-1.0-r0"]


def test_what_nobody_offers_is_an_error_in_apks_words(box: Alpine) -> None:
    assert problem(box, package(["tiny", "no-such"])) == "no-such (no such package) (status 1)"
    assert problem(box, package("tiny=7.0")).endswith("(status 1)")
    assert installed(box) == [], "all or nothing"


def test_a_repository_with_its_key_comes_and_goes(box: Alpine, tmp_path: Path) -> None:
    said(box, ": >/etc/apk/repositories; rm /etc/apk/keys/ours.rsa.pub")
    index = f"/srv/repository/{said(box, 'apk --print-arch').strip()}/Packages.adb"
    key = tmp_path / "ours.rsa.pub"
    key.write_bytes((box.root / "srv/ours.rsa.pub").read_bytes())
    ours = {"name": "ours", "url": index, "key": str(key)}
    assert done(box, ("repository", ours), package("tiny"))[:2] == [
        "/etc/apk/keys/ours.rsa.pub",
        "/etc/apk/repositories",
    ]
    assert len(done(box, ("repository", {**ours, "present": False}))) == 2
    assert said(box, "cat /etc/apk/repositories") == ""


def test_a_repository_that_does_not_answer_is_told(box: Alpine) -> None:
    nowhere = ("repository", {"name": "nowhere", "url": "http://127.0.0.1:1/x"})
    step = play(box, nowhere, package("tiny")).steps[1]
    assert step.problem.startswith("1 unavailable")
    assert "127.0.0.1:1" in step.output
