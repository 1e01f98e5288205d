"""Archives, unpacked in a folder of the host."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.ssh import LocalFile
from wirework.state.arguments import HostPath
from wirework.state.changes import Change, Payload
from wirework.state.facts import Fact, PathState, Sha256
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import usable_folder
from wirework.state.shell.archives import MARKER

if TYPE_CHECKING:
    from collections.abc import Sequence


@operation
def archive(
    dest: HostPath,
    *,
    src: LocalFile | None = None,
    path: HostPath | None = None,
    creates: HostPath | None = None,
    strip: int = 0,
    owner: str = "",
    group: str = "",
) -> Steps:
    """Have an archive (tar, also compressed, or zip) unpacked in the folder ``dest``.

    It is the local file ``src`` or the host's own ``path``. The first ``strip`` folders of its
    names are left out. A marker file in ``dest`` tells which archive was unpacked there last;
    with ``creates`` (a path in ``dest``) there is no marker, and it is done when that is there.
    Members that would leave ``dest``, links out of it and devices are refused as a whole.
    """
    if (src is None) == (path is None):
        raise BadInput("archive needs src or path, one of them")
    if strip < 0:
        raise BadInput("archive: strip counts folders: 0 or more")
    if creates is not None and (creates.startswith("/") or ".." in creates.split("/")):
        raise BadInput("archive: creates is a path inside dest")
    if any(":" in name for name in (owner, group)):
        raise BadInput("archive: owner and group are two parameters")
    return _archive(dest, src, path, creates, strip, (owner, group))


def _archive(  # noqa: PLR0917 - the operation's own parameters
    dest: str,
    src: LocalFile | None,
    path: str | None,
    creates: str | None,
    strip: int,
    hands: tuple[str, str],
) -> Steps:
    marker = posixpath.join(dest, MARKER)
    sign = posixpath.join(dest, creates) if creates else marker
    questions: Sequence[Fact[Any]] = (
        PathState(dest),
        PathState(sign) if creates else Sha256(sign),
        *((Sha256(path),) if path else ()),
    )
    folder, found, *digests = yield tuple(questions)
    yield from usable_folder(sign if not creates else marker, folder)
    digest = src.sha256 if src else digests[0]
    if creates and found.kind != "absent":
        return
    if digest is None:
        raise Refused(f"there is no file {path} that can be read")
    owner, group = hands
    mark = "" if creates else f"{digest} strip={strip} owner={owner} group={group}"
    marked = hashlib.sha256(f"{mark}\n".encode()).hexdigest()
    if not creates and found == marked:
        return
    yield Change(
        (
            "ww_unpack",
            path or "",
            str(src.size) if src else "",
            digest,
            dest,
            str(strip),
            f"{owner}:{group}" if group else owner,
            creates or "",
            mark,
        ),
        says=f"{src.path.name if src else path} unpacked in {dest}",
        predicts={} if creates else {Sha256(marker): marked},
        spoils=(dest,),
        payload=Payload(src.size, src.pieces) if src else None,
    )
