"""What ~/.ssh/config says, compared with what the real ``ssh -G`` makes of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ssh.openssh import ENVIRONMENT, Asked, Refused, compare, same_surroundings, ssh
from wirework.errors import BadInput
from wirework.ssh.config import Answer, SSHConfig

DATA = Path(__file__).parents[1] / "data" / "ssh_config"
ASKS = "# ssh: "


@pytest.fixture(autouse=True)
def _surroundings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same_surroundings(monkeypatch)


def copied(tmp_path: Path) -> Path:
    """Return a copy of the data that ssh accepts: nobody else may write what is included."""
    folder = tmp_path / "ssh_config"
    shutil.copytree(DATA, folder)
    for file in filter(Path.is_file, folder.rglob("*")):
        file.write_bytes(file.read_bytes().replace(b"@HERE@", os.fsencode(folder)))
        file.chmod(0o600)
    return folder


def asks() -> list[tuple[str, str]]:
    return [
        (file.name, line.removeprefix(ASKS))
        for file in sorted(DATA.glob("*.conf"))
        for line in file.read_text().split("\n")
        if line.startswith(ASKS)
    ]


@pytest.mark.parametrize(("name", "line"), asks())
def test_a_file_says_what_ssh_reads_in_it(tmp_path: Path, name: str, line: str) -> None:
    file = copied(tmp_path) / name
    asked = Asked.parse(line)
    compare(asked.lookup(file), ssh(["-F", str(file), *asked.argv]), asked)


REFUSED = [
    "Port 0",
    "Port 65536",
    "Port 99999999999999999999",
    "Port -1",
    "Port ²",
    "Port no-such-service",
    "Port 22 23",
    "Port",
    "Port =",
    "Port == 22",
    "Port # 22",
    'Port ""',
    "Port 22#",
    'User "bob',
    "User 'bob",
    "Host ''",
    'Host "web1',
    "Host",
    "Match",
    "Match # all",
    "Match host",
    "Match host # web1",
    'Match host ""',
    'Match "" host web1',
    'Match host "web1',
    "Match all host web1",
    "Match host web1 user bob all",
    "ConnectTimeout 5ms",
    "ConnectTimeout -5",
    "ConnectTimeout 1h 30m",
    "ConnectTimeout soon",
    "ConnectTimeout None",
    "ConnectTimeout 99999999999",
    "ServerAliveInterval 3600w999999999",
    "StrictHostKeyChecking maybe",
    "IdentitiesOnly ask",
    "IdentityFile a b",
    "UserKnownHostsFile none a",
    "UserKnownHostsFile a none",
    "UserKnownHostsFile a ''",
    "ProxyJump ,a",
    "ProxyJump a,",
    "ProxyJump @a",
    "ProxyJump bob@",
    "ProxyJump a:0",
    "ProxyJump a:b",
    "ProxyJump 2001:db8::1",
    "ProxyJump [2001:db8::1",
    'ProxyCommand sh -c "',
    "Include ''",
    "Include 'a",
    "HostName %x",
    "HostName 100%",
    "UserKnownHostsFile %j%z",
    "UserKnownHostsFile ${UNSET}/known_hosts",
    "UserKnownHostsFile ${}/known_hosts",
    "UserKnownHostsFile ${LANG/known_hosts",
    "UserKnownHostsFile ~no-such-user/known_hosts",
    "IdentityAgent ${UNSET}",
]


@pytest.mark.parametrize("line", REFUSED)
def test_what_ssh_refuses_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"# the first line\n{line}\n")
    with pytest.raises(Refused) as refused:
        ssh(["-F", str(file), "web1"])
    with pytest.raises(BadInput) as caught:
        Asked("web1").lookup(file)
    assert caught.value.where == f"{file}:2"
    assert refused.value.args[0] in (0, 2)


@pytest.mark.parametrize("line", ["Port 0", "Match", "Include ''", "ProxyJump a:0", "User 'a"])
def test_a_broken_line_is_refused_whichever_host_it_is_for(tmp_path: Path, line: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"Host other\n{line}\n")
    with pytest.raises(Refused):
        ssh(["-F", str(file), "web1"])
    with pytest.raises(BadInput) as caught:
        SSHConfig.read([file])
    assert caught.value.where == f"{file}:2"


# What hypothesis writes configurations of: real keywords, and values that break readers.
NAMES = st.sampled_from(["web1", "web2", "WEB1", "a.b", "db", "[a]", "bob", "root", "Web1.B"])
GLOBS = st.sampled_from(["*", "w*", "*1", "?eb1", "*b*", "web?", "?*?", "a*b", "a?b", "[ab]*"])
PATTERN = st.builds("{}{}".format, st.sampled_from(["", "", "!"]), st.one_of(NAMES, GLOBS))
TEXT = st.text("ab \t\"'\\#=,", min_size=1, max_size=8)
SEPARATOR = st.sampled_from([" ", "  ", "\t", "=", " = ", " =", "= "])
CRITERION = st.one_of(
    st.sampled_from(["all", "final", "!final", "canonical", "!canonical", "!all"]),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "!"]),
        st.sampled_from(["host", "originalhost", "user", "localuser", "Host"]),
        SEPARATOR,
        st.lists(PATTERN, min_size=1, max_size=3).map(",".join),
    ),
)
TIME = st.sampled_from(["none", "0", "5", "1m", "1h30", "2d"])
SETTING = st.one_of(
    st.tuples(st.sampled_from(["User", "IdentityFile", "HostKeyAlias"]), TEXT),
    st.tuples(st.just("UserKnownHostsFile"), TEXT),
    st.tuples(st.just("User"), NAMES),
    st.tuples(st.just("HostName"), st.sampled_from(["web2", "%h.B", "a.b", "10.0.0.1", "::1"])),
    st.tuples(st.just("Port"), st.sampled_from(["1", "65535", "ssh", "0", "'22'", "65536"])),
    st.tuples(st.sampled_from(["ConnectTimeout", "serveraliveinterval"]), TIME),
    st.tuples(st.just("ProxyJump"), st.sampled_from(["none", "a", "a,b@c:3", "b@a:22", "a#b"])),
    st.tuples(st.just("ProxyCommand"), st.sampled_from(["none", "nc a 22", "'a b' # c", '"'])),
    st.tuples(st.just("IdentitiesOnly"), st.sampled_from(["yes", "FALSE", "ask"])),
    st.tuples(st.just("StrictHostKeyChecking"), st.sampled_from(["ask", "off", "Yes", "x"])),
)
LINE = st.one_of(
    st.builds("{0[0]}{1}{0[1]}".format, SETTING, SEPARATOR),
    st.builds("Host {}".format, st.lists(PATTERN, min_size=1, max_size=3).map(" ".join)),
    st.builds("Match {}".format, st.lists(CRITERION, min_size=1, max_size=3).map(" ".join)),
)
INDENT = st.sampled_from(["", "  ", "\t"])
FILES = st.lists(st.builds("{}{}\n".format, INDENT, LINE), max_size=8).map("".join)
ASKED = st.builds(
    Asked,
    st.sampled_from(["web1", "WEB1", "a.b", "10.0.0.1"]),
    st.sampled_from([None, "bob"]),
    st.sampled_from([None, 23]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=FILES, asked=ASKED)
def test_any_file_says_what_ssh_reads_in_it(tmp_path: Path, text: str, asked: Asked) -> None:
    file = tmp_path / "config"
    file.write_text(text, newline="\n")
    try:
        real = ssh(["-F", str(file), *asked.argv])
    except Refused:
        with pytest.raises(BadInput):
            asked.lookup(file)
    else:
        compare(asked.lookup(file), real, asked)


def test_options_of_the_command_line_win_as_in_ssh(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("User carol\nPort 24\nProxyCommand nc a\nIdentityFile /keys/a\n")
    options = [
        ("User", "'bob'  # not carol", "hosts.yaml:1"),
        ("user", "dave", "hosts.yaml:2"),
        ("ProxyJump", "gate:2222", "hosts.yaml:3"),
        ("IdentityFile", "/keys/b", "hosts.yaml:4"),
        ("Unheard-Of", "of course", "hosts.yaml:5"),
    ]
    known = [word for option in options[:-1] for word in ("-o", "=".join(option[:2]))]
    for asked in (Asked("web1"), Asked("web1", "eve", 25)):
        found = SSHConfig.read([file]).lookup(
            asked.destination, user=asked.user, port=asked.port, first=options
        )
        compare(found, ssh(["-F", str(file), *asked.argv[:-1], *known, "web1"]), asked)
        assert found.where == {
            **({} if asked.user else {"user": "hosts.yaml:1", "port": f"{file}:2"}),
            "proxyjump": "hosts.yaml:3",
            "identityfile": "hosts.yaml:4",
        }


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("Port", "x", "hosts.yaml:7"), "hosts.yaml:7: port: 'x' is no port between 1 and 65535"),
        (("Port", " ", "hosts.yaml:7"), "hosts.yaml:7: port: wants one value, not 0"),
        (("Host", "x", "hosts.yaml:7"), "hosts.yaml:7: host: stands in a file, not among options"),
        (
            ("include", "x", "hosts.yaml:7"),
            "hosts.yaml:7: include: stands in a file, not among options",
        ),
        (
            ("HostName", "%u", "hosts.yaml:7"),
            "hosts.yaml:7: hostname: %u is not filled in here: write %% for a percent sign",
        ),
    ],
)
def test_a_wrong_option_is_refused_with_its_place(
    option: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        SSHConfig.read([]).lookup("web1", first=[option])
    assert str(caught.value) == message


def test_commands_and_keys_are_those_that_ssh_uses(tmp_path: Path) -> None:
    said = tmp_path / "said"
    file = tmp_path / "config"
    file.write_text(
        "Host Web1\n HostName %h.example.com\n User bob\n Port 2222\n"
        f"ProxyCommand printf %%s '%h %n %p %r # 100%%' | tee {said}\n"
        "IdentityFile ~/a-%h-%n-%p-%r-%u-%i-%k-%l-%L-%C-%%\n"
        "IdentityFile none\n"
        "IdentityFile %d/b/${LANG}$LANG\n"
    )
    talk = subprocess.run(
        ["ssh", "-v", "-F", str(file), "Web1"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=20,
    ).stderr
    answer = Asked("Web1").lookup(file)
    keys = re.findall(r"identity file (.*?) type", talk)
    assert [str(path) for path in answer.identity_files] == [
        key for key in keys if not key.endswith("-cert")
    ]
    theirs = said.read_text()
    assert theirs == "web1.example.com Web1 2222 bob # 100%"
    said.unlink()
    assert answer.proxy_command is not None
    subprocess.run(
        ["sh", "-c", answer.proxy_command], check=True, stdout=subprocess.DEVNULL, timeout=20
    )
    assert said.read_text() == theirs


def test_hops_are_named_in_the_order_they_are_connected_to(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text('ProxyJump %r@%p.%n.%h:22,"ssh://a%20b@two:22/",three:,[::1],four:ssh\n')
    answer = Asked("Web1", "bob", 23).lookup(file)
    assert answer.proxy_jump == ("bob@23.Web1.web1:22", "a b@two:22", "three", "[::1]", "four:22")


@pytest.mark.parametrize("hops", ["a b", "a , b", "a,-oProxyCommand=x", "a/b", "'a b'", "[::1]x"])
def test_hops_that_are_no_names_are_refused(tmp_path: Path, hops: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"ProxyJump {hops}\n")
    with pytest.raises(BadInput, match=r"config:1: proxyjump: "):
        SSHConfig.read([file])


@pytest.mark.parametrize(
    ("token", "destination", "user"),
    [
        ("%h", "$(reboot)", "bob"),
        ("%n", "a;reboot", "bob"),
        ("%h", "-oProxyCommand=reboot", "bob"),
        ("%h", "a b", "bob"),
        ("%k", "a\nb", "bob"),
        ("%r", "web1", "`reboot`"),
        ("%r", "web1", "-x"),
        ("%%%r", "web1", "a\nreboot"),
    ],
)
def test_a_name_that_a_shell_would_run_is_not_filled_into_a_command(
    tmp_path: Path, token: str, destination: str, user: str
) -> None:
    file = tmp_path / "config"
    file.write_text(f"ProxyCommand nc {token} 22\n")
    with pytest.raises(BadInput, match=r"config:1: proxycommand: .* is no name to fill into"):
        Asked(destination, user).lookup(file)
    file.write_text("ProxyCommand nc %%h 22\n")
    assert Asked(destination, user).lookup(file).proxy_command == "nc %h 22"


def test_what_none_means_can_be_told_from_what_nobody_said(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "IdentityFile none\nProxyJump none\nProxyCommand none\nUserKnownHostsFile none\n"
    )
    answer = Asked("web1").lookup(file)
    assert (answer.identity_files, answer.known_hosts, answer.proxy_jump) == ((), (), ())
    assert answer.proxy_command is None
    assert set(answer.where) == {
        "identityfile",
        "proxyjump",
        "proxycommand",
        "userknownhostsfile",
    }
    nothing = SSHConfig.read([]).lookup("web1")
    assert nothing == Answer(
        hostname=None,
        port=None,
        user=None,
        identity_files=(),
        certificate_files=(),
        identities_only=None,
        identity_agent=None,
        proxy_jump=None,
        proxy_command=None,
        known_hosts=None,
        host_keys=None,
        connect_timeout=None,
        alive_interval=None,
        host_key_alias=None,
        where={},
    )


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("none", "none"),
        ("SSH_AUTH_SOCK", "/run/agent"),
        ("$SSH_AUTH_SOCK", "/run/agent"),
        ("${SSH_AUTH_SOCK}.2", "/run/agent.2"),
        ("$UNSET", "none"),
    ],
)
def test_an_agent_may_be_named_by_a_variable(tmp_path: Path, text: str, agent: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"IdentityAgent {text}\n")
    assert Asked("web1").lookup(file).identity_agent == agent
