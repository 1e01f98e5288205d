"""``sock.probe`` and ``sock.wait-for`` as people type them."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import trustme

from tasks.cli.steps import task_steps
from tasks.namespace import ns
from tests.net.small_servers import says, serving, silent
from tests.net.test_probe_tls import context
from tests.servers.running import free_port
from tests.tasks.commandline import INTERRUPTIBLE, TIMEOUT, Typed, command


def test_a_probe_is_a_timeline(typed: Typed) -> None:
    with serving(says(b"220 mx ready\r\n")) as port:
        said = typed("sock.probe", f"127.0.0.1:{port}", "--expect", "^220")
    assert (said.status, said.err) == (0, "")
    rows = said.out.splitlines()
    assert [row.split()[0] for row in rows] == ["stage", "resolve", "connect", "receive", "all"]
    assert "━" in rows[1]
    assert r"'220 mx ready\r\n'" in rows[3]
    assert max(map(len, rows)) < 110


def test_a_failure_has_its_stage_and_cause(typed: Typed) -> None:
    port = free_port()
    said = typed("sock.probe", "127.0.0.1", str(port))
    assert said.status == 1
    assert f"127.0.0.1:{port} refused: nothing listens there (ECONNREFUSED)" in said.out
    assert said.out.splitlines()[-1] == "connect failed: refused"


def test_a_certificate_is_shown(typed: Typed, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(silent, tls=context(authority.issue_cert("localhost", "web.test"))) as port:
        words = ("localhost", str(port), "--family", "4", "--tls", "--ca", f"{tmp_path}/ca.pem")
        said = typed("sock.probe", *words)
        data = json.loads(typed("sock.probe", *words, "--output", "json").out)
        refused = typed("sock.probe", "127.0.0.1", *words[1:])
    assert said.status == 0
    assert "localhost, web.test" in said.out
    assert re.search(r"sha-256 +[0-9a-f]{64}\n", said.out)
    assert data["tls"]["certificate"]["names"] == ["localhost", "web.test"]
    assert data["ok"] is True
    assert refused.status == 1
    assert refused.out.splitlines()[-1] == "tls failed: wrong name"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sock.probe", "localhost", "0"), "error: PORT: a port is a number from 1 to 65535"),
        (("sock.probe", "localhost"), "error: localhost: no port is given (like localhost 443)"),
        (("sock.probe", "http://web/", "80"), "is a URL (a name or address, and a port)"),
        (("sock.probe", "a b", "80"), "error: HOST: 'a b' is no host name and no address"),
        (("sock.probe", "web", "80", "--mode", "x"), "error: --mode: it is one of blocking"),
        (("sock.probe", "web", "80", "--ca", "x"), "error: --ca: is about TLS (with --tls or"),
        (("sock.probe", "web", "80", "--timeout", "0"), "error: --timeout: a time limit is"),
        (("sock.wait-for", "web"), "error: web: no port is given (like web:443)"),
        (("sock.wait-for", "udp://web:53"), "udp:// cannot be waited for (one of tcp, tls,"),
        (("sock.wait-for", "web:80", "--stable", "99"), "error: --stable: 99 s do not fit into"),
        (("sock.wait-for", "web:80", "--interval", "0"), "error: --interval: it is 0.01 seconds"),
    ],
)
def test_bad_input_is_told_in_a_line(typed: Typed, words: tuple[str, ...], told: str) -> None:
    said = typed(*words)
    assert (said.status, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert told in line


def test_each_target_has_a_line(typed: Typed, tmp_path: Path) -> None:
    closed = free_port()
    with serving(silent) as port:
        targets = f"127.0.0.1:{port},127.0.0.1:{closed},file://{tmp_path}"
        said = typed("sock.wait-for", targets, "--timeout", "1.4")
        enough = typed("sock.wait-for", targets, "--any")
    rows = said.out.splitlines()
    assert said.status == 1
    assert re.match(rf"127.0.0.1:{port} +up after \d+ ms +takes connections", rows[1])
    assert re.match(rf"127.0.0.1:{closed} +not up +refused: .*\(ECONNREFUSED\), for 1 s", rows[2])
    assert rows[-1] == "2 of 3 up within 1.4 s"
    assert enough.status == 0


def test_programs_get_all_of_it(typed: Typed) -> None:
    port = free_port()
    said = typed("sock.wait-for", f"127.0.0.1:{port}", "--down", "-o", "jsonl")
    data = json.loads(said.out)
    assert said.status == 0
    assert (data["ok"], data["wanted"]) == (True, "down")
    assert data["targets"][0]["reached"] is True


def test_they_are_steps_of_playbooks() -> None:
    steps = task_steps(ns)
    with serving(silent) as port:
        call = steps["sock.wait-for"].bind({"targets": f"127.0.0.1:{port}", "timeout": 5})
        probing = steps["sock.probe"].bind({"host": "127.0.0.1", "port": port})
        assert call().ok
        assert "1 of 1 up after" in call().summary
        assert probing().ok


def test_ctrl_c_ends_it_with_130(cwd: Path) -> None:
    asked = threading.Event()

    def mute(client: socket.socket) -> None:
        asked.set()
        silent(client)

    with serving(mute) as port:
        words = ("sock.wait-for", f"127.0.0.1:{port}", "--expect", "x")
        waiting = subprocess.Popen(
            command(*words, launcher=("-c", INTERRUPTIBLE)),
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert asked.wait(TIMEOUT)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=TIMEOUT)
    assert (waiting.returncode, out, err) == (130, b"", b"error: interrupted\n")
