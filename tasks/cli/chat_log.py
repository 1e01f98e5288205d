"""What a chat's server tells while it runs: who comes and goes, on standard error."""

from __future__ import annotations

from wirework.net.chat.messages import Event
from wirework.net.chat.plain import readable
from wirework.serving.listen import Place
from wirework.serving.service import Peer

from .server_log import ServerLog
from .server_log import say as say


class ChatLog(ServerLog):
    """A chat's watch: where it is, how to come in, who joins and leaves; never what is said."""

    def __init__(self, *, fingerprint: str = "", tls: bool = False, verbose: bool = False) -> None:
        super().__init__("chat with TLS" if tls else "chat", verbose=verbose)
        self._tls = tls
        self._fingerprint = fingerprint

    def listening(self, places: tuple[Place, ...]) -> None:
        """Say where, and how to join."""
        super().listening(places)
        place = places[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)  # noqa: S104
        tls = " --tls" if self._tls else ""
        trust = f"-fingerprint {self._fingerprint}" if self._fingerprint else ""
        say(f"join it: ./inv chat.join {host} {place.port} --nick NAME{tls}{trust}")
        if not self._tls:
            say(f"     or: nc {host} {place.port}")

    def seen(self, event: Event, peer: Peer) -> None:
        """Say who came or went."""
        say(f"{readable(event)} ({peer})")
