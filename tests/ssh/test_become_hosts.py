"""Becoming another user on real hosts: util-linux's su and busybox's, sudo, doas, and PAM."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.labs import LabHosts
from tests.ssh.sshd import Said
from wirework.errors import CommandFailed, TimedOut
from wirework.inventory import Host
from wirework.lab import Lab
from wirework.secrets import Secret
from wirework.ssh import LocalFile, Pool, Remote, put
from wirework.ssh.become import talk
from wirework.state import OPERATIONS, Item, converge
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree

pytestmark = pytest.mark.xdist_group("podman")

PASSWORD = "Correct-Horse 9'$\"x"
"""Everybody's, with all that a shell would trip over."""
HASHED = (
    "$6$labsaltlabsalt$"
    "DJC7sofEEQmCXpLiVgllJtEC3WuiAYtUX/f/3nB79n3.iNWVXspuAxN7na1azvUMCAoqa1Vif5SqMy60YQCIB."
)
"""The same, as crypt(5) has it: busybox's host has nothing that could make it."""

DEBIAN = r"""
set -eu
for user in ann bob fay app old new; do useradd --create-home --shell /bin/bash "$user"; done
useradd --create-home --shell /usr/sbin/nologin ned
read -r password
for user in root ann bob fay app ned old new; do
    printf '%s:%s\n' "$user" "$password" | chpasswd
done
usermod --expiredate 1 old
chage --lastday 0 new
for user in ann bob fay; do
    cp -r /home/ops/.ssh "/home/$user/"
    chown -R "$user:" "/home/$user/.ssh"
done
cat > /etc/sudoers.d/people <<'END'
Defaults:ann logfile=/var/log/sudo.log
ann ALL=(ALL:ALL) ALL
bob ALL=(root) /usr/bin/id
bob ALL=(app) NOPASSWD: /usr/bin/id
Defaults:bob requiretty
END
chmod 440 /etc/sudoers.d/people
printf 'permit nopass keepenv ops\npermit ann\n' > /etc/doas.conf
chmod 600 /etc/doas.conf
echo LC_ALL=C.UTF-8 >> /etc/environment
# A wrong password costs seconds otherwise.
sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
"""
BUSYBOX = r"""
set -eu
read -r hash
mkdir -p /home/ann /home/app
printf 'ann:x:1001:1001::/home/ann:/bin/sh\napp:x:1002:1002::/home/app:/bin/false\n' >> /etc/passwd
printf 'ann:x:1001:\napp:x:1002:\n' >> /etc/group
printf 'ann:%s:19000:0:99999:7:::\napp:*:19000:0:99999:7:::\n' "$hash" >> /etc/shadow
sed -i "s|^root:[^:]*|root:$hash|" /etc/shadow
cp -r /root/.ssh /home/ann/
chown -R ann:ann /home/ann
chown -R app:app /home/app
chmod u+s /bin/busybox
printf '#!/bin/sh\nprintf "Verification code: " >&2\nsleep 600\n' > /bin/sudo
chmod 755 /bin/sudo
"""


class Way(NamedTuple):
    """A host of the lab, the login user there, and the method of becoming another one."""

    name: str
    user: str
    method: str


ASKED = (
    Way("web1", "ann", "sudo"),
    Way("web1", "ann", "su"),
    Way("tiny1", "ann", "su"),
    Way("web1", "ann", "doas"),
)
"""Ways on which a password is asked for."""
UNASKED = (
    Way("web1", "ops", "sudo"),
    Way("web1", "root", "su"),
    Way("tiny1", "root", "su"),
    Way("web1", "ops", "doas"),
)
asked = pytest.mark.parametrize("way", ASKED, ids="-".join)


@pytest.fixture(scope="module")
def lab(lab_hosts: LabHosts) -> Lab:
    """web1 has sudo, su and doas of Debian, tiny1 has busybox; both have users with passwords."""
    lab = lab_hosts(groups={"web": 1, "tiny": 1}, image="services", images={"tiny": "busybox"})
    for name, user, script, line in (
        ("web1", "ops", DEBIAN, PASSWORD),
        ("tiny1", "root", BUSYBOX, HASHED),
    ):
        with Pool(known_hosts=()) as pool:
            remote = pool.remote(host_of(lab, name, user, become=user != "root"))
            said = execute(remote, ["sh", "-c", script], stdin=f"{line}\n".encode())
            assert said.status == 0, said
    return lab


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(known_hosts=()) as made:
        yield made


def host_of(lab: Lab, name: str, user: str, method: str = "sudo", **changes: Any) -> Host:
    """Return a host of the lab, to be logged in on as ``user``, who becomes another there."""
    address = next(host.address for host in lab.hosts if host.name == name)
    plain = Host(name, address, port=22, user=user, key=lab.key, known_hosts=lab.known_hosts)
    return dataclasses.replace(plain, **{"become": True, "become_method": method, **changes})


def known(text: str = PASSWORD) -> Secret:
    return Secret("test", lambda: text)


def execute(remote: Remote, command: str | list[str], **options: Any) -> Said:
    out, err = bytearray(), bytearray()
    status = remote.execute(command, stdout=out.extend, stderr=err.extend, **options)
    return Said(status, bytes(out), bytes(err))


@pytest.mark.parametrize("target", ["root", "app"])
@asked
def test_a_command_runs_as_the_other_user_and_its_streams_are_its_own(
    lab: Lab, pool: Pool, way: Way, target: str
) -> None:
    if way.name == "tiny1" and target == "app":
        way = way._replace(user="root")  # nobody knows a password of app there
    host = host_of(lab, *way, become_user=target, become_password=known())
    remote = pool.remote(host)
    sent = bytes(range(256)) * 400
    home = "/root" if target == "root" else f"/home/{target}"
    start = "/root" if way.user == "root" else f"/home/{way.user}"
    said = execute(remote, "id -un; echo $HOME; pwd; cat; echo no >&2; exit 7", stdin=sent)
    out = f"{target}\n{home}\n{start}\n".encode() + sent
    # On a terminal there is one stream for both.
    assert said == (Said(7, out + b"no\n", b"") if way.method == "doas" else Said(7, out, b"no\n"))
    odd = ["printf", "%s|", "a b", "", "'\"$x\\", "\udcff"]
    assert execute(remote, odd) == Said(0, b"a b||'\"$x\\|\xff|", b"")


@pytest.mark.parametrize("way", UNASKED, ids="-".join)
@pytest.mark.parametrize("password", [None, known()], ids=["none", "one"])
def test_no_password_goes_where_none_is_asked_for(
    lab: Lab, pool: Pool, way: Way, password: Secret | None
) -> None:
    host = host_of(lab, *way, become_user="app", become_password=password)
    said = execute(pool.remote(host), "id -un; echo $HOME; cat", stdin=b"mine")
    assert said == Said(0, b"app\n/home/app\nmine", b"")


@asked
def test_the_password_is_seen_by_nobody(
    lab: Lab, pool: Pool, way: Way, capfd: pytest.CaptureFixture[str]
) -> None:
    host = host_of(lab, *way, become_password=known())
    look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; cat"
    said = execute(pool.remote(host), f"{look}; exit 1", stdin=b"all of stdin")
    text = said.out + said.err
    assert said.status == 1
    assert b"sshd" in text or b"dropbear" in text, "the other processes were seen"
    assert text.endswith(b"all of stdin")
    assert b"Correct-Horse" not in text
    assert "Correct-Horse" not in repr(host) + "".join(capfd.readouterr())


WRONG = "{} refused the password (check become_password; it was tried once,"
WANTED = "{} wants a password"
NOT_ALLOWED = "{} does not allow it"
NO_TTY = "{} wants a terminal"
ABSENT = "{} is not installed (install {})"
NO_USER = "there is no such user"
EXPIRED = "the account or its password has expired or is locked"
REFUSALS = (
    (Way("web1", "ann", "sudo"), "wrong", "root", WRONG),
    (Way("web1", "ann", "su"), "wrong", "root", WRONG),
    (Way("tiny1", "ann", "su"), "wrong", "root", WRONG),
    (Way("web1", "ann", "doas"), "wrong", "root", WRONG),
    (Way("web1", "ann", "sudo"), None, "root", f"{WANTED} (a password is required) (set become_"),
    (Way("web1", "ann", "su"), None, "root", f"{WANTED} (set become_password to the password of"),
    (Way("tiny1", "ann", "su"), None, "root", f"{WANTED} (set become_password"),
    (Way("web1", "ann", "doas"), None, "root", f"{WANTED} (Authentication required) (set become_"),
    (Way("web1", "fay", "sudo"), PASSWORD, "root", f"{NOT_ALLOWED} (fay is not in the sudoers"),
    (Way("web1", "fay", "doas"), PASSWORD, "root", f"{NOT_ALLOWED} (Operation not permitted)"),
    (Way("web1", "bob", "sudo"), PASSWORD, "root", f"{NO_TTY} (sorry, you must have a tty to"),
    (Way("web1", "bob", "sudo"), None, "app", f"{NO_TTY} (sorry, you must have a tty to"),
    (Way("web1", "ann", "sudo"), PASSWORD, "nil", f"{NO_USER} (unknown user nil)"),
    (Way("web1", "ann", "sudo"), None, "nil", f"{NO_USER} (unknown user nil)"),
    (Way("web1", "ann", "su"), PASSWORD, "nil", f"{NO_USER} (user nil does not exist"),
    (Way("tiny1", "root", "su"), None, "nil", f"{NO_USER} (unknown user nil)"),
    (Way("web1", "ann", "doas"), PASSWORD, "nil", f"{NO_USER} (unknown user)"),
    (Way("tiny1", "ann", "doas"), PASSWORD, "root", ABSENT),
    (Way("tiny1", "ann", "doas"), None, "root", ABSENT),
    (Way("web1", "ann", "su"), PASSWORD, "ned", "its shell lets nobody in (using restricted shell"),
    (Way("web1", "ann", "su"), PASSWORD, "old", f"{EXPIRED} (Your account has expired"),
    (Way("web1", "root", "su"), None, "old", f"{EXPIRED} (Your account has expired"),
    (Way("web1", "ann", "su"), PASSWORD, "new", f"{EXPIRED} (You are required to change your"),
)


@pytest.mark.parametrize(("way", "password", "target", "problem"), REFUSALS)
def test_a_refusal_is_one_line_and_costs_the_caller_nothing(
    lab: Lab, way: Way, password: str | None, target: str, problem: str
) -> None:
    given = None if password is None else known(password)
    host = host_of(lab, *way, become_user=target, become_password=given)
    taken: list[str] = []

    def stdin() -> Iterator[bytes]:
        taken.append("stdin")
        yield b"what is meant for the command"

    with Pool(known_hosts=()) as pool, pytest.raises(CommandFailed) as caught:
        execute(pool.remote(host), "cat", stdin=stdin())
    line = str(caught.value)
    assert line.startswith(
        f"{way.name}: cannot become {target}: {problem.replace('{}', way.method)}"
    )
    assert "\n" not in line
    assert caught.value.hint
    assert "Correct-Horse" not in line
    assert not re.search("begin-|ready-|prompt-", line)
    assert taken == [] or (given is None and way.method != "su")


def test_a_command_that_sudo_does_not_allow_is_named_as_such(lab: Lab, pool: Pool) -> None:
    anns = pool.remote(host_of(lab, "web1", "ann", become_password=known()))
    lift = "sed -i s/requiretty/!requiretty/ /etc/sudoers.d/people"
    assert execute(anns, lift).status == 0
    try:
        bob = host_of(lab, "web1", "bob", become_password=known())
        refused = (
            r"does not allow it \(Sorry, user bob is not allowed to execute /usr/bin/sh as root"
        )
        with Pool(known_hosts=()) as bobs, pytest.raises(CommandFailed, match=refused):
            execute(bobs.remote(bob), "id", stdin=b"mine")
    finally:
        assert execute(anns, lift.replace("s/r", "s/!r").replace("/!req", "/req")).status == 0


def test_a_wrong_password_is_tried_once(lab: Lab, pool: Pool) -> None:
    anns = pool.remote(host_of(lab, "web1", "ann", become_password=known("wrong too")))
    with Pool(known_hosts=()) as other:
        root = other.remote(host_of(lab, "web1", "root", become=False))
        assert execute(root, "rm -f /var/log/sudo.log").status == 0
        with pytest.raises(CommandFailed, match="sudo refused the password"):
            execute(anns, "id")
        # sudo is told that nobody answers its second question, and then writes its log.
        wait = "until [ -s /var/log/sudo.log ]; do sleep 0.1; done; cat /var/log/sudo.log"
        log = execute(root, wait, timeout=30).out.decode()
    assert re.findall(r"(\d+)\s+incorrect\s+password\s+attempts?", log) == ["1"], log


def test_a_question_that_is_none_for_a_password_is_given_up(
    lab: Lab, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "PATIENCE", 1.0)
    remote = pool.remote(host_of(lab, "tiny1", "ann", become_password=known()))
    with pytest.raises(TimedOut) as caught:
        execute(remote, "id")
    assert str(caught.value) == (
        "tiny1: cannot become root: sudo did not come to the command within 1 s"
        " (it last said: Verification code:)"
    )


def test_a_deadline_holds_before_the_command_begins(lab: Lab, pool: Pool) -> None:
    remote = pool.remote(host_of(lab, "tiny1", "ann", become_password=known()))
    remote.connect()
    with pytest.raises(TimedOut, match=r"still running after 0.2 s"):
        execute(remote, "id", timeout=0.2)


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_the_command_keeps_its_own_language(lab: Lab, pool: Pool, method: str) -> None:
    remote = pool.remote(host_of(lab, "web1", "ann", method, become_password=known()))
    assert execute(remote, "echo $LC_ALL").out == b"C.UTF-8\n"
    assert execute(remote, "echo $LC_ALL", become=False).out == b"C.UTF-8\n"


def test_root_has_sbin_by_su_as_by_sudo(lab: Lab, pool: Pool) -> None:
    remote = pool.remote(host_of(lab, "web1", "ann", "su", become_password=known()))
    assert execute(remote, "command -v useradd").status == 0
    assert execute(remote, "command -v useradd", become=False).status != 0


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_both_streams_come_as_one_when_asked(lab: Lab, pool: Pool, method: str) -> None:
    remote = pool.remote(host_of(lab, "web1", "ann", method, become_password=known()))
    for _ in range(5):
        said = execute(remote, "echo out; echo err >&2; cat", stdin=b"in\n", combine=True)
        assert sorted(said.out.splitlines()) == [b"err", b"in", b"out"]
        assert said.err == b""


def test_a_sink_that_has_enough_ends_it(lab: Lab, pool: Pool) -> None:
    remote = pool.remote(host_of(lab, "web1", "ann", become_password=known()))
    heard = bytearray()

    def stdout(data: bytes) -> bool:
        heard.extend(data)
        return len(heard) > 1000

    assert remote.execute("yes", stdout=stdout, stderr=print) == 0


def test_a_command_by_doas_sees_no_terminal_and_leaves_its_children(lab: Lab, pool: Pool) -> None:
    remote = pool.remote(host_of(lab, "web1", "ann", "doas", become_password=known()))
    said = execute(remote, "test -t 0 || test -t 1 || test -t 2; echo $?; tty")
    assert said == Said(1, b"1\nnot a tty\n", b"")
    assert execute(remote, "sleep 300 & echo done; exit 4") == Said(4, b"done\n", b"")
    # Not all of stdin is wanted.
    assert execute(remote, ["head", "-c", "3"], stdin=b"abc" * 500_000) == Said(0, b"abc", b"")


@asked
def test_a_large_file_is_put(lab: Lab, pool: Pool, tmp_path: Path, way: Way) -> None:
    remote = pool.remote(host_of(lab, *way, become_password=known()))
    (tmp_path / "big").write_bytes(os.urandom(5_000_001))
    dest = f"/root/big-{way.method}"
    assert put(remote, tmp_path / "big", dest).changed
    assert not put(remote, tmp_path / "big", dest).changed
    said = execute(remote, ["stat", "-c", "%U %s", dest])
    assert said.out == b"root 5000001\n"


class Files:
    """Sources whose files are local paths."""

    def render(self, name: str) -> Rendered:
        raise AssertionError(name)

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))

    def find_folder(self, name: str) -> LocalTree:
        raise AssertionError(name)


@asked
def test_a_state_is_applied(lab: Lab, pool: Pool, tmp_path: Path, way: Way) -> None:
    remote = pool.remote(host_of(lab, *way, become_password=known()))
    (tmp_path / "big").write_bytes(os.urandom(1_000_000))
    place = f"/srv/{way.method}"
    wishes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("directory", {"path": place, "owner": "app", "mode": "0750"}),
        ("file", {"dest": f"{place}/big", "src": str(tmp_path / "big"), "owner": "app"}),
        ("file", {"dest": f"{place}/small", "content": "x\n"}),
        ("command", {"argv": ["touch", f"{place}/done"], "creates": f"{place}/done"}),
    )
    items = [Item(OPERATIONS[each].wish(arguments, Files())) for each, arguments in wishes]
    first = converge(remote, items)
    assert [step.problem for step in first.steps if step.problem] == []
    assert first.changed
    again = converge(remote, items)
    assert (again.ok, again.changed, again.rounds) == (True, False, 1)


def test_dropbear_keeps_a_session_when_the_one_before_ends_late(lab: Lab, pool: Pool) -> None:
    remote = pool.remote(host_of(lab, "tiny1", "root", become=False))
    for _ in range(40):
        assert remote.execute(["printf", "x"], stdout=lambda _: True, stderr=print) == 0
        assert execute(remote, ["echo", "y"]) == Said(0, b"y\n", b"")
