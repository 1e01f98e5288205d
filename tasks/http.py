"""HTTP from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.http.check import Checked


@task(
    help={
        "url": "An http or https address.",
        "status": "The status that the answer has to have.",
        "contains": "Text that the page has to hold.",
        "timeout": "Seconds until the whole answer has to be here.",
    }
)
def check(
    c: object, url: str, status: int = 200, contains: str = "", timeout: float = 5.0
) -> Checked:
    """Ask for a page and tell whether it is as it should be."""
    from wirework.http.check import check

    return check(url, status=status, contains=contains, timeout=timeout)
