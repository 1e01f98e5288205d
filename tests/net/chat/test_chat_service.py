"""The chat without a network: what clients say, and what the others hear."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.net.chat import Chat, RoomLimits
from wirework.net.chat.messages import BANNER, EVENTS, Event, Malformed, encode, event
from wirework.net.chat.service import ATTEMPTS, ENDLESS, PATIENCE, ChatSession
from wirework.serving import Peer


@dataclass
class FakeWire:
    """A wire whose other end reads at once, or (``is_stuck``) never."""

    peer: Peer = field(default_factory=lambda: Peer("127.0.0.1", 4711))
    sent: bytearray = field(default_factory=bytearray)
    is_stuck: bool = False
    state: str = "open"

    @property
    def pending(self) -> int:
        return len(self.sent) if self.is_stuck else 0

    def write(self, data: bytes) -> None:
        if self.state == "open":
            self.sent += data

    def finish(self) -> None:
        self.state = "finished" if self.state == "open" else self.state

    def abort(self) -> None:
        self.state = "aborted"


class Client:
    """Somebody connected to a chat."""

    def __init__(self, chat: Chat) -> None:
        self.session: ChatSession = chat.session()
        self.wire = FakeWire()
        self.session.opened(self.wire)

    def heard(self) -> list[str]:
        """Return the lines that came since the last look."""
        lines = self.wire.sent.decode().splitlines()
        self.wire.sent.clear()
        return lines

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.heard() if line.startswith("{")]

    def types(self, line: str) -> list[str]:
        self.session.received(f"{line}\n".encode())
        return self.heard()

    def says(self, **message: Any) -> list[dict[str, Any]]:
        self.session.received(json.dumps(message).encode() + b"\n")
        return self.events()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chat(clock: Clock) -> Chat:
    return Chat(clock=clock, now=clock)


@pytest.fixture
def plain(chat: Chat) -> Callable[[str], Client]:
    def join(nick: str) -> Client:
        client = Client(chat)
        client.types(nick)
        return client

    return join


@pytest.fixture
def program(chat: Chat) -> Callable[[str], Client]:
    def join(nick: str) -> Client:
        client = Client(chat)
        client.says(type="join", nick=nick)
        return client

    return join


Joined = Callable[[str], Client]


def test_everybody_is_asked_for_a_nickname(chat: Chat) -> None:
    assert bytes(Client(chat).wire.sent) == BANNER


def test_people_with_nc_talk(plain: Joined) -> None:
    ann = plain("ann")
    bob = plain("bob")
    assert ann.heard() == ["* bob joined"]
    assert bob.types("hello") == []
    assert ann.heard() == ["<bob> hello"]
    assert bob.types("/who") == ["* 2 here: ann, bob"]
    assert bob.types("/msg ANN psst") == []
    assert ann.heard() == ["[bob to ann] psst"]
    assert bob.types("/nick rob") == ["* bob is now rob"]
    assert ann.heard() == ["* bob is now rob"]
    assert bob.types("//slash") == []
    assert ann.heard() == ["<rob> /slash"]
    assert bob.types("/quit tired") == ["* bye"]
    assert bob.wire.state == "finished"
    assert ann.heard() == ["* rob left: tired"]


def test_programs_talk(program: Joined, chat: Chat) -> None:
    ann = Client(chat)
    (welcome,) = ann.says(type="join", nick="ann")
    assert welcome == {
        "type": "welcome",
        "nick": "ann",
        "here": 1,
        "line": 4096,
        "rate": 10.0,
        "burst": 40,
        "server": "Wirework chat 1",
    }
    bob = program("bob")
    assert ann.events() == [{"type": "joined", "nick": "bob"}]
    said = {"type": "said", "nick": "bob", "text": "hello", "time": 1000.0}
    assert bob.says(type="say", text="hello") == [said]
    assert ann.events() == [said]
    told = {"type": "told", "nick": "bob", "to": "ann", "text": "psst", "time": 1000.0}
    assert bob.says(type="msg", to="Ann", text="psst") == [told]
    assert ann.events() == [told]
    assert bob.says(type="who") == [{"type": "here", "nicks": ["ann", "bob"]}]
    assert bob.says(type="ping", id="7") == [{"type": "pong", "id": "7"}]
    assert bob.says(type="pong") == []
    renamed = {"type": "renamed", "nick": "bob", "to": "rob"}
    assert bob.says(type="nick", nick="rob") == [renamed]
    assert bob.says(type="quit", reason="tired") == [{"type": "bye"}]
    assert ann.events() == [renamed, {"type": "left", "nick": "rob", "reason": "tired"}]


def test_both_kinds_hear_each_other(plain: Joined, program: Joined) -> None:
    ann, bob = plain("ann"), program("bob")
    ann.heard()
    bob.says(type="say", text="from a program")
    ann.types("from nc")
    assert ann.heard() == []  # who types sees it on the own terminal
    assert [each["text"] for each in bob.events()] == ["from nc"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"type": "say"}', "value"),
        ('{"type": "say", "text": 7}', "value"),
        ('{"type": "say", "text": ""}', "empty"),
        ('{"type": "say", "text": "\\u001b\\u202e"}', "empty"),
        ('{"type": "msg", "to": "nobody", "text": "x"}', "nobody"),
        ('{"type": "join", "nick": "again"}', "joined"),
        ('{"type": "nick", "nick": "a b"}', "name"),
        ('{"type": "nick", "nick": "ANN"}', "taken"),
        ('{"type": "shout"}', "type"),
        ('{"type": ["say"]}', "type"),
        ('{"type": "say", "text"', "json"),
        ("[1]", "json"),
        ("[" * 4000, "json"),
        ("hello", "json"),
    ],
)
def test_a_wrong_message_is_answered_and_heard_by_nobody(
    line: str, code: str, program: Joined
) -> None:
    ann, bob = program("ann"), program("bob")
    ann.heard()
    bob.session.received(f"{line}\n".encode())
    (answer,) = bob.events()
    assert (answer["type"], answer["code"]) == ("error", code)
    assert answer["text"]
    assert ann.heard() == []


def test_bytes_that_are_no_utf8_are_refused(plain: Joined, program: Joined) -> None:
    ann, bob = plain("ann"), program("bob")
    ann.heard()
    bob.session.received(b'{"type": "say", "text": "\xff"}\n')
    assert bob.events()[0]["code"] == "utf8"
    ann.session.received(b"\xc3\n")
    assert ann.heard() == ["! the line is not UTF-8"]


def test_no_terminal_is_taken_over(plain: Joined, program: Joined) -> None:
    ann, bob = plain("ann"), program("bob")
    ann.heard()
    bob.says(type="say", text="\x1b[31mred\x07\r\n* ann left \u202eback")
    assert ann.heard() == ["<bob> [31mred* ann left back"]
    bob.says(type="quit", reason="\x1b]0;title\x07")
    assert ann.heard() == ["* bob left: ]0;title"]


@pytest.mark.parametrize("name", ["ann", "ANN", "\uff41nn"])
def test_a_taken_name_is_refused_with_a_free_one(plain: Joined, chat: Chat, name: str) -> None:
    plain("ann")
    newcomer = Client(chat)
    newcomer.heard()
    (answer,) = newcomer.types(name)
    assert answer.endswith(("is taken (free: ann2)", "is taken (free: ANN2)"))
    (welcome,) = newcomer.types("ann2")
    assert welcome.startswith("* you are ann2, with 1 other (")


def test_a_program_is_told_a_free_name(program: Joined, chat: Chat) -> None:
    program("ann")
    (answer,) = Client(chat).says(type="join", nick="ann")
    assert (answer["code"], answer["suggestion"]) == ("taken", "ann2")


def test_a_name_is_free_again_when_its_owner_is_gone(plain: Joined) -> None:
    ann, bob = plain("ann"), plain("bob")
    ann.session.closed("reset by the client")
    assert bob.heard() == ["* ann left: reset by the client"]
    assert plain("ann").wire.state == "open"


def test_nothing_is_said_before_a_nickname(chat: Chat) -> None:
    assert Client(chat).says(type="say", text="hi")[0]["code"] == "join"


def test_who_never_finds_a_name_is_shut_out(chat: Chat) -> None:
    client = Client(chat)
    for _ in range(ATTEMPTS):
        client.types("a b")
    assert client.wire.state == "finished"
    assert client.types("ann") == []


def test_half_a_line_is_not_said(plain: Joined) -> None:
    ann, bob = plain("ann"), plain("bob")
    ann.heard()
    bob.session.received(b"hello\nhal")
    bob.session.ended()
    assert ann.heard() == ["<bob> hello", "* bob left"]
    assert bob.heard()[-2:] == ["! the last line had no end and was dropped", "* bye"]
    assert bob.wire.state == "finished"


def test_an_over_long_line_is_dropped_and_the_next_is_said(plain: Joined) -> None:
    ann, bob = plain("ann"), plain("bob")
    ann.heard()
    bob.session.received(b"x" * 5000)
    bob.session.received(b"y" * 5000 + b"\nshort\n")
    assert bob.heard()[-1:] == ["! the line was dropped: a line has at most 4096 bytes"]
    assert ann.heard() == ["<bob> short"]


def test_a_line_without_end_is_shut_out(plain: Joined) -> None:
    ann, bob = plain("ann"), plain("bob")
    ann.heard()
    for _ in range(ENDLESS // 1000 + 2):
        bob.session.received(b"x" * 1000)
    assert bob.wire.state == "finished"
    assert ann.heard() == ["* bob left: a line without an end"]


def test_a_flood_is_dropped_and_told_once(plain: Joined, clock: Clock) -> None:
    ann, bob = plain("ann"), plain("bob")
    ann.heard()
    bob.heard()
    bob.session.received(b"hi\n" * 100)
    assert len(ann.heard()) == 39  # 40 at once, of which one was the nickname
    assert len(bob.heard()) == 1
    clock.now += 1
    bob.session.received(b"hi\n" * 10)
    assert len(ann.heard()) == 10
    bob.session.received(b"hi\n" * (PATIENCE + 1))
    assert ann.heard() == ["* bob left: flooding"]
    assert bob.wire.state == "finished"


def test_a_slow_reader_is_dropped_and_the_room_is_told(plain: Joined) -> None:
    ann, bob, slow = plain("ann"), plain("bob"), plain("slow")
    slow.wire.is_stuck = True
    lines = 0
    while slow.wire.state == "open":
        ann.session._allowance = bob.session._allowance  # nobody is held back here
        bob.session._room.say(bob.session._seat, "x" * 4000)
        lines += 1
        assert lines < 100
    assert slow.wire.state == "aborted"
    assert len(slow.wire.sent) < 256 * 1024 + 5000
    heard = ann.heard()
    assert heard[-1] == "* slow left: too slow to read"
    assert sum(line.startswith("<bob>") for line in heard) == lines
    slow.session.closed("aborted")
    assert ann.heard() == []


def test_many_slow_readers_are_dropped_in_one_go() -> None:
    chat = Chat(RoomLimits(slow=1000))
    clients = [Client(chat) for _ in range(200)]
    for number, client in enumerate(clients):
        client.types(f"c{number}")
        client.heard()
    for client in clients[:-2]:
        client.wire.is_stuck = True
    clients[-1].types("x" * 2000)
    assert [client.wire.state for client in clients].count("aborted") == 198
    assert len(chat.room) == 2


def test_a_full_room_takes_nobody(clock: Clock) -> None:
    chat = Chat(RoomLimits(clients=2), clock=clock)
    first, second, third = Client(chat), Client(chat), Client(chat)
    assert third.heard()[1:] == [
        "! the room is full: 2 clients",
        "* bye: the room is full: 2 clients",
    ]
    assert third.wire.state == "finished"
    first.types("ann")
    clock.now += 61
    fourth = Client(chat)  # the second never said a name and makes way
    assert (second.wire.state, fourth.wire.state) == ("finished", "open")
    assert fourth.types("dan")[-1].startswith("* you are dan")


def test_the_end_of_the_server_is_told(plain: Joined, program: Joined, chat: Chat) -> None:
    ann, bob, nameless = plain("ann"), program("bob"), Client(chat)
    for client in (ann, bob, nameless):
        client.heard()
    chat.stopping()
    assert ann.heard() == ["* bye: the server is ending"]
    assert bob.events() == [{"type": "bye", "reason": "the server is ending"}]
    assert nameless.heard()[-1] == "* bye: the server is ending"
    assert {each.wire.state for each in (ann, bob, nameless)} == {"finished"}
    assert Client(chat).wire.state == "finished"


CONVERSATION = (
    b'{"type":"join","nick":"bob"}\r\n{"type":"say","text":"\xc3\xa4"}\n\n[]\n'
    + b"x" * 5000
    + b'\n{"type":"who"}\n{"type":"quit"}\n{"type":"say","text":"late"}\n'
)


@given(cuts=st.lists(st.integers(1, len(CONVERSATION) - 1)))
def test_any_pieces_make_the_same_conversation(cuts: list[int]) -> None:
    def hold(edges: list[int]) -> tuple[bytes, bytes]:
        chat = Chat(now=lambda: 1.0)
        ann, bob = Client(chat), Client(chat)
        ann.types("ann")
        for begin, end in itertools.pairwise(edges):
            bob.session.received(CONVERSATION[begin:end])
        return bytes(ann.wire.sent), bytes(bob.wire.sent)

    whole = [0, len(CONVERSATION)]
    assert hold(sorted({*whole, *cuts})) == hold(whole)


_TEXT = st.text(st.characters(categories=["L", "N"]), min_size=1)
_VALUES = {"str": _TEXT, "int": st.integers(0, 1000), "float": st.floats(0, 1e9)}


@st.composite
def _events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(list(EVENTS.values())))
    fields = {
        name: draw(_VALUES.get(str(each.type), st.lists(_TEXT).map(tuple)))
        for name, each in kind.__dataclass_fields__.items()
        if name != "type"
    }
    return kind(**fields)


@given(_events())
def test_an_event_is_read_as_it_was_written(sent: Event) -> None:
    assert event(encode(sent)) == sent


@given(st.binary())
def test_no_bytes_break_the_reading(line: bytes) -> None:
    with contextlib.suppress(Malformed):
        event(line)
