"""What an unquoted scalar means."""

from __future__ import annotations

import re

_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{form: True for word in ("yes", "true", "on") for form in (word, word.title(), word.upper())},
    **{
        form: False
        for word in ("no", "false", "off")
        for form in (word, word.title(), word.upper())
    },
}


def plain(text: str) -> str | float | bool | None:
    """Return what an unquoted scalar means in YAML 1.1, dates and sexagesimals left as text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    try:
        if _INT.fullmatch(text):
            body = digits.lstrip("+-")
            bases = {"0b": 2, "0x": 16}
            octal = 8 if len(body) > 1 and body[0] == "0" else 10
            return int(digits, bases.get(body[:2], octal))
        if _FLOAT.fullmatch(text):
            return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        pass  # "0x_", or more digits than Python reads as one number: text, then
    return text
