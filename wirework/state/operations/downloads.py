"""Files that the host fetches itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath, Mode
from wirework.state.changes import Change
from wirework.state.facts import PathState, Sha256
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import (
    attributes,
    folder_fact,
    octal,
    usable_folder,
)
from wirework.state.operations.commands import check_timeout

FILE_MODE = 0o644
PATIENCE = 3600
SCHEMES = ("http", "https", "ftp")


@operation
def download(
    url: str,
    dest: HostPath,
    *,
    checksum: str,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
    timeout: int = PATIENCE,
) -> Steps:
    """Have the file at ``dest`` that the host itself fetches from ``url``.

    ``checksum`` is ``sha256:`` and 64 hexadecimal digits: a file that has it is not fetched again.
    The host needs curl or wget. A new file gets mode 0644 unless told. The fetch may take
    ``timeout`` seconds; one that stalls ends after a minute.
    """
    if not re.fullmatch("sha256:[0-9a-fA-F]{64}", checksum):
        raise BadInput("download: checksum is no sha256:…", hint="sha256sum FILE tells the digits")
    _check_url(url)
    check_timeout(timeout)
    return _download(url, dest, checksum[7:].lower(), mode, owner, group, timeout)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise BadInput("download: url cannot be read") from error
    if parts.scheme not in SCHEMES or not host:
        raise BadInput(f"download: url is none of {', '.join(SCHEMES)}")
    if "@" in parts.netloc:
        # Whoever lists the host's processes would read it.
        raise BadInput("download: url holds a name or password", hint="use file, from here")
    if not re.fullmatch("[!-~]+", url):
        raise BadInput("download: url holds spaces or letters that stand as %xx in a URL")


def _download(  # noqa: PLR0917 - the operation's own parameters
    url: str, dest: str, digest: str, mode: int | None, owner: str, group: str, timeout: int
) -> Steps:
    now, found, folder = yield (PathState(dest), Sha256(dest), folder_fact(dest))
    yield from usable_folder(dest, folder)
    if now.kind not in ("absent", "file"):
        raise Refused(f"{dest} is a {now.kind}, not a file", hint="remove it first")
    if now.kind == "file" and found == digest:
        yield from attributes(dest, now, mode=mode, owner=owner, group=group)
        return
    new = now.kind == "absent"
    kept = FILE_MODE if new else now.mode
    hands = f"{owner}:{group}" if group else owner
    yield Change(
        (
            "ww_download",
            url,
            dest,
            digest,
            octal(kept if mode is None else mode),
            hands,
            str(timeout),
        ),
        says=f"{dest} from {url}",
        verb="create" if new else "change",
        predicts={Sha256(dest): digest},
        # Its size is known only afterwards.
        spoils=(dest,),
    )
