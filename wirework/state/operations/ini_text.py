"""An ini file's lines: options are set and taken away, all other bytes stay."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wirework.errors import Refused

_SECTION = re.compile(r"\s*\[(?P<name>[^]]*)\]")
_OPTION = re.compile(
    r"(?P<indent>\s*)(?P<name>[^\s=:#;\[][^=:]*)(?P<equals>[=:][ \t]*)(?P<value>.*)", re.DOTALL
)
_COMMENT = re.compile(r"\s*[#;]")
EQUALS = " = "


@dataclass(frozen=True)
class _Option:
    """An option's place: lines ``first`` up to ``last``, those of a longer value included."""

    name: str
    first: int
    last: int
    indent: str
    equals: str
    value: str


@dataclass
class IniText:
    """The lines of a file; ``end`` is what stands before the line end of a new one."""

    lines: list[str]
    end: str

    @classmethod
    def read(cls, content: bytes) -> IniText:
        """Cut a file into lines; bytes that are not UTF-8 stay as they are."""
        lines = content.decode("utf-8", "surrogateescape").split("\n")
        if not lines[-1]:
            lines.pop()
        return cls(lines, "\r" if lines and lines[0].endswith("\r") else "")

    def content(self) -> bytes:
        """Return the file."""
        return "".join(line + "\n" for line in self.lines).encode("utf-8", "surrogateescape")

    def set(self, section: str, option: str, value: str) -> bool:
        """Give an option its value; return whether that changed anything."""
        found = [each for each in self._options(section) if each.name == option]
        if len(found) > 1:
            raise Refused(
                f"{option} stands {len(found)} times in [{section}]",
                hint="a line or block step can tell them apart",
            )
        if found:
            (old,) = found
            if (old.value, old.first) == (value, old.last):
                return False
            equals = old.equals
            if not old.value and equals[0] in " \t" and equals[-1] in "=:":
                equals += " "  # nothing stood behind it: "x =" becomes "x = 1"
            line = self._line(old.indent, option, equals, value)
            self.lines[old.first : old.last + 1] = [line]
            return True
        options = self._options(section)
        like = [each for each in (*self._options(None), *options) if each.value]
        equals = like[-1].equals if like else EQUALS
        indent = options[-1].indent if options else ""
        self.lines.insert(self._end_of(section), self._line(indent, option, equals, value))
        return True

    def add_section(self, section: str) -> bool:
        """Have a section; return whether it had to be added."""
        if section in self._names():
            return False
        self._end_of(section)
        return True

    def remove(self, section: str, option: str) -> bool:
        """Take an option away wherever it stands in the section, or the whole section."""
        if option:
            places = [(o.first, o.last + 1) for o in self._options(section) if o.name == option]
        else:
            places = [(s, self._above_heading(s, e)) for s, e in self._spans(section)]
        gone = {index for first, end in places for index in range(first, end)}
        self.lines = [line for index, line in enumerate(self.lines) if index not in gone]
        return bool(gone)

    def _line(self, indent: str, option: str, equals: str, value: str) -> str:
        return f"{indent}{option}{equals if value else equals.rstrip()}{value}{self.end}"

    def _names(self) -> list[str]:
        found = (_SECTION.match(line) for line in self.lines)
        return ["", *(each["name"] for each in found if each)]

    def _spans(self, section: str | None) -> list[tuple[int, int]]:
        """Return where a section's lines are, its heading included, or those of all sections."""
        headings = [
            (index, found["name"])
            for index, line in enumerate(self.lines)
            if (found := _SECTION.match(line))
        ]
        starts = [(0, ""), *headings]
        ends = [*(index for index, _ in headings), len(self.lines)]
        return [
            (start, end)
            for (start, name), end in zip(starts, ends, strict=True)
            if section in (None, name)
        ]

    def _end_of(self, section: str) -> int:
        """Return the line that a new option goes to; the section is made where it is missing."""
        spans = self._spans(section)
        if not spans:
            if self.lines and self.lines[-1].strip():
                self.lines.append(self.end)
            self.lines.append(f"[{section}]{self.end}")
            return len(self.lines)
        first, at = spans[0]
        at = self._above_heading(first, at)
        while at > first and not self.lines[at - 1].strip():
            at -= 1
        return at

    def _above_heading(self, first: int, end: int) -> int:
        """Return where a section ends: comments right above a heading belong to that one."""
        if end == len(self.lines):
            return end
        while end > first and _COMMENT.match(self.lines[end - 1]):
            end -= 1
        return end

    def _options(self, section: str | None) -> list[_Option]:
        options: list[_Option] = []
        for first, end in self._spans(section):
            index = first
            while index < end:
                found = _OPTION.fullmatch(self.lines[index])
                if not found or _COMMENT.match(self.lines[index]):
                    index += 1
                    continue
                last = index
                # A value goes on in lines that are indented deeper than its option.
                while last + 1 < end and self._goes_on(last + 1, found["indent"]):
                    last += 1
                name = found["name"].rstrip()
                equals = found["name"][len(name) :] + found["equals"]
                value = found["value"].rstrip()
                options.append(_Option(name, index, last, found["indent"], equals, value))
                index = last + 1
        return options

    def _goes_on(self, index: int, indent: str) -> bool:
        line = self.lines[index]
        deeper = line[: len(line) - len(line.lstrip())]
        return bool(
            line.strip()
            and not _COMMENT.match(line)
            and deeper.startswith(indent)
            and deeper != indent
        )
