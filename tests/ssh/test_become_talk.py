"""The conversation before a command is cut out exactly, wherever packets split it."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import CommandFailed
from wirework.inventory import Host
from wirework.secrets import Secret
from wirework.ssh.become.lines import Markers
from wirework.ssh.become.start import Job
from wirework.ssh.become.talk import Talk, armoured

MARKERS = Markers("0123456789abcdef")
PASSWORD = "correct horse"
ASKS = {"sudo": MARKERS.prompt, "su": b"Password: ", "doas": b"\rdoas (ann@box) password: "}
# What is not a marker, however much it begins like one.
NOISE = st.lists(
    st.sampled_from([b"x", b"\n", b"begin-", MARKERS.begin[:-1], MARKERS.ready[:9], b"end-01"]),
    max_size=4,
).map(b"".join)
CUTS = st.lists(st.integers(0, 200), max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places) if a < b]


class Heard:
    """A talk of ``method``, and what its sinks hear."""

    def __init__(self, method: str, *, password: str | None = PASSWORD) -> None:
        self.out = bytearray()
        self.err = bytearray()
        secret = Secret("test", lambda: password or "") if password is not None else None
        host = Host("box", "127.0.0.1", become=True, become_method=method, become_password=secret)
        job = Job(
            host=host,
            line=b"",
            stdin=b"",
            stdout=self.out.extend,
            stderr=self.err.extend,
            combine=False,
        )
        self.terminal = method == "doas"
        self.talk = Talk(job, MARKERS, terminal=self.terminal)
        self.sent: list[bytes] = []
        self.over = False

    def hear(self, data: bytes, cuts: list[int]) -> None:
        """Take a stream in pieces, and note what is sent after each."""
        for piece in pieces(data, cuts):
            take = self.talk.stdout if self.terminal else self.talk.stderr
            self.over = bool(take(piece)) or self.over
            if reply := self.talk.preface():
                self.sent.append(reply)
            if self.over:
                return  # nobody reads on


@given(method=st.sampled_from(sorted(ASKS)), before=NOISE, after=NOISE, cuts=CUTS)
def test_sinks_hear_what_the_shell_and_the_command_say_and_nothing_between(
    method: str, before: bytes, after: bytes, cuts: list[int]
) -> None:
    heard = Heard(method)
    stream = before + MARKERS.begin + b"A lecture.\n" + ASKS[method] + b"\n" + MARKERS.ready + after
    if heard.terminal:
        stream += MARKERS.end + b"7." + b"what was left running"
    heard.hear(stream, cuts)
    assert heard.talk.conclude(0 if heard.terminal else 7) == 7
    assert heard.over is heard.terminal
    assert bytes(heard.out if heard.terminal else heard.err) == before + after
    assert bytes(heard.err if heard.terminal else heard.out) == b""


@given(method=st.sampled_from(sorted(ASKS)), cuts=CUTS)
def test_the_password_is_sent_once_and_only_when_it_was_asked_for(
    method: str, cuts: list[int]
) -> None:
    asked = Heard(method)
    asked.hear(MARKERS.begin + ASKS[method], cuts)
    assert asked.sent == [PASSWORD.encode() + b"\n"]
    asked.hear(b"\n" + MARKERS.ready, cuts)
    assert asked.sent == [PASSWORD.encode() + b"\n"]
    trusted = Heard(method)
    # What asks before or after is not the one who may know it.
    trusted.hear(ASKS[method] + MARKERS.begin + MARKERS.ready + ASKS[method], cuts)
    assert trusted.sent == []


@given(method=st.sampled_from(sorted(ASKS)), cuts=CUTS)
def test_a_second_question_ends_it(method: str, cuts: list[int]) -> None:
    heard = Heard(method)
    stream = MARKERS.begin + ASKS[method] + b"\nSorry, try again.\n" + ASKS[method]
    with pytest.raises(CommandFailed, match=rf"cannot become root: {method} refused the password"):
        heard.hear(stream, [*cuts, len(MARKERS.begin + ASKS[method])])
    assert heard.sent == [PASSWORD.encode() + b"\n"]


def test_a_question_that_nobody_can_answer_ends_it() -> None:
    heard = Heard("su", password=None)
    with pytest.raises(CommandFailed, match="cannot become root: su wants a password"):
        heard.hear(MARKERS.begin + ASKS["su"], [])


@pytest.mark.parametrize(
    ("status", "said", "problem"),
    [
        (1, b"sudo: 1 incorrect password attempt\n", "sudo wants a password"),
        (1, b"", "sudo gave no reason"),
        (127, b"sh: 1: exec: sudo: not found\n", "sudo is not installed"),
        (1, b"ann is not in the sudoers file.\n", "sudo does not allow it"),
        (1, b"sudo: " + b"x" * 100_000, "x"),
    ],
)
def test_a_command_that_never_began_is_an_error(status: int, said: bytes, problem: str) -> None:
    heard = Heard("sudo")
    heard.hear(MARKERS.begin + said, [])
    with pytest.raises(CommandFailed) as caught:
        heard.talk.conclude(status)
    assert str(caught.value).startswith(f"box: cannot become root: {problem}")
    assert len(str(caught.value)) < 500
    assert bytes(heard.err) == b""


def test_a_command_line_that_is_repeated_is_not_taken_for_a_marker() -> None:
    heard = Heard("sudo")
    repeated = f"Sorry, user ann may not run 'printf %s-%s ready {MARKERS.token}' as root\n"
    heard.hear(MARKERS.begin + repeated.encode(), [])
    with pytest.raises(CommandFailed, match="sudo does not allow it"):
        heard.talk.conclude(1)


def test_a_status_that_is_none_is_not_trusted() -> None:
    heard = Heard("doas")
    heard.hear(MARKERS.begin + MARKERS.ready + MARKERS.end + b"many.", [])
    assert heard.over
    assert heard.talk.conclude(0) == 128


@given(st.lists(st.binary(max_size=70_000), max_size=5))
def test_armour_keeps_every_byte_and_says_its_end(stdin: list[bytes]) -> None:
    text = b"".join(armoured(stdin))
    assert text.endswith(b"\n.\n" if b"".join(stdin) else b".\n")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 76
    assert base64.b64decode(b"".join(lines[:-1])) == b"".join(stdin)
