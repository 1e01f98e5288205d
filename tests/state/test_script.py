"""A round as bytes: what the host is sent, and its answer however it is cut into pieces."""

from __future__ import annotations

import itertools
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.state.conftest import LocalShell
from wirework.errors import Failed
from wirework.ssh.bootstrap import bootstrap
from wirework.state.changes import Change, Payload
from wirework.state.facts import (
    Content,
    ExitStatus,
    Fact,
    Login,
    PathState,
    Sha256,
    Whoami,
)
from wirework.state.facts.accounts import Gid, Group
from wirework.state.script import OUTPUT_KEPT, Reader, Round

TOKEN = "f00dfeedf00dfeed"
MARK = f"\n{TOKEN} ".encode()

bodies = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"x",
            b"\0\xff",
            TOKEN.encode(),
            f"\n{TOKEN[:-1]}".encode(),
            b" done\n",
            b"\n done 0\n",
        ]
    ),
    max_size=6,
).map(b"".join)


def frame(words: str, body: bytes = b"") -> bytes:
    return MARK + words.encode() + b"\n" + body


def answer(banner: bytes, printed: bytes, first: bytes, second: bytes) -> bytes:
    return b"".join(
        [
            banner,
            frame("change 0", printed),
            frame("ended 0 0"),
            frame("change 1"),
            frame("ended 1 7"),
            frame("fact 0", first),
            frame("next", second),
            frame("fact 1", b"0\n"),
            frame("done"),
        ]
    )


def read(*pieces: bytes) -> Reader:
    reader = Reader(TOKEN)
    for number, piece in enumerate(pieces, 1):
        enough = reader.feed(piece)
        assert not enough or number == len(pieces)
    return reader


def has_no_mark(body: bytes) -> bool:
    return MARK not in b"\n" + body + b"\n"


@given(
    parts=st.tuples(*[bodies.filter(has_no_mark)] * 4),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_an_answer_reads_alike_however_it_is_cut(
    parts: tuple[bytes, bytes, bytes, bytes], cuts: list[int]
) -> None:
    _, printed, first, second = parts
    whole = answer(*parts)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    byte_by_byte = [whole[i : i + 1] for i in range(len(whole))]
    for reader in (read(whole), read(*pieces), read(*byte_by_byte)):
        assert reader.finished
        assert reader.ended == {0: (0, printed), 1: (7, b"")}
        assert reader.facts(0) == [first, second]
        assert reader.facts(1) == [b"0\n"]


@given(data=bodies)
def test_marks_without_the_token_are_content(data: bytes) -> None:
    forged = data.replace(TOKEN.encode(), b"0" * len(TOKEN)) + b"\n0000 done\n\nfact 0\n"
    reader = read(answer(b"", forged, forged, b""))
    assert reader.ended[0] == (0, forged)
    assert reader.facts(0)[0] == forged


def test_what_comes_after_the_end_is_nobodys_answer() -> None:
    reader = Reader(TOKEN)
    assert reader.feed(
        frame("fact 0", b"a") + frame("done") + frame("fact 0", b"b") + frame("done")
    )
    assert reader.facts(0) == [b"a"]


def test_an_answer_that_ends_early_is_not_taken_for_one() -> None:
    reader = read(frame("fact 0", b"half"))
    assert not reader.finished
    with pytest.raises(Failed, match="the host's answer ended early"):
        reader.facts(0)


def test_only_the_end_of_what_a_change_prints_is_kept_and_never_much_more_held() -> None:
    reader = Reader(TOKEN)
    reader.feed(frame("change 0"))
    printed = b"".join(f"{number:09d}\n".encode() for number in range(200_000))
    for at in range(0, len(printed), 30_000):
        reader.feed(printed[at : at + 30_000])
        assert len(reader._body) < 5 * OUTPUT_KEPT
    reader.feed(frame("ended 0 1") + frame("done"))
    assert reader.ended == {0: (1, printed[-OUTPUT_KEPT:])}


def test_a_fact_is_kept_whole() -> None:
    content = b"x" * (6 * OUTPUT_KEPT)
    assert read(frame("fact 0", content), frame("done")).facts(0) == [content]


def receive(path: str, content: bytes) -> Change:
    argv = ("ww_receive", path, str(len(content)), "00644", "", "")
    return Change(argv, says=path, payload=Payload.of_bytes(content))


def test_payloads_follow_the_script_in_the_order_of_their_changes() -> None:
    changes = [receive("a", b"1"), Change(("true",), says="nothing"), receive("b", b"2")]
    sent = Round(changes, ()).stdin(b"script")
    assert list(sent) == [b"script", b"1", b"2"]
    assert Round(changes[1:2], ()).stdin(b"script") == b"script"


def test_facts_of_one_class_are_asked_together() -> None:
    asked = [PathState("a"), Sha256("a"), PathState("b")]
    assert Round((), asked).groups() == [[PathState("a"), PathState("b")], [Sha256("a")]]


def test_the_tokens_of_a_script_are_words_for_the_shell_and_no_more(host: LocalShell) -> None:
    nasty = "a'; touch owned; ' $(touch owned) `touch owned` \n touch owned"
    script = Round([Change(("printf", "%s", nasty), says="")], ()).script(TOKEN)
    reader = run(host, script, [script])
    assert reader.ended == {0: (0, nasty.encode())}
    assert list(host.home.iterdir()) == []


def run(host: LocalShell, script: bytes, stdin: list[bytes]) -> Reader:
    reader = Reader(TOKEN)
    host.execute(bootstrap(len(script)), stdin=stdin, stdout=reader.feed, stderr=lambda _: None)
    return reader


def test_a_script_of_hundreds_of_kilobytes_leaves_its_payloads_whole(host: LocalShell) -> None:
    contents = {"a": b"\0first\n" * 20_001, "empty": b"", "b": b"last"}
    changes = [receive(name, content) for name, content in contents.items()]
    sent = Round(changes, [Sha256(f"{number:0100d}") for number in range(2500)])
    script = sent.script(TOKEN)
    assert len(script) > 250_000
    everything = b"".join(sent.stdin(script))
    # Cut where no block ends, as a network would.
    pieces = [everything[at : at + 4_093] for at in range(0, len(everything), 4_093)]
    reader = run(host, script, pieces)
    assert reader.finished
    assert reader.ended == {0: (0, b""), 1: (0, b""), 2: (0, b"")}
    assert {name: Path(host.home, name).read_bytes() for name in contents} == contents


def test_changes_after_one_that_fails_are_not_tried(host: LocalShell) -> None:
    changes = [
        Change(("touch", "one"), says=""),
        Change(("sh", "-c", "exit 5"), says=""),
        Change(("touch", "two"), says=""),
    ]
    script = Round(changes, [PathState("one")]).script(TOKEN)
    reader = run(host, script, [script])
    assert reader.finished
    assert reader.ended == {0: (0, b""), 1: (5, b"")}
    assert [path.name for path in host.home.iterdir()] == ["one"]


def test_facts_that_leave_nobody_behind_are_answered_at_once(tmp_path: Path) -> None:
    facts: list[Fact[Any]] = [PathState(str(tmp_path)), Sha256(__file__), Whoami()]
    facts += [Content(__file__), ExitStatus(("true",))]
    assert [type(fact).buffered for fact in facts] == [True, True, True, True, False]
    script = Round((), facts).script(TOKEN)
    # What is written at once to such a socket is read at once.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(10)
    process = subprocess.Popen(bootstrap(len(script)), stdin=subprocess.PIPE, stdout=theirs)
    theirs.close()
    process.communicate(script, timeout=10)
    reader, pieces = Reader(TOKEN), []
    while not reader.finished:
        pieces.append(ours.recv(1_000_000))
        assert pieces[-1], "the answer ended early"
        reader.feed(pieces[-1])
    assert reader.facts(4) == [b"0\n"]
    assert b"fact 0" in pieces[0]
    assert b"fact 3" in pieces[0]
    ours.close()


def test_one_answer_serves_all_facts_that_ask_alike() -> None:
    this = Round((), (Group("staff"), Whoami(), Gid("staff")))
    script = this.script(TOKEN).decode()
    assert script.count("getent group") == 1
    reader = read(frame("fact 0 2", b"staff:x:50:\n"), frame("fact 1", b"0 0 a:b\n"), frame("done"))
    answers = [
        type(group[0]).parse(group, reader.facts(n)) for n, group in enumerate(this.groups())
    ]
    assert answers == [[True], [Login("a", "b", is_root=True)], [50]]
