"""The chat as a service: what each client's lines do to the room."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING

from wirework.net.chat import messages, plain, words
from wirework.net.chat.allowance import Allowance
from wirework.net.chat.framing import Lines, TooLong
from wirework.net.chat.messages import (
    Bye,
    Join,
    Malformed,
    Ping,
    Pong,
    Quit,
    Rename,
    Request,
    Say,
    Tell,
    Who,
    Wrong,
)
from wirework.net.chat.room import Room, RoomLimits, Seat, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.serving import Wire

ATTEMPTS = 10
"""Nicknames that a newcomer may try."""
PATIENCE = 200
"""Lines above the allowance, one after another, until the client is shut out."""
ENDLESS = 64 * 1024
"""Bytes of one line until the client is shut out."""

ENDING = "the server is ending"


class Chat:
    """A room to serve; its sessions share it, so every model but ``fork`` can run it."""

    name = "chat"
    shares = True

    def __init__(
        self,
        limits: RoomLimits | None = None,
        *,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits or RoomLimits()
        self.clock = clock
        self.room = Room(self.limits, watch=watch, now=now)
        self._lock = RLock()
        self._here: set[ChatSession] = set()
        self._nameless: OrderedDict[ChatSession, float] = OrderedDict()

    def session(self) -> ChatSession:
        """Return the session of one new client."""
        return ChatSession(self)

    def stopping(self) -> None:
        """Say goodbye to everybody: the server takes no more clients and ends."""
        with self._lock:
            if self.room.is_closed:
                return
            self.room.close(ENDING)
            for session in list(self._nameless):
                session.shut_out(ENDING)

    def has_place(self, newcomer: ChatSession) -> bool:
        """Note a newcomer, unless the room is full of people and of who may become some."""
        now = self.clock()
        with self._lock:
            for session, came in list(self._nameless.items()):
                if now - came < self.limits.naming:
                    break
                session.shut_out("no nickname came")
            if len(self._here) >= self.limits.clients:
                return False
            self._here.add(newcomer)
            self._nameless[newcomer] = now
            return True

    def has_name(self, session: ChatSession) -> None:
        """Note that a newcomer has a nickname."""
        with self._lock:
            self._nameless.pop(session, None)

    def forget(self, session: ChatSession) -> None:
        """Note that a client is gone."""
        with self._lock:
            self._here.discard(session)
            self._nameless.pop(session, None)


class ChatSession:
    """One client: its first line says how it speaks, and it has no nickname yet."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._room = chat.room
        self._lines = Lines(chat.limits.line)
        self._allowance = Allowance(chat.limits.rate, chat.limits.burst, chat.clock)
        self._seat: Seat
        self._has_spoken = False
        self._is_over = False
        self._attempts = 0
        self._excess = 0

    def opened(self, wire: Wire) -> None:
        """Ask for a nickname, or say why not."""
        self._seat = Seat(wire)
        wire.write(messages.BANNER)
        if self._room.is_closed:
            self.shut_out(ENDING)
        elif not self._chat.has_place(self):
            self.shut_out(f"the room is full: {self._chat.limits.clients} clients")

    def received(self, data: bytes) -> None:
        """Do what the lines say that these bytes complete."""
        for line in self._lines.feed(data):
            if self._is_over:
                return
            self._line(line)
        if self._lines.dropped > ENDLESS and not self._is_over:
            self.shut_out("a line without an end")

    def drained(self) -> None:
        """Do nothing: what is said is said once."""

    def ended(self) -> None:
        """Leave: the client said all it had to say. Half a line is not said."""
        if self._is_over:
            return
        if self._lines.unfinished:
            self._wrong("half", "the last line had no end and was dropped")
        self._leave("", "")

    def stopping(self) -> None:
        """Say goodbye, to everybody at once: nobody needs to hear one by one who leaves."""
        self._chat.stopping()

    def closed(self, reason: str) -> None:
        """Leave: the connection is gone."""
        self._is_over = True
        self._chat.forget(self)
        self._room.leave(self._seat, reason)

    def shut_out(self, reason: str) -> None:
        """Leave, because the server wants it."""
        if not self._is_over:
            self._wrong("out", reason)
            self._leave(reason, reason)

    def _leave(self, reason: str, answer: str) -> None:
        self._is_over = True
        self._chat.forget(self)
        self._room.leave(self._seat, reason)
        self._room.send(self._seat, Bye(answer))
        self._seat.wire.finish()

    def _line(self, line: bytes | TooLong) -> None:
        if isinstance(line, TooLong):
            limit = self._chat.limits.line
            self._wrong("long", f"the line was dropped: a line has at most {limit} bytes")
            return
        if not self._is_allowed():
            return
        if not self._has_spoken:
            if not line.strip():
                return
            self._has_spoken = True
            # No nickname begins with a brace, so one character tells the two ways apart.
            self._seat.is_plain = not line.lstrip().startswith(b"{")
        try:
            self._do(self._request(line))
        except words.NameRefused as refused:
            self._wrong(refused.code, str(refused), refused.suggestion)
            self._count_attempt()
        except Malformed as malformed:
            self._wrong(malformed.code, str(malformed))

    def _is_allowed(self) -> bool:
        if not self._allowance.take():
            self._excess = 0
            return True
        self._excess += 1
        if self._excess == 1:
            limits = self._chat.limits
            much = f"at most {limits.rate:g} lines a second and {limits.burst} at once"
            self._wrong("flood", f"too fast, lines are dropped: {much}")
        elif self._excess > PATIENCE:
            self.shut_out("flooding")
        return False

    def _request(self, line: bytes) -> Request:
        if not self._seat.is_plain:
            return messages.request(line)
        try:
            text = words.seemly(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed("utf8", "the line is not UTF-8") from None
        if not self._seat.nick and not text.startswith("/quit"):
            return Join(text)
        return plain.typed(text)

    def _do(self, request: Request) -> None:
        match request:
            case Quit():
                self._leave(request.reason, "")
            case Ping():
                self._room.send(self._seat, Pong(request.id))
            case Pong():
                pass
            case _ if self._seat.nick:
                self._do_inside(request)
            case Join():
                self._room.enter(self._seat, request.nick)
                self._chat.has_name(self)
            case _:
                raise Malformed("join", "say join with a nickname first")

    def _do_inside(self, request: Join | Say | Tell | Rename | Who) -> None:
        seat = self._seat
        match request:
            case Join():
                raise Malformed("joined", f"you are in already, as {seat.nick}")
            case Rename():
                self._room.rename(seat, request.nick)
            case Who():
                self._room.who(seat)
            case Say() | Tell() if not request.text:
                if not seat.is_plain:
                    raise Malformed("empty", "there is no text")
            case Say():
                self._room.say(seat, request.text)
            case Tell():
                self._room.tell(seat, request.to, request.text)

    def _count_attempt(self) -> None:
        if self._seat.nick:
            return
        self._attempts += 1
        if self._attempts >= ATTEMPTS:
            self.shut_out("no nickname after many attempts")

    def _wrong(self, code: str, text: str, suggestion: str = "") -> None:
        self._room.send(self._seat, Wrong(code, text, suggestion))
