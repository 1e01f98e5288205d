"""Faults of hosts, each made and undone by what a real one would come from."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from wirework.errors import BadInput, LabError
from wirework.lab import processes
from wirework.lab.podman import engine as engines
from wirework.lab.podman import hosts, image, network, rootless, throttle
from wirework.lab.podman.engine import PodmanFailed, entering, run
from wirework.lab.podman.model import Fault, PodmanHost, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.lab.podman.engine import Engine

LONGEST = 86_400.0
"""Seconds that a fault that heals by itself may last."""

RECOVERY = 20.0
"""Seconds until a host that was healed has to greet."""

_GREETING = 4.0
_HEALER = "wirework.lab.podman.healer"
_HEALER_LOG = "healer.log"
_DISK = Path(__file__).with_name("disk.sh")
_CUTS = (
    ("INPUT", "!", "-i", "lo", "-j", "DROP"),
    ("OUTPUT", "!", "-o", "lo", "-j", "DROP"),
)
_SERVERS = ("sshd", "dropbear")
_SUDOERS = "/etc/sudoers.d/ops"
_HIDDEN = "/etc/sudoers.d/.ops.taken-away"  # sudo reads no file with a dot in its name


@dataclass(frozen=True)
class Patient:
    """A host, and what is needed to do something to it."""

    engine: Engine
    record: Record
    host: PodmanHost

    @property
    def container(self) -> str:
        """The name that podman knows it by."""
        return self.record.container(self.host.name)

    def pid(self) -> int:
        """Return its first process; raises LabError when it does not run."""
        pid = hosts.pid_of(self.engine, self.record, self.host.name)
        if not pid:
            raise LabError("it does not run", where=self.host.name, hint="lab.heal starts it")
        return pid


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how it is made, and how it is undone on a host that runs.

    ``lasting`` ones outlive a restart of the host, which cures all others. Of those that
    ``cover`` its disk a host has one at a time. ``rootful`` ones take root of this machine.
    """

    name: str
    make: Callable[[Patient], None]
    undo: Callable[[Patient], None]
    lasting: bool = False
    cover: bool = False
    rootful: bool = False


def make(folder: Path, host: str, kind: str, *, for_: float | None) -> None:
    """Give a host a fault, for some seconds or until it is healed; the lab's lock is held.

    One that it has already gets the new time. Raises BadInput for a host or kind that there is
    not, LabError when the fault cannot be made.
    """
    record = _record(folder)
    patient = Patient(engines.known(folder), record, hosts.find(record, host))
    chosen = _find(kind)
    if for_ is not None and not 0 < for_ <= LONGEST:
        raise BadInput(f"a fault lasts more than 0 and up to {LONGEST:g} s, not {for_:g}")
    if chosen.rootful and rootless.is_so():
        raise BadInput(f"{kind} needs root of this machine", hint="use sudo for this lab")
    now = Fault(host=host, kind=kind, until=time.time() + for_ if for_ else 0.0)
    others = tuple(f for f in record.faults if (f.host, f.kind) != (host, kind))
    has_it = len(others) < len(record.faults)
    if chosen.cover and not has_it:
        _check_cover(others, host)
    # Before it is made: whatever goes wrong from here on, healing undoes it.
    replace(record, faults=(*others, now)).save(folder)
    if not has_it:
        try:
            chosen.make(patient)
        except BaseException:
            with contextlib.suppress(LabError):
                chosen.undo(patient)
            record.save(folder)
            raise
    if for_:
        words = (host, kind, repr(now.until))
        processes.launch(_HEALER, words, folder=folder, token=record.token, log=_HEALER_LOG)


def heal(folder: Path, host: str = "", *, only: Fault | None = None) -> None:
    """Undo the faults of a host, or of all hosts, or one fault; the lab's lock is held.

    Hosts that do not run are started. Returns when each that was healed greets. Raises BadInput
    for a host that there is not, LabError when one does not come back.
    """
    record = _record(folder)
    engine = engines.known(folder)
    healed = [hosts.find(record, host)] if host else list(record.hosts)
    for each in healed:
        record = _heal(Patient(engine, record, each), only)
        record.save(folder)
    broken = {fault.host for fault in record.faults}
    awaited = {each.name for each in healed} - broken
    deadline = time.monotonic() + RECOVERY
    while silent := awaited - hosts.who_greets(engine, record, _GREETING + 2 * record.delay):
        if time.monotonic() > deadline:
            names = ", ".join(sorted(silent))
            raise LabError(
                f"no SSH greeting {RECOVERY:g} s after it was healed",
                where=names,
                hint="lab.down, then lab.up",
            )


def _heal(patient: Patient, only: Fault | None) -> Record:
    """Undo faults of one host, the latest first, and return the record without them."""
    record, host = patient.record, patient.host.name
    has = [fault for fault in record.faults if fault.host == host]
    undone = [fault for fault in has if only is None or fault == only]
    kinds = {fault.kind for fault in undone}
    if only is not None and not undone:
        return record
    state = patient.engine.run("inspect", "--format", "{{.State.Status}}", patient.container)
    restarted = False
    if state.strip() == "paused":
        if only is None or "pause" in kinds:
            patient.engine.run("unpause", patient.container)
    elif state.strip() != "running" and (only is None or "stop" in kinds):
        hosts.start_again(patient.engine, record, host)
        restarted = True
    for fault in reversed(undone):
        kind = _find(fault.kind)
        if kind.lasting or not restarted:
            kind.undo(patient)
    cured = [
        fault for fault in has if fault in undone or (restarted and not _find(fault.kind).lasting)
    ]
    return replace(record, faults=tuple(f for f in record.faults if f not in cured))


def _record(folder: Path) -> Record:
    record = Record.load(folder)
    if record is None or not record.ready:
        raise BadInput(f"there is no lab {folder.name!r} here", hint="lab.up --driver podman")
    return record


def _find(name: str) -> Kind:
    for kind in KINDS:
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in KINDS)
    raise BadInput(f"{name!r} is no fault", hint=f"one of {known}")


def _check_cover(faults: tuple[Fault, ...], host: str) -> None:
    for fault in faults:
        if fault.host == host and _find(fault.kind).cover:
            raise LabError(
                f"its disk has the fault {fault.kind} already", where=host, hint="lab.heal first"
            )


def _pause(patient: Patient) -> None:
    patient.pid()
    patient.engine.run("pause", patient.container)


def _partition(patient: Patient) -> None:
    for rule in _cuts(patient.host):
        network.filter_in(patient.pid(), "-I", *rule)


def _join(patient: Patient) -> None:
    for rule in _cuts(patient.host):
        network.filter_in(patient.pid(), "-D", *rule)


def _cuts(host: PodmanHost) -> tuple[tuple[str, ...], ...]:
    """Return the rules that cut a host off.

    Podman takes what comes to a user's published port into the container, and from there to the
    container's own address, over its loopback interface.
    """
    if rootless.is_so():
        return (*_CUTS, ("INPUT", "-i", "lo", "-d", host.ip, "-j", "DROP"))
    return _CUTS


def _kill_sshd(patient: Patient) -> None:
    """Kill sshd with every session, as the kernel does when memory runs out."""
    first = psutil.Process(patient.pid())
    servers = []
    for process in first.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() in _SERVERS:
                servers.append(str(process.pid))
    with contextlib.suppress(PodmanFailed):  # some end when others are killed
        run([*rootless.prefix(), "sh", "-c", 'kill -s KILL "$@"', "sh", *servers])


def _start_sshd(patient: Patient) -> None:
    patient.engine.run("exec", patient.container, "/usr/local/sbin/lab-start", "ssh")


def _stop(patient: Patient) -> None:
    patient.engine.run("kill", patient.container)


def _by_state(patient: Patient) -> None:
    """Do nothing: whatever heals a host lets it run first."""
    del patient


def _fill_disk(patient: Patient) -> None:
    _disk(patient, "fill")


def _read_only(patient: Patient) -> None:
    _disk(patient, "protect")


def _uncover(patient: Patient) -> None:
    _disk(patient, "uncover")


def _disk(patient: Patient, what: str) -> None:
    """Run disk.sh in a host's mount and process namespaces, with its own sh and mount."""
    enter = entering(patient.pid(), "--mount", "--pid")
    run([*enter, "--", "/bin/sh", "-s", what], stdin=_DISK.read_text())


def _slow_disk(patient: Patient) -> None:
    throttle.slow_down(patient.pid(), patient.engine.storage())


def _full_speed(patient: Patient) -> None:
    throttle.full_speed(patient.pid(), patient.engine.storage())


def _no_sudo(patient: Patient) -> None:
    if not image.find(patient.host.image).sudo:
        raise LabError(f"the image {patient.host.image} has no sudo", where=patient.host.name)
    patient.engine.run("exec", patient.container, "mv", _SUDOERS, _HIDDEN)


def _sudo(patient: Patient) -> None:
    patient.engine.run("exec", patient.container, "mv", _HIDDEN, _SUDOERS)


KINDS = (
    Kind("pause", _pause, _by_state),
    Kind("partition", _partition, _join),
    Kind("kill-sshd", _kill_sshd, _start_sshd),
    Kind("stop", _stop, _by_state),
    Kind("fill-disk", _fill_disk, _uncover, cover=True),
    Kind("slow-disk", _slow_disk, _full_speed, rootful=True),
    Kind("read-only", _read_only, _uncover, cover=True),
    Kind("no-sudo", _no_sudo, _sudo, lasting=True),
)
