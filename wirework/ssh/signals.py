"""The signals that end remote commands, which paramiko hears of and keeps to itself.

A server sends ``exit-signal`` in place of ``exit-status`` (RFC 4254, 6.10). paramiko 5 takes it
for a request that it does not know. Its table of handlers, where it is heard here, is private;
a test with a real sshd says when that changes.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    Handlers = dict[int, Callable[[paramiko.Channel, paramiko.Message], None]]


class Transport(paramiko.Transport):
    """A transport that also tells which signal ended the command on a channel."""

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self._signals: WeakKeyDictionary[paramiko.Channel, int] = WeakKeyDictionary()
        handlers: Handlers = self._channel_handler_table  # type: ignore[has-type]  # not in the stubs
        self._pass_on = handlers[MSG_CHANNEL_REQUEST]
        self._channel_handler_table = {**handlers, MSG_CHANNEL_REQUEST: self._on_request}

    def signal_of(self, channel: paramiko.Channel) -> int:
        """Return the number, here, of the signal that ended a channel's command, 0 for none."""
        return self._signals.get(channel, 0)

    def _on_request(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        at = message.packet.tell()
        if message.get_text() == "exit-signal":
            message.get_boolean()
            name = message.get_string().decode("ascii", "replace")
            self._signals[channel] = signal.Signals.__members__.get(f"SIG{name}", 0)
        message.packet.seek(at)
        self._pass_on(channel, message)


def signal_of(channel: paramiko.Channel) -> int:
    """Return the number of the signal that ended a channel's command, 0 if none is known of."""
    transport = channel.get_transport()
    return transport.signal_of(channel) if isinstance(transport, Transport) else 0
