"""Shell text that travels on standard input: of any length, and never to be seen in ``ps``."""

from __future__ import annotations


def bootstrap(size: int) -> tuple[str, ...]:
    """Return the command that runs the next ``size`` bytes of its standard input as a script.

    dd reads exactly as many bytes as told, under coreutils and busybox; ``head -c`` does not.
    A connection that is lost may cut the script off: in braces it is run whole or not at all,
    because a shell reads a compound command to its end before it begins (POSIX, 2.9.4).
    """
    return ("sh", "-c", f'eval "$(dd bs={size} count=1 iflag=fullblock 2>/dev/null)"')


def encoded(text: str) -> bytes:
    """Return text as the bytes that a host gets; surrogate escapes are the bytes they stand for."""
    return text.encode("utf-8", "surrogateescape")
