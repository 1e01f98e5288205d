"""Users, keys, names and clocks of a host that is this machine's own in a namespace of its own.

What a host keeps in /etc, /home and /root is there a copy that goes with the process.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine import program, require
from tests.state.conftest import LocalShell, Nowhere
from tests.state.test_facts import ask
from tests.state.test_operations import decide
from wirework.errors import BadInput
from wirework.secrets import Secret
from wirework.state import OPERATIONS, Converged, Item, converge
from wirework.state.facts.accounts import Account, Gid, Group, IsFolder, Uid, User
from wirework.state.facts.kernel import Hostname, Setting, Sysctl
from wirework.state.shell.accounts import ACCOUNTS

# Nothing is run unless every folder was covered: set -e, and the process is the last word.
ENTER = """
set -eu
for p in /etc /home /root /var/spool /var/mail; do
  mkdir -p "$1$p"
  mount --bind "$1$p" "$p"
done
shift
PATH=$1; export PATH; shift
exec "$@"
"""
ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
KEY = f"ssh-ed25519 {ED25519} ann@desk"
OTHER = f"ssh-ed25519 {ED25519[:-4]}BBBB bob@desk"
HASH = "$6$saltsalt$" + "h" * 86

Wished = tuple[str, dict[str, Any]]


class Namespaced(LocalShell):
    """A host in mount, UTS and network namespaces, with folders of its own."""

    def execute(self, command: str | Sequence[str], **options: Any) -> int:
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        enter = ("unshare", "--mount", "--uts", "--net", "sh", "-euc", ENTER, "sh")
        tools, self.path = self.path, f"{self.path}:/usr/sbin:/usr/bin:/sbin:/bin"
        try:
            return super().execute([*enter, str(self.home), tools, *words], **options)
        finally:
            self.path = tools


@pytest.fixture
def box(host: LocalShell) -> Namespaced:
    """A host with root, one user, and the tools of shadow beside one shell's own."""
    require("mount")
    etc = host.home / "etc"
    for folder in ("sudoers.d", "sysctl.d", "cron.d", "skel", "default"):
        (etc / folder).mkdir(parents=True)
    for name in ("nsswitch.conf", "login.defs", "pam.d", "ld.so.cache"):
        subprocess.run(["cp", "-a", f"/etc/{name}", str(etc)], check=True, timeout=10)
    (etc / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n"
    )
    (etc / "shadow").write_text("root:*:19000:0:99999:7:::\nbob:!:19000:0:99999:7:::\n")
    (etc / "group").write_text("root:x:0:\nstaff:x:50:bob\nwheel:x:51:bob\nbob:x:1000:\n")
    (etc / "gshadow").write_text("root:*::\nstaff:!::bob\nwheel:!::bob\nbob:!::\n")
    (etc / "shadow").chmod(0o640)
    (etc / "hosts").write_text("127.0.0.1\tlocalhost # this one\n10.0.0.9 db1 web1\n")
    (etc / "hostname").write_text("old\n")
    (etc / "timezone").write_text("Etc/UTC\n")
    tools = Path(host.path.split(":")[0])
    for name in ("groupadd", "groupdel", "groupmod", "useradd", "userdel", "usermod"):
        _link(tools, name)
    for name in ("chpasswd", "passwd", "getent", "visudo"):
        _link(tools, name)
    return Namespaced(host.home, host.path)


def _link(tools: Path, name: str) -> None:
    path = program(name)
    assert path, name
    (tools / name).unlink(missing_ok=True)
    (tools / name).symlink_to(path)


def items(*wishes: Wished) -> list[Item]:
    return [Item(OPERATIONS[name].wish(arguments, Nowhere())) for name, arguments in wishes]


def agree(box: Namespaced, *wishes: Wished) -> Converged:
    """Plan, apply and apply again: as planned, and then nothing to do, in one round."""
    plan = converge(box, items(*wishes), check=True, diff=True)
    done = converge(box, items(*wishes), diff=True)
    assert [step.problem for step in done.steps if step.problem] == []
    assert [step.changes for step in plan.steps] == [step.changes for step in done.steps]
    again = converge(box, items(*wishes), diff=True)
    assert [change.says for step in again.steps for change in step.changes] == []
    assert (again.ok, again.rounds) == (True, 1)
    return done


def said(result: Converged) -> list[str]:
    return [change.says for step in result.steps for change in step.changes]


def refusal(box: Namespaced, *wishes: Wished) -> str:
    result = converge(box, items(*wishes))
    assert result.failed_step
    return result.failed_step.problem


def fields(box: Namespaced, file: str, name: str) -> list[str]:
    lines = (box.home / "etc" / file).read_text().splitlines()
    return next((line.split(":") for line in lines if line.startswith(f"{name}:")), [])


def test_users_and_groups_come_as_planned(box: Namespaced) -> None:
    password = Secret("env:ANN", lambda: HASH)
    first = agree(
        box,
        ("group", {"name": "deploy", "gid": 1500}),
        ("group", {"name": "audit", "system": True}),
        (
            "user",
            {
                "name": "ann",
                "uid": 1501,
                "groups": ["deploy", "wheel"],
                "comment": "Ann O'Hara, 2nd floor",
                "shell": "/bin/bash",
                "password": password,
            },
        ),
        ("user", {"name": "job", "system": True, "group": "audit", "home": "/srv/job"}),
        ("user", {"name": "bob", "groups": "deploy", "append": True}),
    )
    assert said(first) == [
        "group deploy",
        "group audit",
        "group ann",
        "user ann",
        "user ann groups +deploy +wheel",
        "user ann password",
        "user job",
        "user bob groups +deploy",
    ]
    assert fields(box, "group", "deploy")[2:] == ["1500", "ann,bob"]
    entry = fields(box, "passwd", "ann")
    assert entry[2] == "1501"
    assert entry[4:] == ["Ann O'Hara, 2nd floor", "/home/ann", "/bin/bash"]
    assert fields(box, "shadow", "ann")[1] == HASH
    assert (box.home / "home/ann").stat().st_uid == 1501
    assert int(fields(box, "passwd", "job")[2]) < 1000
    assert not (box.home / "home/job").exists()
    assert fields(box, "group", "wheel")[3] == "bob,ann"
    assert not any(HASH.encode() in sent for sent in box.sent if sent.startswith(b"{"))


def test_users_are_mended_and_go(box: Namespaced) -> None:
    home = box.home / "home/bob"
    home.mkdir(parents=True)
    (home / "f").touch()
    os.chown(home, 1000, 1000)
    mended = agree(
        box,
        ("user", {"name": "bob", "groups": ["staff"], "shell": "/bin/dash", "uid": 1234}),
        ("user", {"name": "root", "comment": ""}),
    )
    assert said(mended) == [
        "user bob: shell /bin/sh -> /bin/dash, uid 1000 -> 1234",
        "user bob groups -wheel",
        "user root: comment root -> none",
    ]
    gone = agree(box, ("user", {"name": "bob", "present": False, "remove": True}))
    assert said(gone) == ["user bob and /home/bob"]
    assert not home.exists()
    agree(box, ("user", {"name": "homeless", "create_home": False}))
    agree(box, ("user", {"name": "homeless", "present": False, "remove": True}))
    moved = agree(box, ("group", {"name": "staff", "gid": 60}), ("group", {"name": "audit"}))
    assert said(moved) == ["group staff gid 50 -> 60", "group audit"]
    agree(box, ("group", {"name": "staff", "present": False}))
    assert fields(box, "group", "staff") == []


def test_passwords_are_locked_and_keep_their_lock(box: Namespaced) -> None:
    assert "no password to unlock" in refusal(box, ("user", {"name": "bob", "locked": False}))
    agree(box, ("user", {"name": "bob", "password": HASH}))
    assert fields(box, "shadow", "bob")[1] == HASH
    assert said(agree(box, ("user", {"name": "bob", "locked": True}))) == ["user bob locked"]
    assert fields(box, "shadow", "bob")[1] == f"!{HASH}"
    agree(box, ("user", {"name": "bob", "password": HASH[:-1]}))
    assert fields(box, "shadow", "bob")[1] == f"!{HASH[:-1]}"
    agree(box, ("user", {"name": "bob", "password": HASH, "locked": False}))
    assert fields(box, "shadow", "bob")[1] == HASH


def test_steps_that_need_others_say_so(box: Namespaced) -> None:
    key: Wished = ("authorized_key", {"user": "ann", "key": KEY})
    assert "add a user step" in refusal(box, key)
    assert "no group ops" in refusal(box, ("user", {"name": "ann", "groups": ["ops"]}))
    assert "create_home" in refusal(box, ("authorized_key", {"user": "bob", "key": KEY}))


def test_keys_stand_in_files_of_their_users(box: Namespaced) -> None:
    wishes: tuple[Wished, ...] = (
        ("user", {"name": "ann"}),
        ("authorized_key", {"user": "ann", "key": f"{KEY}\n{OTHER}", "options": "no-pty"}),
        ("authorized_key", {"user": "root", "key": KEY}),
    )
    agree(box, *wishes)
    file = box.home / "home/ann/.ssh/authorized_keys"
    assert file.read_text() == f"no-pty {KEY}\nno-pty {OTHER}\n"
    ann = int(fields(box, "passwd", "ann")[2])
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (ann, 0o600)
    assert (file.parent.stat().st_uid, file.parent.stat().st_mode & 0o777) == (ann, 0o700)
    agree(box, ("authorized_key", {"user": "ann", "key": OTHER, "exclusive": True}))
    assert file.read_text() == f"{OTHER}\n"
    agree(box, ("authorized_key", {"user": "ann", "key": OTHER, "present": False}))
    assert file.read_text() == ""


def test_a_link_in_a_home_leads_root_nowhere(box: Namespaced) -> None:
    home = box.home / "home/bob"
    home.mkdir(parents=True)
    (home / ".ssh").symlink_to("/root")
    key: Wished = ("authorized_key", {"user": "bob", "key": KEY})
    assert "/home/bob/.ssh is a link" in refusal(box, key)
    (home / ".ssh").unlink()
    (home / ".ssh").mkdir()
    (home / ".ssh/authorized_keys").symlink_to("/etc/passwd")
    assert "is a link, not a file" in refusal(box, key)


def test_rules_for_sudo_are_looked_at_first(box: Namespaced) -> None:
    rule = "%deploy ALL=(root) NOPASSWD: /bin/systemctl"
    agree(box, ("sudoers", {"name": "deploy", "content": rule}))
    file = box.home / "etc/sudoers.d/deploy"
    assert file.read_text() == f"{rule}\n"
    assert file.stat().st_mode & 0o777 == 0o440
    assert refusal(box, ("sudoers", {"name": "deploy", "content": "%deploy ALL=("}))
    assert file.read_text() == f"{rule}\n"
    assert [each.name for each in file.parent.iterdir()] == ["deploy"]
    agree(box, ("sudoers", {"name": "deploy", "present": False}))
    assert not file.exists()


def test_names_clocks_and_the_kernel(box: Namespaced) -> None:
    # Each exec has a host name and a network of its own, so what runs there is of one exec.
    agree(
        box,
        ("hosts", {"ip": "10.0.0.5", "names": ["db1", "db1.example"]}),
        ("hosts", {"ip": "127.0.0.1", "names": "me"}),
        ("hosts", {"ip": "::1", "names": ["localhost"]}),
        ("timezone", {"name": "Europe/Berlin"}),
        ("cron", {"name": "backup", "job": "/bin/backup 'a b' >/dev/null", "minute": "5"}),
        ("cron", {"name": "boot", "job": "/bin/boot", "special": "reboot", "user": "bob"}),
    )
    etc = box.home / "etc"
    assert (etc / "hosts").read_text() == (
        "127.0.0.1\tlocalhost me # this one\n10.0.0.9\tweb1\n10.0.0.5\tdb1 db1.example\n"
        "::1\tlocalhost\n"
    )
    assert str((etc / "localtime").readlink()) == "/usr/share/zoneinfo/Europe/Berlin"
    assert (etc / "timezone").read_text() == "Europe/Berlin\n"
    assert (etc / "cron.d/backup").read_text() == "5 * * * * root /bin/backup 'a b' >/dev/null\n"
    assert (etc / "cron.d/boot").read_text() == "@reboot bob /bin/boot\n"
    agree(box, ("hosts", {"ip": "10.0.0.9", "present": False}))
    agree(box, ("cron", {"name": "boot", "present": False}))
    assert not (etc / "cron.d/boot").exists()
    assert "tzdata" in refusal(box, ("timezone", {"name": "Europe/Nowhere"}))


def test_the_running_kernel_is_told_too(box: Namespaced) -> None:
    # Its namespaces end with each exec: what is in the files stays.
    wishes: tuple[Wished, ...] = (
        ("hostname", {"name": "web1.example"}),
        ("sysctl", {"key": "net.ipv4.ip_default_ttl", "value": "77"}),
        ("sysctl", {"key": "net/ipv4/ip_local_port_range", "value": "20000  30000"}),
    )
    plan = converge(box, items(*wishes), check=True)
    done = converge(box, items(*wishes))
    assert [step.problem for step in done.steps if step.problem] == []
    assert said(plan) == said(done)
    assert said(done)[-1] == "net/ipv4/ip_local_port_range 32768 60999 -> 20000 30000"
    assert (box.home / "etc/hostname").read_text() == "web1.example\n"
    assert (box.home / "etc/sysctl.d/99-wirework.conf").read_text() == (
        "net.ipv4.ip_default_ttl = 77\nnet/ipv4/ip_local_port_range = 20000 30000\n"
    )
    now = ("sysctl", {"key": "net.ipv4.ip_default_ttl", "value": "64"})
    assert said(agree(box, now)) == ["/etc/sysctl.d/99-wirework.conf"]
    agree(box, ("sysctl", {"key": "net.ipv4.ip_default_ttl", "present": False}))
    no_such: Wished = ("sysctl", {"key": "net.none", "value": "1"})
    assert "no parameter net.none" in refusal(box, no_such)
    fixed: Wished = ("sysctl", {"key": "kernel.ostype", "value": "BSD"})
    assert "Linux and cannot be written" in refusal(box, fixed)


BUSYBOX_CALLS: list[tuple[tuple[str, ...], list[str]]] = [
    (("ww_groupadd", "ops", "", ""), ["addgroup ops"]),
    (("ww_groupadd", "ops", "150", "r"), ["addgroup -g 150 -S ops"]),
    (("ww_groupdel", "ops"), ["delgroup ops"]),
    (
        ("ww_useradd", "ann", "1500", "ops", "/h", "/bin/sh", "A B", "", "m"),
        ["adduser -D -G ops -h /h -s /bin/sh -g A B -u 1500 ann"],
    ),
    (
        ("ww_useradd", "job", "", "ops", "/h", "/bin/sh", "", "r", ""),
        ["adduser -D -G ops -h /h -s /bin/sh -g  -S -H job"],
    ),
    (("ww_userdel", "ann", ""), ["deluser ann"]),
    (("ww_userdel", "ann", "r"), ["deluser --remove-home ann"]),
    (("ww_groups", "ann", "a,b", "+b", "-c"), ["addgroup ann b", "delgroup ann c"]),
    (("ww_shadow", "usermod", "-s", "/x", "ann"), []),
]


def test_without_shadow_busybox_is_called_as_it_wants(box: Namespaced) -> None:
    # Debian's busybox has none of these programs, so here they only write down their words.
    tools = Path(box.path.split(":")[0])
    for name in ("groupadd", "groupdel", "useradd", "userdel", "usermod"):
        (tools / name).unlink()
    (box.home / "none").mkdir()
    for name in ("addgroup", "delgroup", "adduser", "deluser"):
        (tools / name).unlink(missing_ok=True)
        (tools / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>"$HOME/calls"\n')
        (tools / name).chmod(0o755)
    hide = f"mount --bind {box.home}/none /usr/sbin && mount --bind {box.home}/none /sbin || exit\n"
    for words, calls in BUSYBOX_CALLS:
        (box.home / "calls").write_text("")
        said = bytearray()
        script = f'PATH=$PATH:/usr/bin:/bin\n{hide}{ACCOUNTS}\n"$@"'
        status = box.execute(
            ["sh", "-c", script, "sh", *words], stdout=lambda _: None, stderr=said.extend
        )
        assert (box.home / "calls").read_text().splitlines() == calls
        assert bytes(said) == (b"" if calls else b"there is no usermod on this host\n")
        assert status == (0 if calls else 1)


def test_what_an_ordinary_host_answers_of_itself(host: LocalShell) -> None:
    questions: list[tuple[list[Any], list[Any]]] = [
        ([User("root"), User("no-such-user")], ["/bin/", None]),
        ([Uid("root"), Uid("no-such-user")], [0, None]),
        ([Group("root"), Group("no-such-group")], [True, False]),
        ([Gid("root"), Gid("no-such-group")], [0, None]),
        ([IsFolder("/etc"), IsFolder("/etc/passwd"), IsFolder("a 'b\n-")], [True, False, False]),
        ([Hostname()], [os.uname().nodename]),
        ([Sysctl("kernel/ostype"), Sysctl("no/such")], [Setting("Linux", writable=False), None]),
    ]
    for facts, answers in questions:
        found = ask(host, facts)
        if isinstance(found[0], Account):
            assert (found[0].group, found[0].home) == ("root", "/root")
            found[0] = "/bin/"
        assert found == answers


ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "::1", "0:0::1", "fe80::2"])
ALIASES = st.lists(st.sampled_from(["a", "b", "a.b", "localhost"]), unique=True)
HOSTS_LINES = st.lists(
    st.one_of(
        st.builds(lambda ip, names: " ".join([ip, *names]), ADDRESSES, ALIASES),
        st.builds(lambda ip, names: f"{ip}\t{' '.join(names)} # {ip}", ADDRESSES, ALIASES),
        st.sampled_from(["", "# 10.0.0.1 a", "   ", "a b", "10.0.0.1"]),
    ),
    max_size=6,
)


def hosts_after(lines: list[str], arguments: dict[str, Any]) -> list[str]:
    content = "".join(f"{line}\n" for line in lines)
    folder = {"kind": "directory", "mode": "0755", "owner": "root", "group": "root"}
    known = {
        "PathState": {"/etc/hosts": {**folder, "kind": "file"}, "/etc": folder},
        "Sha256": {"/etc/hosts": content},
        "Content": {"/etc/hosts": content},
        "Glimpse": {"/etc/hosts": None},
        "Whoami": {"user": "root", "group": "root", "is_root": True},
    }
    changes, _ = decide({"arguments": arguments, "facts": known}, "hosts", Path())
    if not changes:
        return lines
    assert changes[0].payload
    return b"".join(changes[0].payload.chunks()).decode().splitlines()


def names_by_address(lines: list[str]) -> set[tuple[Any, str]]:
    found = set()
    for line in lines:
        words = line.partition("#")[0].split()
        with contextlib.suppress(ValueError, IndexError):
            found |= {(ipaddress.ip_address(words[0]), name) for name in words[1:]}
    return found


@given(lines=HOSTS_LINES, ip=ADDRESSES, names=ALIASES.filter(bool), present=st.booleans())
def test_names_of_addresses_settle_and_others_stay(
    lines: list[str], ip: str, names: list[str], *, present: bool
) -> None:
    arguments = {"ip": ip, "names": names, "present": present}
    after = hosts_after(lines, arguments)
    address = ipaddress.ip_address(ip)
    was, now = names_by_address(lines), names_by_address(after)
    wished = {(address, name) for name in names}
    if present:
        moved = {
            (other, name)
            for other, name in was
            if other != address and other.version == address.version and name in names
        }
        assert now == (was - moved) | wished
    else:
        assert now == was - wished
    assert hosts_after(after, arguments) == after
    assert [line for line in after if line.startswith("# ")] == [
        line for line in lines if line.startswith("# ")
    ]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("group", {"name": "-r"}, "'-r' is no group name"),
    ("group", {"name": "1000"}, "'1000' is no group name"),
    ("group", {"name": "g", "gid": -1}, "gid -1 is not between 0"),
    ("user", {"name": "a:b"}, "'a:b' is no user name"),
    ("user", {"name": "a", "comment": "x:y"}, "comment holds a colon"),
    ("user", {"name": "a", "home": "h"}, "home h is not absolute"),
    ("user", {"name": "a", "remove": True}, "remove goes with present: false"),
    ("user", {"name": "a", "groups": [{}]}, "expected text, not a mapping"),
    ("authorized_key", {"key": KEY}, "needs user or path"),
    ("authorized_key", {"key": "no-pty " + KEY, "user": "a"}, "is no public key"),
    ("authorized_key", {"key": KEY[:40], "user": "a", "options": "a\nb"}, "options hold"),
    ("authorized_key", {"key": "ssh-ed25519 AAAA", "user": "a"}, "is damaged"),
    ("sudoers", {"name": "a.b", "content": "x"}, "'a.b' is no name"),
    ("sudoers", {"name": "a"}, "needs content"),
    ("hostname", {"name": "-x"}, "'-x' is no host name"),
    ("hosts", {"ip": "10.0.0", "names": ["x"]}, "'10.0.0' is no IP address"),
    ("hosts", {"ip": "::1", "names": ["a b"]}, "'a b' is no name"),
    ("timezone", {"name": "../../etc/shadow"}, "is no time zone"),
    ("sysctl", {"key": "../x", "value": "1"}, "is no kernel parameter"),
    ("sysctl", {"key": "vm.swappiness"}, "needs value"),
    ("cron", {"name": "a", "job": "x\ny"}, "needs a job in one line"),
    ("cron", {"name": "a", "job": "x", "minute": "5 6"}, "'5 6' is no time"),
    ("cron", {"name": "a", "job": "x", "special": "daily", "hour": "1"}, "without other times"),
]


@pytest.mark.parametrize(("operation", "arguments", "complaint"), WRONG)
def test_wrong_input_is_refused_before_any_fact(
    operation: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS[operation].wish(arguments, Nowhere())
    assert complaint in str(caught.value)


def test_a_password_in_plain_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS["user"].wish({"name": "a", "password": "hunter2"}, Nowhere())
    assert "is no crypt hash" in str(caught.value)
    assert "hunter2" not in str(caught.value)
