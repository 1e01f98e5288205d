"""One address in all its spellings: read in any of them, written in each."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from wirework.errors import BadInput
from wirework.net.addr.special import IPAddress, use_of

V4, V6 = 4, 6
MOST_TEXT = 128
"""The longest spelling is a reverse pointer's, of 73 characters."""
MOST_AT_ONCE = 10_000
MOST_SHOWN = 64
"""Characters of what was given that an error repeats."""

_V4_BITS, _V6_BITS = 32, 128
_V4_HEX_DIGITS = 8
_V4_PARTS = 4
_POINTER = re.compile(r"(?P<labels>[0-9a-f.]+)\.(?P<tree>in-addr|ip6)\.arpa\.?", re.IGNORECASE)
_MAPPED = 0xFFFF << 32
"""::ffff:0:0, before which IPv4 addresses are put; RFC 4291, 2.5.5.2."""


class Spelling(StrEnum):
    """How an address was written."""

    USUAL = "usual"
    INTEGER = "integer"
    HEX = "hex"
    POINTER = "reverse pointer"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Read:
    """An address as it was read; ``zone`` is the part after % (RFC 4007), "" for none."""

    address: IPAddress
    zone: str
    spelling: Spelling


@dataclass(frozen=True, slots=True)
class Converted:
    """One address in all its spellings.

    ``packed`` is its bytes in network order, in hex. ``mapped`` is an IPv4 address as IPv6 has
    it, ``ipv4`` the IPv4 address within an IPv6 one (mapped, NAT64, 6to4), "" where there is
    none. ``purpose`` is what IANA's registries say of it, ``registered`` the RFC. ``warning``
    tells of a spelling that others read in another way.
    """

    given: str
    version: int
    spelling: Spelling
    compressed: str
    expanded: str
    integer: int
    packed: str
    reverse_pointer: str
    mapped: str
    ipv4: str
    zone: str
    purpose: str
    registered: str
    warning: str


@dataclass(frozen=True, slots=True)
class Conversions:
    """Several addresses, as they were given."""

    addresses: tuple[Converted, ...]


def convert(text: str, *, version: int = 0) -> Converted:
    """Return an address in all its spellings; ``version`` says what a number stands for.

    Without a version a number is of IPv4 where it fits. Raises BadInput for what is no address.
    """
    given = text.strip()
    found = read(given, version=version)
    address = found.address
    use = use_of(address)
    zone = f"%{found.zone}" if found.zone else ""
    bits = _V4_BITS if address.version == V4 else _V6_BITS
    return Converted(
        given=given,
        version=address.version,
        spelling=found.spelling,
        compressed=f"{_written(address)}{zone}",
        expanded=f"{address.exploded}{zone}",
        integer=int(address),
        packed=f"{int(address):0{bits // 4}x}",
        reverse_pointer=address.reverse_pointer,
        mapped=f"::ffff:{address}" if address.version == V4 else "",
        ipv4=_within(address),
        zone=found.zone,
        purpose=use.purpose,
        registered=use.source,
        warning=_warning(found),
    )


def convert_all(texts: str, *, version: int = 0) -> Converted | Conversions:
    """Convert addresses separated by commas: one, or several together."""
    done = tuple(convert(each, version=version) for each in listed(texts, "ADDRESS"))
    return done[0] if len(done) == 1 else Conversions(done)


def listed(texts: str, what: str) -> list[str]:
    """Return what commas separate; raises BadInput for none, empty ones and too many."""
    parts = [part.strip() for part in texts.split(",")]
    if not all(parts):
        message = "one of them is empty" if any(parts) else f"no {what.lower()} is given"
        raise BadInput(message, where=what)
    if len(parts) > MOST_AT_ONCE:
        raise BadInput(f"{len(parts)} at once are too many", where=what, hint="10,000 at most")
    return parts


def shown(text: str) -> str:
    """Return what somebody gave as an error may repeat it: short, without control characters."""
    short = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
    return ascii(short)[1:-1]


def read(text: str, *, version: int = 0) -> Read:
    """Read an address in any spelling; raises BadInput, that says what is wrong with it."""
    if version not in (0, V4, V6):
        raise BadInput(f"there is no version {version} of IP", where="--version", hint="4 or 6")
    if not text or len(text) > MOST_TEXT or not text.isascii() or not text.isprintable():
        raise _bad(text)
    if text.startswith("[") and text.endswith("]") and ":" in text:
        text = text[1:-1]
    found = _read(text, version)
    if version and found.address.version != version:
        raise BadInput(f"is an address of IPv{found.address.version}", where=text)
    return found


def _read(text: str, version: int) -> Read:
    if pointer := _POINTER.fullmatch(text):
        return Read(_of_pointer(text, pointer), "", Spelling.POINTER)
    if ":" in text:
        return _read_v6(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        fits = len(text) - 2 <= _V4_HEX_DIGITS
        return Read(_number(text, int(text, 16), version or (V4 if fits else V6)), "", Spelling.HEX)
    if re.fullmatch(r"0|[1-9][0-9]*", text):
        number = int(text)
        chosen = version or (V4 if number < 1 << _V4_BITS else V6)
        return Read(_number(text, number, chosen), "", Spelling.INTEGER)
    return _read_v4(text)


def _read_v6(text: str) -> Read:
    plain, percent, zone = text.partition("%")
    if percent and (not zone or re.search(r"[%/\s]", zone)):
        raise BadInput(f"{zone!r} is no zone", where=text, hint="an interface, as in fe80::1%eth0")
    try:
        return Read(ipaddress.IPv6Address(plain), zone, Spelling.USUAL)
    except ValueError as error:
        # ipaddress ends with the whole text, which stands in front of ours.
        reason = str(error).removesuffix(f" in {plain!r}")
        reason = f"{reason[:1].lower()}{reason[1:]}"
        raise BadInput(f"is no address of IPv6: {reason}", where=text) from None


def _read_v4(text: str) -> Read:
    """Read what dots separate, as inet_aton(3) does: up to four parts, the last fills the rest."""
    parts = text.split(".")
    numeral = r"[0-9]+|0[xX][0-9a-zA-Z]*" if len(parts) == 1 else r"[0-9].*"
    if not all(re.fullmatch(numeral, part) for part in parts if part):
        raise _bad(text)
    if len(parts) > _V4_PARTS:
        raise BadInput(f"has {len(parts)} parts", where=text, hint="IPv4 has four at most")
    value = 0
    for place, part in enumerate(parts, 1):
        room = 8 * (_V4_PARTS - len(parts) + 1) if place == len(parts) else 8
        value = value << room | _part(text, place, part, room)
    usual = len(parts) == _V4_PARTS and all(re.fullmatch(r"0|[1-9]\d*", part) for part in parts)
    spelling = Spelling.USUAL if usual else Spelling.LEGACY
    return Read(ipaddress.IPv4Address(value), "", spelling)


def _part(text: str, place: int, part: str, bits: int) -> int:
    """Return what one part between dots is worth: 0x is hex, a leading 0 octal."""
    name = f"octet {place}"
    if not part:
        raise BadInput(f"{name} is empty", where=text)
    try:
        if part[:2] in ("0x", "0X"):
            value = int(part, 0) if part[2:].isalnum() else -1
        else:
            value = int(part, 8 if part.startswith("0") else 10) if part.isdigit() else -1
    except ValueError:
        value = -1
    if value < 0:
        octal = part.isdigit() and part.startswith("0")
        hint = "a leading 0 means octal, whose digits end at 7" if octal else ""
        raise BadInput(f"{name} is {part!r}, which is no number", where=text, hint=hint)
    if value >= 1 << bits:
        told = part if part == str(value) else f"{part} ({value})"
        raise BadInput(f"{name} is {told}", where=text, hint=f"{(1 << bits) - 1} at most")
    return value


def _number(text: str, number: int, version: int) -> IPAddress:
    bits = _V4_BITS if version == V4 else _V6_BITS
    if number >= 1 << bits:
        hint = "--version 6 reads it as IPv6" if number < 1 << _V6_BITS else ""
        raise BadInput(f"is more than {bits} bits of IPv{version} hold", where=text, hint=hint)
    return ipaddress.IPv4Address(number) if version == V4 else ipaddress.IPv6Address(number)


def _of_pointer(text: str, pointer: re.Match[str]) -> IPAddress:
    """Return the address of a name below in-addr.arpa or ip6.arpa; RFC 1035, 3.5, RFC 3596, 2.5."""
    labels = pointer["labels"].split(".")[::-1]
    try:
        if pointer["tree"].lower() == "in-addr":
            return ipaddress.IPv4Address(".".join(labels))
        if all(len(label) == 1 for label in labels) and len(labels) == _V6_BITS // 4:
            return ipaddress.IPv6Address(int("".join(labels), 16))
    except ValueError:
        pass
    raise BadInput("is no reverse pointer of a whole address", where=text)


def _written(address: IPAddress) -> str:
    """Return an address as RFC 5952 writes it: the mapped ones with their dots (section 5)."""
    mapped = getattr(address, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped else address.compressed


def _within(address: IPAddress) -> str:
    """Return the IPv4 address that an IPv6 address is made of, "" for none."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ""
    if int(address) >> _V4_BITS == _MAPPED >> _V4_BITS or use_of(address).purpose == "NAT64":
        return str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return str(address.sixtofour or "")


def _warning(found: Read) -> str:
    if found.spelling is not Spelling.LEGACY:
        return ""
    return "a legacy spelling of inet_aton(3): others refuse it, or read a leading 0 as decimal"


def _bad(text: str) -> BadInput:
    hint = "like 192.0.2.1, 2001:db8::1, 3221225985 or 0xc0000201"
    if re.fullmatch(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{32}", text):
        hint = f"for packed hex write 0x{text}"
    return BadInput("is no address", where=shown(text) or "ADDRESS", hint=hint)
