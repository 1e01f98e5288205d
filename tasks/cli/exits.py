"""Exit codes, and how every error becomes one line and one of them."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invoke.exceptions import Exit

from wirework.errors import BadInput, Unreachable, WireworkError

DONE = 0
FAILED = 1
BAD_INPUT = 2
UNREACHABLE = 4
INTERRUPTED = 130


def code_of(error: BaseException) -> int:
    """Return the exit code that an error stands for."""
    if isinstance(error, BadInput):
        return BAD_INPUT
    if isinstance(error, Unreachable):
        return UNREACHABLE
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return FAILED


def code_of_result(result: object, *, ok: bool) -> int:
    """Return the exit code that a task's result stands for; ``ok`` is whether all of it is."""
    if getattr(result, "interrupted", False):
        return INTERRUPTED
    if ok:
        return DONE
    if getattr(result, "is_bad_input", False):
        return BAD_INPUT
    return UNREACHABLE if getattr(result, "is_unreachable", False) else FAILED


def leave(code: int) -> None:
    """End the command line with ``code``, unless it is 0: then the next task may run."""
    if code:
        raise Exit(code=code)


@contextmanager
def guarded(*, debug: bool) -> Iterator[None]:
    """Turn whatever is raised inside into one line on standard error and an exit code."""
    debug = debug or logging.getLogger().isEnabledFor(logging.DEBUG)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # a reader that has gone is noticed here, not when Python ends
    except Exit:
        raise
    except KeyboardInterrupt:
        complain("interrupted")
        raise Exit(code=INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`); Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=FAILED) from None
    except WireworkError as error:
        if debug:
            traceback.print_exc()
        complain(str(error))
        raise Exit(code=code_of(error)) from None
    except Exception as error:  # noqa: BLE001 (a bug must not greet people as a traceback)
        if debug:
            traceback.print_exc()
        complain(f"internal error: {type(error).__name__}: {error} (--debug shows where)")
        raise Exit(code=FAILED) from None


def complain(text: str) -> None:
    """Say what went wrong, in one line on standard error; paths below here are told from here."""
    text = text.replace(f"{Path.cwd()}/", "")
    red, plain = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    sys.stdout.flush()
    print(f"{red}error:{plain} {text}", file=sys.stderr, flush=True)
