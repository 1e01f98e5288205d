"""An integer's bytes in this machine's order and the network's, and what mixing them up makes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from wirework.errors import BadInput
from wirework.net.addr.spellings import shown

WIDTHS = (16, 32, 64)
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class ByteOrder:
    """An integer and its bytes, in hex, in both orders.

    ``machine_order`` is little or big. ``swapped`` is the number that the bytes of one order make
    when they are read in the other: what htons(3) and htonl(3) return here, the number itself
    where this machine's order is the network's.
    """

    value: int
    hex: str
    bits: int
    machine_order: str
    machine_bytes: str
    network_bytes: str
    swapped: int
    swapped_hex: str


def byte_order(text: str, *, bits: int = 0, machine_order: str = sys.byteorder) -> ByteOrder:
    """Return an unsigned integer's bytes; ``bits`` 0 takes the narrowest width that holds it.

    ``text`` is decimal, or hex with 0x. Raises BadInput for another, and when it does not fit.
    """
    if bits not in (0, *WIDTHS):
        raise BadInput(f"there are no integers of {bits} bits", where="--bits", hint="16, 32 or 64")
    value = _value(text.strip())
    width = bits or next((each for each in WIDTHS if value < 1 << each), 0)
    if not width or value >= 1 << width:
        most = width or WIDTHS[-1]
        raise BadInput(
            f"does not fit into {most} bits", where=shown(text), hint=f"{(1 << most) - 1} at most"
        )
    network = value.to_bytes(width // 8, "big")
    machine = network if machine_order == "big" else network[::-1]
    swapped = int.from_bytes(machine, "big")
    return ByteOrder(
        value=value,
        hex=f"0x{value:0{width // 4}x}",
        bits=width,
        machine_order=machine_order,
        machine_bytes=machine.hex(" "),
        network_bytes=network.hex(" "),
        swapped=swapped,
        swapped_hex=f"0x{swapped:0{width // 4}x}",
    )


def _value(text: str) -> int:
    if re.fullmatch(r"-\d+", text, re.ASCII):
        raise BadInput(
            "is negative", where=shown(text), hint="byte orders are shown of unsigned integers"
        )
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        digits, base = text[2:].lstrip("0") or "0", 16
    elif re.fullmatch(r"\d+", text, re.ASCII):
        digits, base = text.lstrip("0") or "0", 10
    else:
        raise BadInput(
            "is no whole number", where=shown(text) or "VALUE", hint="like 8080 or 0x1f90"
        )
    # A number of so many digits fits nowhere, however many more there are.
    return int(digits[: _MOST_DIGITS + 1], base)
