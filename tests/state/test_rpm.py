"""Packages and repositories of a host of rpms, by real dnf and from a repository made there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labs import LabImage
from tests.state.boxes import Wished, done, play, problem, root_of, said, sh
from wirework.ssh import Remote

pytestmark = pytest.mark.xdist_group("podman")

LONG = "a-package-whose-name-does-not-fit-into-one-column-of-a-table-that-is-made-for-people"

MAKE = """
mkdir -p /srv/build /srv/repository
rpm_() {
  printf 'Name: %s\\nVersion: %s\\nRelease: 1\\nSummary: x\\n' "$1" "$2" >/srv/build/it.spec
  printf 'License: x\\nBuildArch: noarch\\n%s\\n' "$3" >>/srv/build/it.spec
  printf '%%description\\nx\\n%%files\\n' >>/srv/build/it.spec
  rpmbuild -bb --quiet -D '_topdir /srv/build' -D '_rpmdir /srv/repository' /srv/build/it.spec
}
"""
FIRST = (
    MAKE
    + f"""
rpm_ tiny 1.0; rpm_ needs 1.0 'Requires: tiny'; rpm_ late 1.0 'Epoch: 1'; rpm_ {LONG} 1.0
rpm_ left 1.0; rpm_ signed 1.0; rpm_ shell 1.0 'Provides: /bin/sh'
rpm_ slow 1.0 "$(printf '%%post\\n: >/srv/begun\\nuntil [ -e /srv/gate ]; do sleep 0.1; done')"
export GNUPGHOME=/srv/keys; mkdir -m 700 $GNUPGHOME
gpg --batch -q --passphrase '' --quick-gen-key ours rsa2048 sign never
gpg --armor --export ours >/srv/keys/ours.asc
rpmsign -D '__gpg /usr/bin/gpg' -D '_gpg_name ours' --addsign /srv/repository/noarch/signed*
gpgconf --kill all
createrepo_c -q /srv/repository
cd /srv/repository; python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 </dev/null &
echo $! >/srv/server
"""
)
NEWER = (
    MAKE
    + f"""
rpm_ tiny 2.0; rpm_ {LONG} 2.0; rpm_ instead 1.0 'Obsoletes: left'
createrepo_c -q /srv/repository
"""
)
AGED = "touch -d '2 hours ago' /var/cache/dnf /var/cache/dnf/*.solv"
RESET = """
touch /srv/gate
rpm -qa | xargs -r rpm -e --nodeps
rm -f /etc/yum.repos.d/* /etc/pki/rpm-gpg/*; rm -rf /var/cache/dnf/*
rm -f /srv/repository/noarch/*-2.0-* /srv/repository/noarch/instead*
createrepo_c -q /srv/repository
"""
OURS: Wished = ("repository", {"name": "ours", "url": "http://127.0.0.1:8000"})
TRUSTED: Wished = ("repository", {**OURS[1], "trusted": True})
INDEX = "fetch the package index of dnf"


@pytest.fixture(scope="module")
def host(lab_image: LabImage) -> Iterator[Remote]:
    with root_of(lab_image("rpm")) as remote:
        said(remote, FIRST)
        yield remote
        said(remote, "kill $(cat /srv/server); rm -rf /srv/*")


@pytest.fixture
def box(host: Remote) -> Iterator[Remote]:
    """The host, without the packages of other tests."""
    yield host
    sh(host, RESET)


def package(name: str | list[str], **options: object) -> Wished:
    return "package", {"name": name, **options}


def versions(box: Remote, *names: str) -> list[str]:
    lines = sh(box, f"rpm -q --qf '%{{EPOCHNUM}}:%{{VERSION}}\\n' {' '.join(names)}").out
    return [line.split()[0] for line in lines.decode().splitlines()]


def test_a_new_repository_is_read_before_its_package_is_installed(box: Remote) -> None:
    assert done(box, TRUSTED, package(["tiny", "needs"])) == [
        "/etc/yum.repos.d/ours.repo",
        INDEX,
        "packages tiny, needs",
    ]
    assert versions(box, "tiny", "needs") == ["0:1.0", "0:1.0"]
    assert done(box, package(["needs", "tiny"], state="absent")) == ["packages needs, tiny"]
    # The index is young enough now; what is needed comes along.
    assert done(box, package("needs")) == ["package needs"]
    assert versions(box, "tiny") == ["0:1.0"]


def test_the_latest_and_back_again(box: Remote) -> None:
    done(box, TRUSTED, package(["tiny", LONG, "left"]))
    said(box, NEWER)
    assert done(box, package("tiny", state="latest")) == [], "the index is young"
    said(box, AGED)
    assert done(box, package("tiny")) == [], "present is enough"
    assert done(box, package(["tiny", "late", LONG], state="latest")) == [
        INDEX,
        "package late",
        f"packages tiny -> 2.0-1, {LONG} -> 2.0-1",
    ]
    assert versions(box, "tiny", LONG) == ["0:2.0", "0:2.0"]
    # What another one makes obsolete is not newer.
    assert done(box, package("left", state="latest")) == []
    assert done(box, package("tiny", version="1.0-1")) == ["package tiny-1.0-1"]
    assert versions(box, "tiny") == ["0:1.0"]


def test_a_version_is_met_with_or_without_its_epoch_and_release(box: Remote) -> None:
    done(box, TRUSTED, package("late=1:1.0"))
    assert versions(box, "late") == ["1:1.0"]
    for word in ("late=1.0", "late=1.0-1", "late=1:1.0-1"):
        assert done(box, package(word)) == []
    assert problem(box, package("late=2.0")).endswith("Unable to find a match: late-2.0 (status 1)")


def test_dnf_at_work_does_not_make_its_index_younger(box: Remote) -> None:
    done(box, TRUSTED, package("tiny"))
    said(box, AGED)
    said(box, "dnf -q -y install needs; dnf -q -y remove needs")
    assert done(box, package("late")) == [INDEX, "package late"]


def test_unsigned_packages_are_only_taken_from_a_repository_that_is_trusted(box: Remote) -> None:
    step = play(box, OURS, package("tiny")).steps[1]
    assert step.status.value == "failed"
    assert "enabled checking of packages via GPG keys" in step.output
    assert done(box, TRUSTED, package("tiny")) == [
        "/etc/yum.repos.d/ours.repo",
        INDEX,
        "package tiny",
    ]


def test_a_repository_with_a_key_comes_and_goes(box: Remote, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    wish = {**OURS[1], "key": str(key)}
    assert done(box, ("repository", wish)) == [
        "/etc/pki/rpm-gpg/RPM-GPG-KEY-ours",
        "/etc/yum.repos.d/ours.repo",
    ]
    assert said(box, "dnf -q repolist").split()[-2:] == ["ours", "ours"]
    assert len(done(box, ("repository", {**wish, "present": False}))) == 2
    assert sh(box, "ls /etc/yum.repos.d /etc/pki/rpm-gpg | grep ours").out == b""


def test_with_its_key_only_signed_packages_are_taken(box: Remote, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(said(box, "cat /srv/keys/ours.asc"))
    signed = ("repository", {**OURS[1], "key": str(key)})
    assert done(box, signed, package("signed"))[-1] == "package signed"
    step = play(box, package("tiny")).steps[0]
    assert "tiny-1.0-1.noarch.rpm is not signed" in step.output
    assert step.problem == "Error: GPG check FAILED (status 1)"


def test_dnf_at_work_is_waited_for(box: Remote) -> None:
    done(box, TRUSTED, package("late"))
    said(
        box,
        "rm -f /srv/gate /srv/begun; dnf -y -q install slow >/dev/null 2>&1 </dev/null &\n"
        "timeout 60 sh -c 'until [ -e /srv/begun ]; do sleep 0.1; done'\n"
        "( timeout 60 sh -c 'until pgrep -f \"install tiny$\"; do sleep 0.1; done'"
        " ; touch /srv/gate ) >/dev/null 2>&1 </dev/null &",
    )
    assert play(box, package("tiny")).ok
    assert versions(box, "slow", "tiny") == ["0:1.0", "0:1.0"]


def test_a_folder_of_the_host_is_a_repository(box: Remote) -> None:
    folder = ("repository", {"name": "ours", "url": "/srv/repository", "trusted": True})
    assert done(box, folder, package("tiny"))[-1] == "package tiny"


def test_what_nobody_offers_is_an_error_in_dnfs_words(box: Remote) -> None:
    step = play(box, TRUSTED, package(["tiny", "no-such-thing"])).steps[1]
    assert step.problem == "Error: Unable to find a match: no-such-thing (status 1)"
    assert versions(box, "tiny") == ["package"], "all or nothing"
