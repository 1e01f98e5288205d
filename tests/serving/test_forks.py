"""What only children can get wrong."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from tests.serving.talk import (
    ECHO,
    Quiet,
    answers,
    client,
    eventually,
    read,
    read_all,
    serving,
)
from wirework.errors import ArgumentError
from wirework.serving import Wire
from wirework.serving.limits import Limits
from wirework.serving.running import Running, running


def children(server: Running) -> list[psutil.Process]:
    return psutil.Process(server.pid).children()


def test_each_client_has_a_process_and_none_is_left_a_zombie() -> None:
    with running(ECHO, model="fork") as server:
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                sock = stack.enter_context(client(server))
                sock.sendall(b"x")
                read(sock, 1)
            assert len(children(server)) == 5
        assert eventually(lambda: children(server) == [])
    assert not psutil.pid_exists(server.pid)


def test_children_end_when_their_parent_is_killed() -> None:
    with running(ECHO, model="fork", limits=Limits(quiet=0.05)) as server, client(server) as sock:
        sock.sendall(b"x")
        read(sock, 1)
        (child,) = children(server)
        os.kill(server.pid, signal.SIGKILL)
        assert read_all(sock) == b""
        sock.close()
        assert eventually(lambda: not child.is_running())


class Signals(Quiet):
    """It tells what happens on SIGTERM and SIGINT where it runs."""

    def opened(self, wire: Wire) -> None:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        wire.write(f"{ignored} {len(blocked)}".encode())
        wire.finish()


def test_a_child_leaves_ctrl_c_to_its_parent_and_blocks_no_signal() -> None:
    with running(serving(Signals), model="fork") as server, client(server) as sock:
        assert read_all(sock) == b"True 0"


def test_a_child_that_is_killed_counts_as_a_failure_and_the_rest_goes_on() -> None:
    with running(ECHO, model="fork") as server, client(server) as sock:
        sock.sendall(b"x")
        read(sock, 1)
        children(server)[0].kill()
        assert read_all(sock) == b""
        assert answers(server)
    assert server.served is not None
    assert server.served.endings == {"the service failed": 1, "done": 1}


class Hangs(Quiet):
    """A session that comes to no end."""

    def received(self, data: bytes) -> None:
        del data
        self.wire.write(b"now")
        while True:
            pass


def test_a_child_that_hangs_is_killed_at_the_stop() -> None:
    limits = Limits(drain=0.1)
    with running(serving(Hangs), model="fork", limits=limits) as server, client(server) as sock:
        sock.sendall(b"x")
        assert read(sock, 3) == b"now"
        (child,) = children(server)
    assert not child.is_running()


def test_a_service_that_shares_memory_takes_no_processes() -> None:
    from wirework.serving.listen import Place
    from wirework.serving.serve import serve

    with pytest.raises(ArgumentError, match="shares memory") as caught:
        serve(serving(Quiet, shares=True), [Place()], model="fork")
    assert caught.value.parameter == "model"


def test_a_child_has_no_socket_of_its_siblings() -> None:
    # Else a client that was cut off would wait for an end that another child keeps away.
    with running(ECHO, model="fork") as server, client(server) as first, client(server) as second:
        for sock in (first, second):
            sock.sendall(b"x")
            read(sock, 1)
        oldest = min(children(server), key=psutil.Process.create_time)
        kinds = [psutil.Process(each.pid).net_connections() for each in children(server)]
        assert [len(each) for each in kinds] == [1, 1]
        oldest.kill()
        ended = [sock for sock in (first, second) if _has_ended(sock)]
        assert len(ended) == 1


def _has_ended(sock: socket.socket) -> bool:
    sock.settimeout(0.5)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False


def test_a_server_without_descriptors_waits_for_some_and_does_not_spin() -> None:
    # The server is a process of its own under this model, so its limit can be lowered alone.
    with running(ECHO, model="fork", limits=Limits(quiet=0.05)) as server:
        process = psutil.Process(server.pid)
        soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
        taken = {int(path.name) for path in Path(f"/proc/{server.pid}/fd").iterdir()}
        free = next(number for number in itertools.count() if number not in taken)
        process.rlimit(psutil.RLIMIT_NOFILE, (free, hard))
        with client(server) as sock:
            sock.sendall(b"x")
            sock.settimeout(0.4)
            before = sum(process.cpu_times()[:2])
            with pytest.raises(TimeoutError):
                sock.recv(1)
            assert sum(process.cpu_times()[:2]) - before < 0.2
            process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
            sock.settimeout(10)
            assert sock.recv(1) == b"x"
