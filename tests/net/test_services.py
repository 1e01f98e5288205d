from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import ArgumentError
from wirework.net.services import MOST_LINE, SERVICES, Daytime, Discard, Line, service
from wirework.serving import Peer, Session


class Paper:
    """A wire that keeps what is written."""

    def __init__(self) -> None:
        self.peer, self.pending = Peer("192.0.2.1", 1), 0
        self.written, self.finished = b"", False

    def write(self, data: bytes) -> None:
        assert not self.finished
        self.written += data

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        raise AssertionError


def told(session: Session, *pieces: bytes) -> Paper:
    """Let a session receive pieces until it finishes, and end."""
    paper = Paper()
    session.opened(paper)
    for piece in pieces:
        if not paper.finished:
            session.received(piece)
    if not paper.finished:
        session.ended()
    return paper


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_lines_do_not_depend_on_the_pieces_they_come_in(data: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(ends)]
    assert told(Line(most=40), *pieces).written == told(Line(most=40), data).written


def test_a_line_goes_back_when_it_is_whole_and_the_last_one_without_an_end() -> None:
    paper, session = Paper(), Line()
    session.opened(paper)
    session.received(b"one\r\ntw")
    assert paper.written == b"one\r\n"
    session.received(b"o\nthree")
    session.ended()
    assert paper.written == b"one\r\ntwo\nthree"
    assert paper.finished


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_that_is_too_long_is_refused_and_what_came_before_is_not(end: bytes) -> None:
    paper = told(Line(), b"fine\n" + b"x" * MOST_LINE + end)
    assert paper.written == b"fine\nerror: a line has at most 8192 bytes\n"
    assert paper.finished


def test_a_line_of_just_the_most_bytes_is_fine() -> None:
    line = b"x" * (MOST_LINE - 1) + b"\n"
    assert told(Line(), line).written == line


def test_discard_says_nothing() -> None:
    assert told(Discard(), b"anything").written == b""


def test_daytime_tells_the_time_in_a_line_and_ends() -> None:
    paper = told(Daytime())
    assert paper.finished
    text = paper.written.decode("ascii")
    assert text.endswith("-UTC\r\n")
    time = datetime.strptime(text.strip(), "%A, %B %d, %Y %H:%M:%S-UTC").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - time).total_seconds()) < 60


def test_services_are_found_by_name_and_an_unknown_one_lists_them() -> None:
    assert [service(each.name) for each in SERVICES] == list(SERVICES)
    with pytest.raises(ArgumentError) as caught:
        service("ecko")
    assert caught.value.hint == "one of echo, line, discard, daytime"
