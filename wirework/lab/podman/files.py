"""The files of a lab of containers: keys, inventory, known_hosts, and a configuration for ssh."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import asyncssh
import yaml

from wirework.documents import write
from wirework.lab.model import INVENTORY, KEY, KNOWN_HOSTS
from wirework.lab.podman import image
from wirework.lab.podman.model import PASSWORD, SSH_CONFIG, SSH_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from wirework.lab.podman.model import PodmanHost, Record

ASKPASS = "askpass"

_KEY_TYPE = "ssh-ed25519"
_ASKPASS_TEXT = f"""\
#!/bin/sh
exec cat "${{0%/*}}/{PASSWORD}"
"""


def prepare(record: Record, folder: Path) -> None:
    """Make the lab's key, its password if a host wants one, and what each host is started with."""
    key = asyncssh.generate_private_key(_KEY_TYPE, comment=f"wirework {folder.name}")
    write(folder / KEY, key.export_private_key())
    password = secrets.token_urlsafe(18).encode()
    if any(image.find(host.image).password for host in record.hosts):
        write(folder / PASSWORD, password)
        write(folder / ASKPASS, _ASKPASS_TEXT.encode())
        (folder / ASKPASS).chmod(0o700)
    (folder / "hosts").mkdir(mode=0o700)
    for host in record.hosts:
        own = folder / "hosts" / host.name
        own.mkdir(mode=0o700)
        host_key = asyncssh.generate_private_key(_KEY_TYPE, comment=host.name)
        write(own / "host_key", host_key.export_private_key())
        write(own / "host_key.pub", host_key.export_public_key())
        write(own / "authorized_keys", key.export_public_key())
        if image.find(host.image).password:
            write(own / PASSWORD, password)


def describe(record: Record, folder: Path) -> None:
    """Write how the hosts are reached: for Wirework, and for ssh and what is built on it."""
    write(folder / KNOWN_HOSTS, _known_hosts(record, folder))
    write(folder / INVENTORY, _inventory(record).encode())
    write(folder / SSH_CONFIG, _ssh_config(record, folder).encode())


def _known_hosts(record: Record, folder: Path) -> bytes:
    """Return the lines of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, for every host."""
    lines = []
    for host in record.hosts:
        place = host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"
        key = (folder / "hosts" / host.name / "host_key.pub").read_bytes()
        kind, blob = key.split()[:2]
        lines.append(b"%s %s %s\n" % (place.encode(), kind, blob))
    return b"".join(lines)


def _inventory(record: Record) -> str:
    """Return the lab's inventory; its key paths are relative to the file."""
    common = image.find(image.DEFAULT).user
    children: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for host in record.hosts:
        hosts = children.setdefault(host.group, {"hosts": {}})["hosts"]
        hosts[host.name] = _connection(host, common)
    variables = {"user": common, "key": KEY, "known_hosts": KNOWN_HOSTS, "ssh_config": "none"}
    fleet = {"all": {"vars": variables, "children": children}}
    text = yaml.safe_dump(fleet, sort_keys=False, default_flow_style=None, allow_unicode=True)
    return f"# Written by lab.up, removed by lab.down.\n{text}"


def _connection(host: PodmanHost, common: str) -> dict[str, object]:
    settings: dict[str, object] = {
        "address": host.address,
        "port": host.port,
        "http_port": host.http_port,
    }
    if host.user != common:
        settings["user"] = host.user
    if host.gateway:
        settings["gateway"] = host.gateway
    if image.find(host.image).password:
        settings["password"] = {"secret": f"file:{PASSWORD}"}
    return settings


def _ssh_config(record: Record, folder: Path) -> str:
    """Return a configuration for ssh, scp and rsync that checks host keys (ssh_config(5))."""
    lines = ["# Written by lab.up, removed by lab.down: ssh -F <this file> <host>"]
    for host in record.hosts:
        lines += [f"Host {host.name}", f"  HostName {host.address}", f"  Port {host.port}"]
        lines += [f"  User {host.user}"]
        if host.gateway:
            lines += [f"  ProxyJump {host.gateway}"]
        if image.find(host.image).password:
            lines += ["  PreferredAuthentications password", "  NumberOfPasswordPrompts 1"]
    lines += [
        "Host *",
        f"  IdentityFile {_quoted(folder / KEY)}",
        "  IdentitiesOnly yes",
        f"  UserKnownHostsFile {_quoted(folder / KNOWN_HOSTS)}",
        "  GlobalKnownHostsFile none",
        "  StrictHostKeyChecking yes",
        "  ConnectTimeout 10",
        "  LogLevel ERROR",
    ]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    """Return a path as ssh's configuration takes it, where a percent sign starts a token."""
    return '"' + str(path).replace("%", "%%") + '"'
