"""The words of a line of ssh_config(5).

OpenSSH has two ways to take a line apart, with different quotes, and both are needed: one for
the keyword and for what follows Match, one for the values of all other keywords.
"""

from __future__ import annotations

import re

SPACE = " \t\r\n"
_DELIMITER = re.compile(r'[ \t\r\n"=]')
_QUOTES = "\"'"


def keyword(line: str) -> tuple[str, str] | None:
    """Return a line's keyword in lower case and all that follows; None for a comment."""
    word, rest = first(line.rstrip(SPACE + "\f"))
    if word == "":
        word, rest = first(rest)
    if not word or word.startswith("#"):
        return None
    return word.lower(), rest


def first(text: str) -> tuple[str | None, str]:
    """Return the word before a blank or one ``=``, and all that follows.

    The word is None where a double quote is not closed.
    """
    found = _DELIMITER.search(text)
    if not found:
        return text, ""
    at = found.start()
    if text[at] == '"':
        end = text.find('"', at + 1)
        if end < 0:
            return None, ""
        return text[:at] + text[at + 1 : end], text[end + 1 :].lstrip(SPACE)
    rest = text[at + 1 :].lstrip(SPACE)
    if text[at] != "=" and rest.startswith("="):
        rest = rest[1:].lstrip(SPACE)
    return text[:at], rest


def words(text: str) -> list[str]:
    """Return the words of a value, without their quotes, up to a ``#`` that starts one.

    Raises ValueError when a quote is not closed.
    """
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] == "#":
            break
        else:
            word, at = _word(text, at)
            found.append(word)
    return found


def _word(text: str, at: int) -> tuple[str, int]:
    """Return the word that starts at an index, and the index after it."""
    word: list[str] = []
    quote = ""
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if (
            char == "\\"
            and following
            and (following in "'\"\\" or (following == " " and not quote))
        ):
            word.append(following)
            at += 1
        elif char == quote:
            quote = ""
        elif quote:
            word.append(char)
        elif char in _QUOTES:
            quote = char
        elif char in " \t":
            break
        else:
            word.append(char)
        at += 1
    if quote:
        raise ValueError("a quote is not closed")
    return "".join(word), at
