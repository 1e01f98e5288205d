"""One real server of each kind for all tests of a process, started when the first one asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.apache2 import Apache2, running_apache2
from tests.servers.chronyd import Chronyd, running_chronyd
from tests.servers.dnsmasq import Dnsmasq, running_dnsmasq
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.servers.mariadb import Mariadb, running_mariadb
from tests.servers.nginx import Nginx, running_nginx
from tests.servers.opensmtpd import Opensmtpd, running_opensmtpd
from tests.servers.squid import Squid, running_squid
from tests.servers.supervisord import Supervisord, running_supervisord
from tests.servers.telnetd import Telnetd, running_telnetd
from tests.servers.tinyproxy import Tinyproxy, running_tinyproxy
from tests.servers.vsftpd import Vsftpd, running_vsftpd


@pytest.fixture(scope="session")
def chronyd() -> Iterator[Chronyd]:
    with running_chronyd() as server:
        yield server


@pytest.fixture(scope="session")
def vsftpd() -> Iterator[Vsftpd]:
    with running_vsftpd() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def opensmtpd() -> Iterator[Opensmtpd]:
    with running_opensmtpd() as server:
        yield server


@pytest.fixture(scope="session")
def telnetd() -> Iterator[Telnetd]:
    with running_telnetd() as server:
        yield server


@pytest.fixture(scope="session")
def tinyproxy() -> Iterator[Tinyproxy]:
    with running_tinyproxy() as server:
        yield server


@pytest.fixture(scope="session")
def squid() -> Iterator[Squid]:
    with running_squid() as server:
        yield server


@pytest.fixture(scope="session")
def nginx() -> Iterator[Nginx]:
    with running_nginx() as server:
        yield server


@pytest.fixture(scope="session")
def apache2() -> Iterator[Apache2]:
    with running_apache2() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    with running_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def supervisord() -> Iterator[Supervisord]:
    with running_supervisord() as server:
        yield server


@pytest.fixture(scope="session")
def dnsmasq() -> Iterator[Dnsmasq]:
    with running_dnsmasq() as server:
        yield server
