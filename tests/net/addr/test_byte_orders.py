"""Byte orders, beside struct and htons(3)."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net.addr.byte_orders import WIDTHS, byte_order

CODES = {16: "H", 32: "I", 64: "Q"}
numbers = st.sampled_from(WIDTHS).flatmap(
    lambda bits: st.tuples(st.just(bits), st.integers(0, (1 << bits) - 1))
)


@given(numbers, st.sampled_from(["little", "big"]))
def test_the_bytes_are_those_of_struct(number: tuple[int, int], machine: str) -> None:
    bits, value = number
    made = byte_order(str(value), bits=bits, machine_order=machine)
    mark = "<" if machine == "little" else ">"
    assert bytes.fromhex(made.network_bytes) == struct.pack(f">{CODES[bits]}", value)
    assert bytes.fromhex(made.machine_bytes) == struct.pack(f"{mark}{CODES[bits]}", value)
    (wrong,) = struct.unpack(f">{CODES[bits]}", bytes.fromhex(made.machine_bytes))
    assert made.swapped == wrong
    assert int(made.swapped_hex, 16) == wrong


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_swapped_is_what_this_machine_s_own_functions_make(short: int, long: int) -> None:
    assert byte_order(str(short), bits=16).swapped == socket.htons(short)
    assert byte_order(str(long), bits=32).swapped == socket.htonl(long)


@given(numbers)
def test_hex_and_decimal_are_the_same(number: tuple[int, int]) -> None:
    bits, value = number
    assert byte_order(hex(value), bits=bits) == byte_order(str(value), bits=bits)
    assert byte_order(str(value)).value == value


@pytest.mark.parametrize(
    ("text", "bits"), [("0", 16), ("65535", 16), ("65536", 32), ("0x100000000", 64), ("00080", 16)]
)
def test_the_narrowest_width_is_taken(text: str, bits: int) -> None:
    assert byte_order(text).bits == bits


@pytest.mark.parametrize(
    ("text", "bits", "complaint"),
    [
        ("65536", 16, "does not fit into 16 bits (65535 at most)"),
        ("18446744073709551616", 0, "does not fit into 64 bits"),
        ("9" * 5000, 0, "does not fit into 64 bits"),
        ("-1", 0, "is negative"),
        ("1.5", 0, "is no whole number"),
        ("1f90", 0, "is no whole number"),
        ("0x", 0, "is no whole number"),
        ("", 0, "is no whole number"),
        ("\u0661", 0, "is no whole number"),
        ("1", 24, "no integers of 24 bits (16, 32 or 64)"),
    ],
)
def test_what_cannot_be_shown_is_told(text: str, bits: int, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        byte_order(text, bits=bits)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        byte_order(text)
