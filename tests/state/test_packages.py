"""Packages and repositories on a real Debian host with a repository of its own.

A host with real dnf is in test_rpm.py. apk and dnf are small programs here that write down what
they were told, to try the shells that such hosts have: what real ones answer is in fixtures/facts/.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.labs import LabImage
from tests.state.boxes import Wished, done, play, root_of, sh
from tests.state.conftest import LocalShell, Nowhere
from wirework.errors import BadInput
from wirework.ssh import Pool, Remote
from wirework.state import OPERATIONS
from wirework.state.operations.packages import LOCK_SECONDS

pytestmark = pytest.mark.xdist_group("podman")

MAKE = r"""
set -eu
export SOURCE_DATE_EPOCH=1700000000
mkdir -p /srv/kept /srv/build && mv /etc/apt/sources.list.d /srv/kept/
mkdir -p /etc/apt/sources.list.d /srv/repository
deb() {
  mkdir -p /srv/build/DEBIAN
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n' \
    "$1" "$2" >/srv/build/DEBIAN/control
  dpkg-deb --build /srv/build "/srv/repository/$1_$2.deb" >/dev/null
  rm -r /srv/build
}
deb tiny 1.0
mkdir -p /srv/build/etc /srv/build/DEBIAN
echo a=1 >/srv/build/etc/settled.conf
echo /etc/settled.conf >/srv/build/DEBIAN/conffiles
deb settled 1.0
mkdir -p /srv/build/DEBIAN
printf '#!/bin/sh\nuntil [ -e /srv/gate ]; do sleep 0.1; done\n' >/srv/build/DEBIAN/postinst
chmod 755 /srv/build/DEBIAN/postinst
deb slow 1.0
"""
INDEX = r"""
set -eu
cd /srv/repository
for f in *.deb; do
  dpkg-deb -f "$f"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
    "$f" "$(stat -c %s "$f")" "$(sha256sum <"$f" | cut -d ' ' -f 1)"
done >Packages
printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(LC_ALL=C date -Ru | sed s/+0000/UTC/)" \
  "$(sha256sum <Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
"""
NEWER = r"""
set -eu
mkdir -p /srv/build/DEBIAN
printf 'Package: tiny\nVersion: 2.0\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n' \
  >/srv/build/DEBIAN/control
dpkg-deb --build /srv/build /srv/repository/tiny_2.0.deb >/dev/null
rm -r /srv/build
touch -d '2 hours ago' /var/lib/apt/lists
"""
HEAL = r"""
touch /srv/gate
dpkg --purge tiny settled slow >/dev/null 2>&1
rm -rf /etc/apt/sources.list.d && mv /srv/kept/sources.list.d /etc/apt/
rm -rf /srv/kept /srv/repository /srv/build /srv/gate /etc/apt/keyrings/ours.asc
rm -rf /var/lib/apt/lists/*
"""

OURS: Wished = ("repository", {"name": "ours", "url": "copy:/srv/repository", "suites": "./"})
TRUSTED: Wished = ("repository", {**OURS[1], "trusted": True})


@pytest.fixture(scope="module")
def box(lab_image: LabImage) -> Iterator[Remote]:
    """A Debian host whose only repository is a folder of its own."""
    with root_of(lab_image("services")) as remote:
        assert sh(remote, MAKE).status == 0
        assert sh(remote, INDEX).status == 0
        yield remote
        assert sh(remote, HEAL).status == 0


@pytest.fixture(autouse=True)
def nothing_is_installed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "box" in request.fixturenames:
        box = request.getfixturevalue("box")
        assert sh(box, "dpkg --purge tiny settled slow >/dev/null 2>&1; :").status == 0


def package(name: str | list[str], **options: Any) -> Wished:
    return "package", {"name": name, **options}


def version(box: Remote, name: str) -> str:
    return sh(box, f"dpkg-query -W -f '${{db:Status-Abbrev}}${{Version}}' {name}").out.decode()


def test_a_new_repository_is_read_before_its_package_is_installed(box: Remote) -> None:
    assert done(box, TRUSTED, package(["tiny", "settled"])) == [
        "/etc/apt/sources.list.d/ours.sources",
        "fetch the package index of apt",
        "packages tiny, settled",
    ]
    assert version(box, "tiny") == "ii 1.0"
    assert done(box, package(["tiny", "settled"], state="absent")) == ["packages tiny, settled"]
    # The index is young enough now.
    assert done(box, TRUSTED, package("tiny=1.0")) == ["package tiny=1.0"]


def test_the_latest_and_back_again(box: Remote) -> None:
    done(box, TRUSTED, package("tiny"))
    assert sh(box, NEWER + INDEX).status == 0
    try:
        assert done(box, package("tiny")) == [], "present is enough"
        assert done(box, package("tiny", state="latest", update=False)) == []
        assert done(box, package(["tiny", "settled"], state="latest")) == [
            "fetch the package index of apt",
            "package settled",
            "package tiny -> 2.0",
        ]
        assert version(box, "tiny") == "ii 2.0"
        assert done(box, package("tiny", version="1.0")) == ["package tiny=1.0"]
        assert version(box, "tiny") == "ii 1.0"
    finally:
        sh(box, "rm /srv/repository/tiny_2.0.deb" + INDEX)
        sh(box, "touch -d '2 hours ago' /var/lib/apt/lists")


def test_removed_and_purged(box: Remote) -> None:
    done(box, TRUSTED, package("settled"))
    assert done(box, package("settled", state="absent")) == ["package settled"]
    assert sh(box, "cat /etc/settled.conf").out == b"a=1\n"
    assert done(box, package("settled", state="absent", purge=True)) == ["package settled"]
    assert sh(box, "cat /etc/settled.conf").status == 1
    done(box, package("settled"))
    assert done(box, package("settled", state="absent", purge=True)) == ["package settled"]


def test_a_changed_configuration_file_is_kept(box: Remote) -> None:
    done(box, TRUSTED, package("settled"))
    sh(box, "echo mine >/etc/settled.conf; dpkg --remove settled")
    done(box, package("settled"))
    assert sh(box, "cat /etc/settled.conf").out == b"mine\n"


def test_a_package_whose_installation_broke_off_is_installed_again(box: Remote) -> None:
    done(box, TRUSTED)
    sh(box, "rm -f /srv/gate; dpkg --unpack /srv/repository/slow_1.0.deb; touch /srv/gate")
    assert version(box, "slow").startswith("iU")
    assert done(box, package("slow"))[-1] == "package slow"
    assert version(box, "slow") == "ii 1.0"


def test_a_name_is_never_a_pattern(box: Remote) -> None:
    done(box, TRUSTED, package("settled"))
    step = play(box, package(["settled", "t.ny"])).steps[0]
    assert "E: Unable to locate package t.ny" in step.output
    assert not version(box, "tiny")


def test_the_lock_of_another_apt_is_waited_for(box: Remote) -> None:
    done(box, TRUSTED, package("settled"))
    sh(
        box,
        "rm -f /srv/gate; apt-get install -y slow >/dev/null 2>&1 </dev/null &"
        "until pgrep -f slow.postinst; do sleep 0.1; done;"
        "( until pgrep -f 'install tiny$'; do sleep 0.1; done; touch /srv/gate )"
        " >/dev/null 2>&1 </dev/null &",
    )
    assert version(box, "slow") != "ii 1.0"
    # While dpkg is at work, its database tells of tiny already.
    assert play(box, package("tiny")).ok
    assert (version(box, "slow"), version(box, "tiny")) == ("ii 1.0", "ii 1.0")


def test_without_root_it_fails_at_once(box: Remote) -> None:
    done(box, TRUSTED)
    sh(box, "touch -d '2 hours ago' /var/lib/apt/lists")
    with Pool(known_hosts=()) as pool:
        ops = pool.remote(dataclasses.replace(box.host, user="ops"))
        for wish in (package("tiny"), package("tiny", update=False)):
            result = play(ops, wish)
            assert "Permission denied" in result.steps[0].output
            assert result.seconds < LOCK_SECONDS / 2


def test_a_repository_with_a_key_comes_and_goes(box: Remote, tmp_path: Path) -> None:
    key = tmp_path / "any name.pub"
    key.write_bytes(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    wish = {
        "name": "other",
        "url": "https://packages.example/debian",
        "suites": ["bookworm", "bookworm-updates"],
        "components": "main",
        "key": str(key),
    }
    sh(box, "rm -rf /etc/apt/keyrings")
    assert done(box, ("repository", wish)) == [
        "folder /etc/apt/keyrings",
        "/etc/apt/keyrings/other.asc",
        "/etc/apt/sources.list.d/other.sources",
    ]
    assert sh(box, "cat /etc/apt/sources.list.d/other.sources").out.decode() == (
        "Types: deb\nURIs: https://packages.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /etc/apt/keyrings/other.asc\n"
    )
    # apt itself reads it.
    said = sh(box, "apt-get update --print-uris").out
    assert b"'https://packages.example/debian/dists/bookworm-updates/InRelease'" in said
    assert len(done(box, ("repository", {**wish, "present": False}))) == 2
    assert sh(box, "ls /etc/apt/keyrings /etc/apt/sources.list.d/other.sources").out == (
        b"/etc/apt/keyrings:\n"
    )


RECORD = """#!/bin/sh
printf '%s' "{name}" >>"$HOME/told"; printf ' %s' "$@" >>"$HOME/told"; echo >>"$HOME/told"
case "$*" in
{cases}
esac
"""
APK = r"""
'info -e -v curl nginx') printf 'curl-8.5.0-r0\n'; [ ! -e "$HOME/had" ] || echo nginx-1.24.0-r7 ;;
'--wait 120 --no-progress add nginx') : >"$HOME/had" ;;
'--wait 120 --no-progress del nginx') rm "$HOME/had" ;;
'info -e -v nginx') [ ! -e "$HOME/had" ] || echo nginx-1.24.0-r7 ;;
"""


def put_program(host: LocalShell, name: str, cases: str) -> None:
    path = Path(host.path) / name
    path.write_text(RECORD.format(name=name, cases=cases))
    path.chmod(0o755)


def test_apk_is_told_the_right_words(bare: LocalShell) -> None:
    put_program(bare, "apk", APK)
    both = package(["curl", "nginx"], update=False)
    assert done(bare, both) == ["package nginx"]
    assert done(bare, package("nginx", state="absent")) == ["package nginx"]


def test_dnf_is_tried_again_while_another_one_holds_the_lock(bare: LocalShell) -> None:
    put_program(bare, "rpm", '*nginx) cat "$HOME/had" 2>/dev/null || echo no ;;')
    put_program(
        bare,
        "dnf",
        "*install*) [ -e tried ] || { : >tried; exit 200; }\n"
        "printf 'nginx\\tnoarch\\t1\\t1.24.0-1.el9\\n' >had ;;",
    )
    assert done(bare, package("nginx=1:1.24.0-1.el9", update=False)) == [
        "package nginx-1:1.24.0-1.el9"
    ]
    told = (bare.home / "told").read_text().splitlines()
    words = "dnf -y -q --setopt=exit_on_lock=1 install nginx-1:1.24.0-1.el9"
    assert [line for line in told if line.startswith("dnf")] == [words, words]


def test_a_host_without_a_package_manager_is_told_apart(bare: LocalShell) -> None:
    result = play(bare, package("nginx"))
    assert result.steps[0].problem.startswith("the host has no package manager that is known")


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (package("nginx-"), "'nginx-' is no name of a package"),
        (package("--purge"), "'--purge' is no name of a package"),
        (package("a b"), "'a b' is no name of a package"),
        (package("lib*"), "'lib*' is no name of a package"),
        (package("./x.deb"), "'./x.deb' is no name of a package"),
        (package("a/sid"), "'a/sid' is no name of a package"),
        (package(["a", "a=1"]), "one package is named with two versions"),
        (package("a="), "'a=' names no version"),
        (package("a=1 2"), "'1 2' is no version"),
        (package(["a", "b"], version="1"), "version goes with one plain name ([nginx="),
        (package("a=1", state="absent"), "a version goes with state: present"),
        (package("a", state="there"), "state is present, latest or absent, not 'there'"),
        (package("a", purge=True), "purge goes with state: absent"),
        (package([]), "package needs a name"),
        (("repository", {**OURS[1], "name": "../x"}), "'../x' is no name for a repository's file"),
        (("repository", {**OURS[1], "url": "http://a:b@c/"}), "url holds a login"),
        (("repository", {**OURS[1], "url": "http://a/\nx: y"}), "url holds a space or a line end"),
        (("repository", {**OURS[1], "suites": "sid"}), "suites without / at their end need"),
        (("repository", {**OURS[1], "suites": "a\nb"}), "'a\\nb' is neither a suite nor a compo"),
    ],
)
def test_wrong_input_is_refused_before_the_first_fact(wish: Wished, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS[wish[0]].wish(wish[1], Nowhere())
    assert str(caught.value).startswith(complaint)


def test_the_tools_of_a_bare_host_are_not_this_machines(bare: LocalShell) -> None:
    assert shutil.which("apt-get", path=bare.path) is None
