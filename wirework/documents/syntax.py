"""What a syntax error of YAML is in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.errors import DocumentError

if TYPE_CHECKING:
    import yaml

_AT_START = {
    "end of stream": ("a quote is opened here and never closed", ""),
    "',' or ']'": ("the '[' opened here is not closed where it should be", ""),
    "',' or '}'": ("the '{' opened here is not closed where it should be", ""),
}
_AT_PROBLEM = {
    "mapping values are not allowed": (
        "there is a ':' where no key can stand",
        "check the indentation, and quote a value that holds ': '",
    ),
    "unexpected ':'": ("there is a ':' with no space after it", ""),
    "expected key": ("this line does not fit those above it", "check the indentation"),
    "<block end>": ("this line does not fit those above it", "check the indentation"),
    "'-' indicator": ("a '- ' item or the end of the list is expected", "check the indentation"),
    "could not find expected ':'": ("this key has no ':' after it", ""),
    "entries are not allowed": ("a '- ' item cannot start here", "put it on a line of its own"),
    "node content": ("a value is expected here", ""),
    "unknown escape": (
        "there is an unknown \\ escape in this double-quoted text",
        "use single quotes, or \\\\ for a backslash",
    ),
    "cannot start any token": ("a value cannot start with this character", "quote the value"),
}


def plainly(error: yaml.MarkedYAMLError, text: str, name: str) -> DocumentError:
    """Say a syntax error in plain words; PyYAML's two parsers word theirs differently."""
    problem = str(error.problem)
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    at = min(mark.line, len(lines) - 1) if mark else 0
    start = error.context_mark.line if error.context_mark else at
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    if "\t" in indent:
        return DocumentError(
            "a tab is used for indentation", where=f"{name}:{at + 1}", hint="use spaces"
        )
    for table, line in ((_AT_START, start), (_AT_PROBLEM, at)):
        for words, (message, hint) in table.items():
            if words in problem:
                return DocumentError(message, where=f"{name}:{line + 1}", hint=hint)
    return DocumentError(problem, where=f"{name}:{at + 1}")
