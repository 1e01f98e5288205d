"""Secrets out of the desktop's keyring, by the keyring library."""

from __future__ import annotations

import shlex
import sys
import threading
from concurrent.futures import Future

from wirework.errors import SecretError

KEYRING_TIMEOUT = 30.0
"""Seconds that a keyring may take to answer, somebody's unlocking of it included."""


def from_keyring(service: str, name: str) -> str:
    """Return the password that the keyring holds for ``name`` at ``service``.

    Raises SecretError when the library is not installed, or the keyring is locked, missing,
    without such an entry or silent.
    """
    try:
        # Most people have no keyring, and those who do wait 0.1 s for the library.
        import keyring  # noqa: PLC0415
        from keyring.errors import InitError, KeyringLocked, NoKeyringError  # noqa: PLC0415
    except ImportError:
        raise SecretError(
            "secrets of a keyring need the keyring library",
            hint=f"{sys.executable} -m pip install 'keyring>=25,<27'",
        ) from None
    answer: Future[str | None] = Future()

    def ask() -> None:
        try:
            answer.set_result(keyring.get_password(service, name))
        except Exception as error:  # noqa: BLE001 - each keyring raises errors of its own
            answer.set_exception(error)

    # A keyring may wait for ever for somebody to unlock it, and takes no timeout.
    threading.Thread(target=ask, name="keyring", daemon=True).start()
    try:
        value = answer.result(KEYRING_TIMEOUT)
    except TimeoutError:
        raise SecretError(f"the keyring gave no answer within {KEYRING_TIMEOUT:g} s") from None
    except NoKeyringError:
        raise SecretError(
            "there is no keyring on this machine", hint="keyring --list-backends shows what it has"
        ) from None
    except (KeyringLocked, InitError):
        raise SecretError("the keyring is locked", hint="unlock it and try again") from None
    except Exception as error:  # noqa: BLE001 - and what its text says, nobody knows
        raise SecretError(f"the keyring failed with {type(error).__name__}") from None
    if value is None:
        raise SecretError(
            f"the keyring has nothing for {name!r} at {service!r}",
            hint=f"keyring set {shlex.quote(service)} {shlex.quote(name)}",
        )
    return value
