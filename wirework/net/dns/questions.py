"""What can be asked of the DNS: names, addresses, types; all else is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.reversename

from wirework.errors import BadInput
from wirework.net.endpoints import is_address

ALL = ("A", "AAAA", "CNAME", "MX", "NS", "SOA", "TXT", "SRV", "CAA", "PTR")
"""What ``all`` asks for, one by one: most servers answer little to ANY (RFC 8482)."""

OF_A_NAME = ("A", "AAAA")
MOST_TYPES = 32

_WHERE = "HOST"
_IDNA = dns.name.IDNA_2008_UTS_46


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about one name; ``address`` is what was given when that was an address."""

    name: dns.name.Name
    types: tuple[str, ...]
    address: str = ""

    @property
    def ascii(self) -> str:
        """The name as it travels, without the last dot."""
        return bare(self.name)

    @property
    def unicode(self) -> str:
        """The name as people read it; the ASCII one where that is no valid IDN."""
        try:
            return self.name.to_unicode(omit_final_dot=True, idna_codec=dns.name.IDNA_2008_Strict)
        except (dns.exception.DNSException, UnicodeError):
            return self.ascii


def question(host: str, types: str) -> Question:
    """Read a name or address, and types separated by commas.

    Without types a name is asked for its addresses, and an address for its names. Raises
    BadInput.
    """
    if is_address(host):
        if types.upper() not in ("", "PTR"):
            hint = "leave --type out, or give a name"
            raise BadInput(f"an address has PTR records, not {types}", where="--type", hint=hint)
        name = dns.reversename.from_address(host.partition("%")[0])
        return Question(name=name, types=("PTR",), address=host)
    return Question(name=name_of(host), types=_types(types))


def name_of(text: str) -> dns.name.Name:
    """Read a name, in Unicode or ASCII, as an absolute one; raises BadInput (RFC 1035, 2.3.4)."""
    if not text:
        raise BadInput("the name is empty", where=_WHERE)
    if "://" in text or ":" in text:
        hint = "only the host, as in www.example.org" if "/" in text else ""
        raise BadInput(f"{text!r} is neither a name nor an address", where=_WHERE, hint=hint)
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise BadInput(f"{text!r} has blanks or control characters", where=_WHERE)
    if re.search(r"(^|\.)(0x[0-9a-fA-F]*|[0-9]+)\.?$", text):
        hint = "an address has four numbers, each up to 255"
        raise BadInput(f"{text!r} ends as an address does, but is none", where=_WHERE, hint=hint)
    try:
        return dns.name.from_text(text, idna_codec=_IDNA)
    except dns.name.EmptyLabel:
        told = "has an empty label: two dots in a row, or one in front"
    except dns.name.LabelTooLong:
        told = "has a label of more than 63 bytes"
    except dns.name.NameTooLong:
        told = "is longer than the 255 bytes of a name"
    except dns.name.IDNAException as error:
        told = f"cannot be an internationalised name: {getattr(error, 'idna_exception', error)}"
    except (dns.exception.DNSException, UnicodeError) as error:
        told = f"is no name: {error}"
    raise BadInput(f"{_short(text)!r} {told}", where=_WHERE)


def bare(name: dns.name.Name) -> str:
    """Return a name without its last dot, but for the root."""
    return name.to_text(omit_final_dot=True)


def _types(text: str) -> tuple[str, ...]:
    if not text:
        return OF_A_NAME
    found: list[str] = []
    for word in (part.strip().upper() for part in text.split(",")):
        found += ALL if word == "ALL" else [_type(word)]
    types = tuple(dict.fromkeys(found))
    if len(types) > MOST_TYPES:
        raise BadInput(f"{len(types)} types are more than {MOST_TYPES}", where="--type")
    return types


def _type(word: str) -> str:
    """Return a type's name as dnspython writes it; types that are no records are refused."""
    hint = f"{', '.join(ALL)}, or all of these: all"
    try:
        number = dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        raise BadInput(f"{word!r} is no record type", where="--type", hint=hint) from None
    if dns.rdatatype.is_metatype(number) or number == dns.rdatatype.NONE:
        raise BadInput(f"{word} is no type of a record", where="--type", hint=hint)
    return dns.rdatatype.to_text(number)


def _short(text: str) -> str:
    return text if len(text) < 80 else f"{text[:60]}…"  # noqa: PLR2004
