"""Install Debian packages for the tests: their files, and nothing that runs because of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

TIMEOUT = 600.0
LOCK_TIMEOUT = 120
"""Seconds to wait for another apt-get."""

COMPLAINTS = ("E:", "dpkg: error", "dpkg: dependency")
"""How the lines of apt-get and dpkg begin that say what is wrong."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""What a package's scripts ask before they start a service (policy-rc.d(8)): 101 forbids it."""

NO_SERVICES = """\
#!/bin/sh
# The tests of Wirework are installing packages, whose services they do not want to start.
# This file goes away when they are done, and stands back should they have been killed.
if kill -0 {pid} 2>/dev/null; then exit 101; fi
if [ -x {aside} ]; then exec {aside} "$@"; fi
exit 0
"""

BOOT = Path("/etc")
BOOT_LINKS = ("systemd/system/*.wants/*.service", "rc2.d/S[0-9][0-9]*")
"""What says below ``BOOT`` that a service starts with the machine."""


def install(names: Sequence[str]) -> list[str]:
    """Install packages in one go and return what could not be done, a line each.

    Their services start neither now nor with the machine. No package is removed to make room for
    another, except in CI (``CI`` is set), where the machine is ours.
    """
    if _removals(names) is None:
        _apt("update", "-qq")  # a fresh container knows no packages at all
    wanted = names if _fit(names) else [name for name in names if _fit([name])]
    troubles = [
        f"Not installed, since it is not to be had or takes another package's place: {name}"
        for name in names
        if name not in wanted
    ]
    return [*troubles, *_install(wanted)] if wanted else troubles


@contextlib.contextmanager
def services_held() -> Iterator[None]:
    """Let no package start a service until the block ends; a policy that was there comes back."""
    aside = POLICY.with_name(f"{POLICY.name}.before-wirework")
    try:
        if POLICY.exists() and "Wirework" not in POLICY.read_text(errors="replace"):
            POLICY.replace(aside)
        POLICY.write_text(NO_SERVICES.format(pid=os.getpid(), aside=aside))
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if aside.exists():
            aside.replace(POLICY)


def _install(names: Sequence[str]) -> list[str]:
    """Install packages, keep their services off, and return what apt-get complains of."""
    enabled = _enabled()
    words = ("install", "-y", "-qq", "--no-install-recommends", *names)
    try:
        with services_held():
            done = _apt(*words)
            if done.returncode:  # lists that have grown old name files that are gone
                _apt("update", "-qq")
                done = _apt(*words)
    finally:
        for service in sorted(_enabled() - enabled):
            _disable(service)
    if not done.returncode:
        return []
    said = [line for line in done.stdout.splitlines() if line.startswith(COMPLAINTS)]
    return ["Not everything could be installed. What apt-get says:", *said]


def _fit(names: Sequence[str]) -> bool:
    """Whether the packages can be had, and at nobody's cost."""
    removals = _removals(names)
    return removals is not None and (not removals or bool(os.environ.get("CI")))


def _removals(names: Sequence[str]) -> list[str] | None:
    """Return what would have to go for these packages; None when they cannot be had at all."""
    done = _apt("install", "--simulate", "--no-install-recommends", *names)
    if done.returncode:
        return None
    lines = map(str.split, done.stdout.splitlines())
    return [words[1] for words in lines if words[:1] == ["Remv"]]


def _apt(*words: str) -> subprocess.CompletedProcess[str]:
    """Run apt-get without questions; all it says is in its standard output."""
    argv = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}", *words]
    try:
        return subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, f"E: no end within {TIMEOUT:g} s\n")


def _enabled() -> set[str]:
    """Return the services that start with the machine."""
    return {
        link.name.removesuffix(".service") if link.name.endswith(".service") else link.name[3:]
        for pattern in BOOT_LINKS
        for link in BOOT.glob(pattern)
    }


def _disable(service: str) -> None:
    """Let a service start only when somebody starts it."""
    if shutil.which("systemctl"):
        argv = ["systemctl", "disable", "--quiet", f"{service}.service"]
    else:
        argv = ["update-rc.d", service, "disable"]
    subprocess.run(
        argv,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT,
    )
