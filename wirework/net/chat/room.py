"""The room: who is in it, and who hears what."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import RLock

from wirework.net.chat import words
from wirework.net.chat.messages import (
    Bye,
    Event,
    Here,
    Joined,
    Left,
    Malformed,
    Renamed,
    Said,
    Told,
    Welcome,
    encode,
)
from wirework.net.chat.plain import readable
from wirework.serving import Peer, Wire

Watch = Callable[[Event, Peer], None]
"""Is told who joins, leaves and is renamed, with the lock of the room held."""

TOO_SLOW = "too slow to read"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomLimits:
    """What a room bears. ``line`` and ``slow`` are bytes, ``naming`` seconds.

    ``rate`` lines a second are taken of each client, ``burst`` at once. Whom more than ``slow``
    bytes wait for is dropped. Who has no nickname after ``naming`` makes way for others.
    """

    clients: int = 800
    line: int = 4096
    rate: float = 10.0
    burst: int = 40
    slow: int = 256 * 1024
    naming: float = 60.0


class Seat:
    """One client's place: its wire, how it wants to be written to, and its nickname."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.is_plain = True
        self.nick = ""


class Room:
    """People who hear each other. Every method may be called from any thread.

    Nothing here waits: a wire takes what is written, and whoever reads too slowly is dropped,
    so that one reader never delays another.
    """

    def __init__(
        self,
        limits: RoomLimits,
        *,
        watch: Watch | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits
        self._watch = watch
        self._now = now
        self._lock = RLock()
        self._seats: dict[str, Seat] = {}
        self._slow: deque[Seat] = deque()
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._seats)

    def enter(self, seat: Seat, name: str) -> None:
        """Give a client its nickname and tell the others; raises NameRefused."""
        with self._lock:
            if self.is_closed:
                raise Malformed("closed", "nobody comes in any more")
            seat.nick = self._free_name(seat, name)
            self._seats[words.key(seat.nick)] = seat
            bounds = self.limits
            self._write(
                Welcome(seat.nick, len(self), bounds.line, bounds.rate, bounds.burst), [seat]
            )
            self._announce(Joined(seat.nick), seat)

    def rename(self, seat: Seat, name: str) -> None:
        """Give a client another nickname and tell everybody; raises NameRefused."""
        with self._lock:
            nick = self._free_name(seat, name)
            if nick == seat.nick:
                return
            # A new dictionary, so that the order stays that of coming in.
            self._seats = {
                words.key(nick) if each is seat else key: each for key, each in self._seats.items()
            }
            event = Renamed(seat.nick, nick)
            seat.nick = nick
            self._announce(event, seat, is_own=True)

    def say(self, seat: Seat, text: str) -> None:
        """Say something to everybody; the speaker hears it too, unless it is plain."""
        with self._lock:
            event = Said(seat.nick, text, round(self._now(), 3))
            self._write(event, self._others(seat) if seat.is_plain else self._seats.values())
            self._shed()

    def tell(self, seat: Seat, to: str, text: str) -> None:
        """Say something to one; Malformed when nobody has that nickname."""
        with self._lock:
            other = self._seats.get(words.key(to))
            if other is None:
                raise Malformed("nobody", f"nobody is called {to} here")
            event = Told(seat.nick, other.nick, text, round(self._now(), 3))
            self._write(event, {other} if seat.is_plain else {other, seat})
            self._shed()

    def who(self, seat: Seat) -> None:
        """Tell one client who is here."""
        with self._lock:
            self.send(seat, Here(tuple(each.nick for each in self._seats.values())))

    def send(self, seat: Seat, event: Event) -> None:
        """Tell one client something."""
        with self._lock:
            self._write(event, [seat])
            self._shed()

    def leave(self, seat: Seat, reason: str) -> None:
        """Take a client out and tell the others; nothing when it is out already."""
        with self._lock:
            if not self._is_in(seat):
                return
            del self._seats[words.key(seat.nick)]
            self._announce(Left(seat.nick, reason), seat)

    def close(self, reason: str) -> None:
        """Say goodbye to everybody, finish their wires, and let nobody in any more."""
        with self._lock:
            self.is_closed = True
            leaving = list(self._seats.values())
            self._seats = {}
            self._slow.clear()
            self._write(Bye(reason), leaving)
            for seat in leaving:
                seat.wire.finish()

    def _free_name(self, seat: Seat, name: str) -> str:
        nick = words.nickname(name)
        if self._seats.get(words.key(nick), seat) is not seat:
            free = words.free(nick, self._seats)
            raise words.NameRefused("taken", f"{nick} is taken", free)
        return nick

    def _is_in(self, seat: Seat) -> bool:
        return bool(seat.nick) and self._seats.get(words.key(seat.nick)) is seat

    def _others(self, seat: Seat) -> list[Seat]:
        return [each for each in self._seats.values() if each is not seat]

    def _announce(self, event: Event, seat: Seat, *, is_own: bool = False) -> None:
        if self._watch:
            self._watch(event, seat.wire.peer)
        self._write(event, list(self._seats.values()) if is_own else self._others(seat))
        self._shed()

    def _write(self, event: Event, seats: Iterable[Seat]) -> None:
        # Each form is made once, however many hear it.
        forms: dict[bool, bytes] = {}
        for seat in seats:
            data = forms.get(seat.is_plain)
            if data is None:
                data = f"{readable(event)}\n".encode() if seat.is_plain else encode(event)
                forms[seat.is_plain] = data
            seat.wire.write(data)
            if seat.wire.pending > self.limits.slow:
                self._slow.append(seat)

    def _shed(self) -> None:
        """Drop those who read too slowly; telling the others may show more of them."""
        while self._slow:
            seat = self._slow.popleft()
            if self._is_in(seat):
                del self._seats[words.key(seat.nick)]
                event = Left(seat.nick, TOO_SLOW)
                if self._watch:
                    self._watch(event, seat.wire.peer)
                self._write(event, self._seats.values())
            seat.wire.abort()
