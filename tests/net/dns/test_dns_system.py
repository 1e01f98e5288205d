"""The system's resolver, with an /etc/hosts and an /etc/resolv.conf of the tests' own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import require
from tests.servers.running import installed
from wirework.errors import Failed
from wirework.net.dns import lookup, system

REPO = Path(__file__).parents[3]

# In namespaces of its own, dnsmasq has port 53, and nothing has to be put back afterwards.
SETUP = """
ip link set lo up
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
dnsmasq="$1"
"$dnsmasq" --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts \
  --pid-file= --listen-address=127.0.0.1 --bind-interfaces --user=root --local=/r.test/ \
  --host-record=web.r.test,10.1.2.3,300 --cname=www.r.test,web.r.test,60 \
  --mx-host=r.test,mail.r.test,10 2>log &
trap "kill $!" EXIT
n=0
until grep -q started log; do n=$((n + 1)); test $n -lt 200; sleep 0.02; done
"$2" -c "$3"
"""
ASK = """
import dataclasses, json, sys
sys.path.insert(0, REPO)
from wirework.net.dns import lookup
answers = {}
for host, types, tcp in QUESTIONS:
    found = lookup(host, types=types, tcp=tcp)
    answers[f"{host} {types}".strip() + (" tcp" if tcp else "")] = (
        dataclasses.asdict(found) | {"ok": found.ok}
    )
print(json.dumps(answers))
"""
QUESTIONS = [
    ("myhost", "", False),
    ("myhost", "A", False),
    ("web", "A", False),
    ("www.r.test", "", False),
    ("web.r.test", "AAAA", False),
    ("no.r.test", "", False),
    ("elsewhere.test", "A", False),
    ("10.7.7.7", "", False),
    ("10.1.2.3", "", False),
    ("10.1.2.4", "", False),
    ("r.test", "MX", False),
    ("no.r.test", "MX", False),
    ("web.r.test", "A", True),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    require("resolver")
    require("dnsmasq")
    at = tmp_path_factory.mktemp("resolver")
    (at / "resolv.conf").write_text(
        "nameserver 127.0.0.1\nsearch r.test\noptions timeout:1 attempts:1\n"
    )
    (at / "hosts").write_text("127.0.0.1 localhost\n10.7.7.7 myhost.lan myhost\n")
    ask = ASK.replace("REPO", repr(str(REPO))).replace("QUESTIONS", repr(QUESTIONS))
    done = subprocess.run(
        [
            *("unshare", "--net", "--mount", "sh", "-ec", SETUP, "sh"),
            *(installed("dnsmasq"), sys.executable, ask),
        ],
        check=False,
        cwd=at,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize(
    ("asked", "status", "values", "server"),
    [
        ("myhost A", "answer", ["10.7.7.7"], "system"),
        ("web A", "answer", ["10.1.2.3"], "system"),
        ("web.r.test AAAA", "nodata", [], "system"),
        ("no.r.test", "nxdomain", [], "system"),
        ("elsewhere.test A", "temporary", [], "system"),
        ("10.7.7.7", "answer", ["myhost.lan.", "myhost."], "system"),
        ("10.1.2.3", "answer", ["web.r.test."], "system"),
        ("10.1.2.4", "temporary", [], "system"),
        ("r.test MX", "answer", ["10 mail.r.test."], "127.0.0.1:53"),
        ("no.r.test MX", "nxdomain", [], "127.0.0.1:53"),
        ("web.r.test A tcp", "answer", ["10.1.2.3"], "127.0.0.1:53"),
    ],
)
def test_what_programs_see(
    told: dict[str, Any], asked: str, status: str, values: list[str], server: str
) -> None:
    found = told[asked]
    records = [each["value"] for each in found["answers"][0]["records"]]
    assert (found["status"], records) == (status, values)
    assert found["ok"] == (status == "answer")
    assert {each["server"] for each in found["answers"]} == {server}


def test_a_name_of_one_family_alone_is_found(told: dict[str, Any]) -> None:
    found = told["myhost"]
    assert [each["status"] for each in found["answers"]] == ["answer", "nodata"]
    assert found["ok"]


def test_where_a_name_led_to_is_told(told: dict[str, Any]) -> None:
    answer = told["www.r.test"]["answers"][0]
    assert answer["aliases"] == ["web.r.test"]
    [record] = answer["records"]
    assert (record["name"], record["ttl"]) == ("web.r.test", None)


def test_localhost_is_known_everywhere() -> None:
    found = lookup("localhost", types="A")
    assert (found.ok, found.answers[0].values) == (True, ("127.0.0.1",))
    assert found.answers[0].protocol == "system"


@pytest.mark.parametrize("text", ["", "nameserver nonsense\n", None])
def test_a_system_without_name_servers_says_so(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resolv.conf"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(system, "RESOLV_CONF", file)
    with pytest.raises(Failed) as error:
        lookup("x.test", types="MX")
    assert (error.value.where, error.value.hint) == (str(file), "give one with --server")
