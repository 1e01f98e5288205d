"""One conversation with each server that only the real one can hold, and its clean end."""

from __future__ import annotations

import base64
import contextlib
import ftplib
import http.client
import imaplib
import io
import os
import poplib
import smtplib
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from email.message import EmailMessage
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from tests.servers.apache2 import Apache2, running_apache2
from tests.servers.chronyd import Chronyd, running_chronyd
from tests.servers.dnsmasq import Dnsmasq, running_dnsmasq
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.servers.mariadb import Mariadb, running_mariadb
from tests.servers.nginx import Nginx, running_nginx
from tests.servers.opensmtpd import Opensmtpd, running_opensmtpd
from tests.servers.running import HOST, installed, over, scratch
from tests.servers.squid import Squid, running_squid
from tests.servers.supervisord import Supervisord, running_supervisord
from tests.servers.telnetd import Telnetd, running_telnetd
from tests.servers.tinyproxy import Tinyproxy, running_tinyproxy
from tests.servers.vsftpd import Vsftpd, running_vsftpd

TIMEOUT = 10.0

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""

IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251


def test_chronyd_tells_the_time_of_this_machine(chronyd: Chronyd) -> None:
    answer = chronyd.ask()

    assert answer[0] & 0b111 == 4  # the mode of a server
    assert answer[1] == chronyd.stratum
    (transmitted,) = struct.unpack("!I", answer[40:44])
    assert abs(transmitted - NTP_EPOCH - time.time()) < 5


def test_vsftpd_lists_takes_and_gives_files(vsftpd: Vsftpd) -> None:
    with ftplib.FTP(timeout=TIMEOUT) as ftp:  # noqa: S321 - FTP is what is tested
        assert "vsFTPd" in ftp.connect(vsftpd.host, vsftpd.port)
        ftp.login(vsftpd.user, vsftpd.password)
        ftp.storbinary("STOR incoming/note.txt", io.BytesIO(b"kept\n"))
        lines: list[str] = []
        ftp.retrlines("LIST incoming", lines.append)
        data = bytearray()
        ftp.retrbinary("RETR incoming/note.txt", data.extend)

    assert [line.split()[-1] for line in lines] == ["note.txt"]
    assert data == b"kept\n"
    assert (vsftpd.incoming / "note.txt").read_bytes() == b"kept\n"


def test_vsftpd_refuses_a_wrong_password_and_writing_outside_incoming(vsftpd: Vsftpd) -> None:
    with ftplib.FTP(timeout=TIMEOUT) as ftp:  # noqa: S321 - FTP is what is tested
        ftp.connect(vsftpd.host, vsftpd.port)
        with pytest.raises(ftplib.error_perm, match="530"):
            ftp.login(vsftpd.user, "wrong")
        ftp.login(vsftpd.user, vsftpd.password)
        with pytest.raises(ftplib.error_perm, match="553"):
            ftp.storbinary("STOR note.txt", io.BytesIO(b""))


def test_dovecot_gives_over_pop3_what_came_over_imap(dovecot: Dovecot) -> None:
    with imaplib.IMAP4(dovecot.host, dovecot.imap_port, TIMEOUT) as imap:
        assert b"Dovecot" in imap.welcome
        imap.login(dovecot.user, dovecot.password)
        imap.append("INBOX", "", "", b"Subject: hello\r\n\r\nOver there.\r\n")
    pop3 = poplib.POP3(dovecot.host, dovecot.pop3_port, timeout=TIMEOUT)
    pop3.user(dovecot.user)
    pop3.pass_(dovecot.password)
    _, lines, _ = pop3.retr(1)
    pop3.quit()

    assert lines == [b"Subject: hello", b"", b"Over there."]


def test_dovecot_refuses_a_wrong_password(dovecot: Dovecot) -> None:
    with (
        imaplib.IMAP4(dovecot.host, dovecot.imap_port, TIMEOUT) as imap,
        pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
    ):
        imap.login(dovecot.user, "wrong")


def test_opensmtpd_delivers_to_its_maildir(opensmtpd: Opensmtpd) -> None:
    message = EmailMessage()
    message["From"] = "bob@y.test"
    message["To"] = opensmtpd.address
    message["Subject"] = "A delivery of this very test"
    message.set_content("It arrived.")
    with smtplib.SMTP(opensmtpd.host, opensmtpd.port, timeout=TIMEOUT) as smtp:
        _, greeting = smtp.ehlo()
        smtp.send_message(message)

    assert b"mail.x.test" in greeting
    text = _eventually(lambda: [path.read_text() for path in opensmtpd.delivered()])[-1]
    assert "(OpenSMTPD)" in text
    assert "It arrived." in text


def test_opensmtpd_relays_for_nobody(opensmtpd: Opensmtpd) -> None:
    with (
        smtplib.SMTP(opensmtpd.host, opensmtpd.port, timeout=TIMEOUT) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        smtp.sendmail("bob@y.test", ["carol@z.test"], "Subject: hello\r\n\r\n")


def test_telnetd_negotiates_and_gives_a_shell_after_the_password(telnetd: Telnetd) -> None:
    with socket.create_connection((telnetd.host, telnetd.port), TIMEOUT) as sock:
        asked = _telnet_until(sock, b"login: ")
        sock.sendall(f"{telnetd.user}\r\n".encode())
        _telnet_until(sock, b"Password: ")
        sock.sendall(f"{telnetd.password}\r\n".encode())
        _telnet_until(sock, telnetd.prompt.encode())
        sock.sendall(b"echo $((6 * 7))\r\n")
        _telnet_until(sock, b"\r\n42\r\n")

    assert {command for command, _ in asked} >= {DO, WILL}


def test_telnetd_refuses_a_wrong_password(telnetd: Telnetd) -> None:
    with socket.create_connection((telnetd.host, telnetd.port), TIMEOUT) as sock:
        _telnet_until(sock, b"login: ")
        sock.sendall(f"{telnetd.user}\r\n".encode())
        _telnet_until(sock, b"Password: ")
        sock.sendall(b"wrong\r\n")
        _telnet_until(sock, b"Login incorrect")


def test_tinyproxy_passes_requests_on_for_who_has_the_password(
    tinyproxy: Tinyproxy, nginx: Nginx
) -> None:
    (nginx.root / "by-tinyproxy.txt").write_text("through\n")
    url = f"{nginx.url}by-tinyproxy.txt"
    word = base64.b64encode(f"{tinyproxy.user}:{tinyproxy.password}".encode()).decode()

    refused, _, _ = _get(tinyproxy.host, tinyproxy.port, url)
    status, headers, body = _get(
        tinyproxy.host, tinyproxy.port, url, {"Proxy-Authorization": f"Basic {word}"}
    )

    assert refused == 407
    assert (status, body) == (200, b"through\n")
    assert "tinyproxy" in headers["Via"]


def test_squid_passes_requests_on(squid: Squid, nginx: Nginx) -> None:
    (nginx.root / "by-squid.txt").write_text("through\n")

    status, headers, body = _get(squid.host, squid.port, f"{nginx.url}by-squid.txt")

    assert (status, body) == (200, b"through\n")
    assert "squid" in headers["Via"]


def test_nginx_serves_a_file(nginx: Nginx) -> None:
    (nginx.root / "page.html").write_text("<p>hello\n")

    status, headers, body = _get(nginx.host, nginx.port, "/page.html")

    assert (status, body) == (200, b"<p>hello\n")
    assert headers["Server"].startswith("nginx/")
    assert headers["Content-Type"] == "text/html"


def test_apache2_serves_a_file(apache2: Apache2) -> None:
    (apache2.root / "page.html").write_text("<p>hello\n")

    status, headers, body = _get(apache2.host, apache2.port, "/page.html")

    assert (status, body) == (200, b"<p>hello\n")
    assert headers["Server"].startswith("Apache/")


def test_mariadb_keeps_what_its_user_stores(mariadb: Mariadb) -> None:
    script = (
        "CREATE DATABASE shop; CREATE TABLE shop.item (name TEXT);"
        "INSERT INTO shop.item VALUES ('nail'); SELECT name FROM shop.item; SELECT VERSION();"
    )
    done = _mariadb(mariadb, mariadb.password, script)

    assert done.returncode == 0, done.stderr
    name, version = done.stdout.split()
    assert name == "nail"
    assert "MariaDB" in version


@pytest.mark.parametrize("user", ["keeper", "root"])
def test_mariadb_lets_nobody_in_without_the_password(mariadb: Mariadb, user: str) -> None:
    done = _mariadb(mariadb, "", "SELECT 1", user=user)

    assert done.returncode == 1
    assert "Access denied" in done.stderr


def test_supervisorctl_finds_the_program_running(supervisord: Supervisord) -> None:
    argv = [installed("supervisorctl"), "-c", str(supervisord.conf), "status"]

    def status() -> list[str]:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=TIMEOUT)
        return done.stdout.split() if "RUNNING" in done.stdout else []

    assert _eventually(status)[:2] == [supervisord.program, "RUNNING"]


def test_dnsmasq_answers_for_its_zone_and_for_no_other(dnsmasq: Dnsmasq) -> None:
    known = _dns(dnsmasq, f"www.{dnsmasq.zone}")
    unknown = _dns(dnsmasq, "www.y.test")

    assert known[3] & 0x0F == 0  # NOERROR
    assert known[-4:] == socket.inet_aton(dnsmasq.address)
    assert unknown[3] & 0x0F == 5  # REFUSED


@pytest.mark.parametrize(
    "run",
    [
        running_apache2,
        running_chronyd,
        running_dnsmasq,
        running_dovecot,
        running_mariadb,
        running_nginx,
        running_opensmtpd,
        running_squid,
        running_supervisord,
        running_telnetd,
        running_tinyproxy,
        running_vsftpd,
    ],
)
def test_nothing_is_left_of_a_server(
    run: Callable[[], AbstractContextManager[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends while clients are connected, when it has most processes."""
    with scratch() as place:
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        others = set(psutil.Process().children())
        with contextlib.ExitStack() as clients:
            with run() as server:
                ports = [value for name, value in vars(server).items() if name.endswith("port")]
                for port in ports:
                    with contextlib.suppress(ConnectionRefusedError):  # NTP knows no connections
                        clients.enter_context(socket.create_connection((HOST, port), TIMEOUT))
                (it,) = set(psutil.Process().children()) - others
                family = [it, *it.children(recursive=True)]
            assert [each for each in family if not over(each)] == []
            assert _processes_of(place) == []
        assert list(place.iterdir()) == []
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, port), TIMEOUT)


def _processes_of(place: Path) -> list[psutil.Process]:
    """Return the processes of this machine that work in a folder below the place, or name one.

    Whoever may not look into the processes of others sees only their command lines.
    """
    found = []
    for each in psutil.process_iter():
        marks: list[str] = []
        with contextlib.suppress(psutil.Error):
            marks += each.cmdline()
            marks += [each.cwd(), *each.environ().values()]
        if any(str(place) in mark for mark in marks):
            found.append(each)
    return found


def _eventually(look: Callable[[], list[str]]) -> list[str]:
    """Return the first answer that is not empty."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"nothing within {TIMEOUT:g} s")


def _get(
    host: str, port: int, target: str, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=TIMEOUT)) as connection:
        connection.request("GET", target, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def _mariadb(
    server: Mariadb, password: str, script: str, *, user: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run its own client, which takes the password from its environment."""
    argv = [
        *(installed("mariadb"), "--no-defaults", "--protocol=tcp", "--skip-column-names"),
        *("--host", server.host, "--port", str(server.port), "--user", user or server.user),
    ]
    return subprocess.run(
        argv,
        check=False,
        input=script,
        capture_output=True,
        text=True,
        env={**os.environ, "MYSQL_PWD": password},
        timeout=TIMEOUT,
    )


def _telnet_until(sock: socket.socket, text: bytes) -> set[tuple[int, int]]:
    """Read until the server has written the text, refuse its every option (RFC 854), return them.

    The set holds (command, option) pairs.
    """
    written = bytearray()
    asked: set[tuple[int, int]] = set()
    while text not in written:
        byte = sock.recv(1)
        assert byte, f"hung up after {bytes(written)!r}"
        if byte[0] != IAC:
            written += byte
            continue
        command = sock.recv(1)[0]
        option = sock.recv(1)[0]
        asked.add((command, option))
        if command in {DO, WILL}:
            sock.sendall(bytes([IAC, WONT if command == DO else DONT, option]))
    return asked


def _dns(server: Dnsmasq, name: str) -> bytes:
    """Ask for the address of a name over UDP (RFC 1035, section 4)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack("!6H", 0x5157, 0x0100, 1, 0, 0, 0) + labels + b"\0" + b"\0\1" + b"\0\1"
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((server.host, server.port))
        sock.send(query)
        return sock.recv(512)
