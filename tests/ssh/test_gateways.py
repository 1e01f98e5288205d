"""Hosts behind another one of the inventory: one connection to it, and whose fault it was."""

from __future__ import annotations

import pytest

from tests.ssh.peers import Gateways, closed_port, trouble
from tests.ssh.sshd import Server, running_sshd
from wirework.errors import BadInput, Unreachable
from wirework.inventory import Host
from wirework.ssh import Pool, run


def test_hosts_behind_a_gateway_share_one_connection_to_it(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_sshd(tmp_path_factory.mktemp("gate")) as gate:
        gateways = Gateways(gate.host("gate"))
        with Pool(known_hosts=(), gateways=gateways) as pool:
            for name in ("a", "b"):
                ran = run(pool.remote(server.host(name, gateway="gate")), "echo $SSH_CONNECTION")
                assert ran.ok
            assert (gate.folder / "log").read_text().count("Accepted publickey") == 1


def test_a_gateway_that_refuses_is_named(server: Server) -> None:
    with closed_port() as port:
        gateways = Gateways(server.host("gate"), Host("dead", "127.0.0.1", port))
        with Pool(known_hosts=(), gateways=gateways) as pool:
            error = trouble(pool, Host("box", "127.0.0.1", port, gateway="gate"))
            assert type(error) is Unreachable
            assert str(error).startswith(
                f"box: gateway gate cannot connect to 127.0.0.1 port {port}: "
            )
            error = trouble(pool, server.host("behind", gateway="dead"))
    assert type(error) is Unreachable
    assert str(error).startswith("behind: its gateway dead cannot be reached: connection refused")


def test_gateways_in_a_circle_are_refused(server: Server) -> None:
    gateways = Gateways(server.host("one", gateway="two"), server.host("two", gateway="one"))
    with Pool(known_hosts=(), gateways=gateways) as pool:
        error = trouble(pool, server.host("box", gateway="one"))
    assert type(error) is BadInput
    assert "gateways lead in a circle: box > one > two > one" in str(error)


def test_a_gateway_that_nobody_knows_is_named(server: Server) -> None:
    with Pool(known_hosts=(), gateways=Gateways()) as pool:
        error = trouble(pool, server.host("box", gateway="nowhere"))
    assert type(error) is BadInput
    assert str(error) == "box: its gateway nowhere is not in the inventory"
