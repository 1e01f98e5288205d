"""A YAML file's text: one value is set or taken away, all other characters stay (YAML 1.1, 1.2).

What an edit made is read again and compared with what was wished: a wrong one is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wirework.errors import Refused
from wirework.state.operations.yaml_form import Form
from wirework.state.operations.yaml_nodes import Node, is_gone, is_right, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN = re.compile(r"(?:[ \t\r\n]+|(?<![^ \t\r\n])#[^\n]*)*")
_ODD_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_BOM = "\ufeff"


@dataclass(frozen=True)
class YamlText:
    """The text of a file that holds one YAML document."""

    text: str
    root: Node | None
    nl: str
    bom: str = ""

    @classmethod
    def read(cls, content: bytes) -> YamlText:
        """Take a file; Refused when it is no YAML, or more than one document."""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("the file is no YAML: it is not UTF-8") from error
        bom = _BOM if text.startswith(_BOM) else ""
        text = text.removeprefix(_BOM)
        if _ODD_BREAKS.search(text):
            raise Refused("the file has line ends that are neither of Unix nor of Windows")
        nl = "\r\n" if re.match("[^\n]*\r\n", text) else "\n"
        return cls(text, read(text), nl, bom)

    def content(self) -> bytes:
        """Return the file."""
        return (self.bom + self.text).encode("utf-8")

    def set(self, key: tuple[str, ...], value: object) -> YamlText:
        """Return the text with the value at the key; missing mappings on the way are made."""
        if self.root is None or self.root.is_empty:
            return self._checked(self._started(_nested(key, value)), key, value)
        node, above, way = self.root, "", [(self.root, 0)]
        for depth, word in enumerate(key):
            rest = key[depth + 1 :]
            index = node.find(word, above)
            name = _join(above, word)
            if index is None:
                if rest and node.inherits(word):
                    raise Refused(f"{name} comes from what {above or 'the whole'} merges")
                self._refuse_shared([each for each, _ in way], key)
                new = self._added(way, above, word, _nested(rest, value))
                return self._checked(new, key, value)
            way[-1] = node, index
            inner = node.members[index][1]
            if rest and inner.is_empty:
                self._refuse_shared([each for each, _ in way], key)
                return self._checked(self._replaced(node, index, _nested(rest, value)), key, value)
            node, above = inner, name
            way.append((node, 0))
        if node.says(value):
            return self
        self._refuse_shared([*(each for each, _ in way), *node.each()], key)
        return self._checked(self._replaced(*way[-2], value), key, value)

    def remove(self, key: tuple[str, ...]) -> YamlText:
        """Return the text without what is at the key."""
        if self.root is None:
            return self
        node, above = self.root, ""
        way: list[tuple[Node, int]] = []
        for word in key:
            if node.is_empty:
                return self
            index = node.find(word, above)
            name = _join(above, word)
            if node.inherits(word):
                raise Refused(f"{name} comes from what {above or 'the whole'} merges")
            if index is None:
                return self
            way.append((node, index))
            node, above = node.members[index][1], name
        self._refuse_shared([*(each for each, _ in way), *node.each()], key)
        made = self._read_again(self._without(way), key)
        if not is_gone(self.root, made.root, key):
            raise _cannot(key)
        return made

    def _checked(self, new: str, key: tuple[str, ...], value: object) -> YamlText:
        made = self._read_again(new, key)
        if not is_right(self.root, made.root, key, value):
            raise _cannot(key)
        return made

    def _read_again(self, new: str, key: tuple[str, ...]) -> YamlText:
        try:
            return replace(YamlText.read(new.encode("utf-8")), nl=self.nl, bom=self.bom)
        except (Refused, UnicodeEncodeError) as error:
            raise _cannot(key) from error

    def _refuse_shared(self, nodes: Sequence[Node], key: tuple[str, ...]) -> None:
        """Refuse to change what an alias elsewhere means too."""
        anchors = {node.anchor for node in nodes if node.anchor is not None}
        used = {each.text for each in (self.root.each() if self.root else ()) if each.meant}
        if shared := sorted(anchors & used):
            raise Refused(
                f"{'.'.join(key)} is shared: the alias *{shared[0]} means it, too",
                hint="a change here would be one there",
            )

    def _started(self, value: object) -> str:
        """Return a text that said nothing with a value below its comments."""
        _, lines = Form().block(value, 0)
        gap = self.nl if self.text and not self.text.endswith("\n") else ""
        return f"{self.text}{gap}{self.nl.join(lines)}{self.nl}"

    def _replaced(self, parent: Node, index: int, value: object) -> str:
        key, node = parent.members[index]
        form = self._form(parent, node, value)
        if not parent.is_block:
            if not node.is_empty:
                return self._spliced(node.start, node.end, form.flow(value))
            at = self._after(key.end) if key else node.start
            if self.text[at] == ":":
                return self._spliced(at + 1, at + 1, f" {form.flow(value)}")
            return self._spliced(at, at, f": {form.flow(value)}")
        at = self._behind(parent, index)
        start, end = (at, at) if node.is_empty else (node.start, self._end(node))
        column = self._column(key.start if key else at - 1)
        below = form.below(value, column) if key else column + 2
        line_end = self._line_end(end)
        if "\n" in self.text[at:start]:
            return self._replaced_below(at, node, form, value, below)
        if node.is_block or not self.text[end:line_end].strip():
            end = line_end
        head, lines = form.block(value, below)
        if not lines:
            return self._spliced(start, end, head if start > at else f" {head}")
        comment = self.text[end:line_end].rstrip()
        body = self.nl.join(lines)
        if not key and not head and not comment:
            return self._spliced(at, line_end, f" {body[below:]}")
        head = f" {head}" if head else ""
        return self._spliced(at, line_end, f"{head}{comment}{self.nl}{body}")

    def _replaced_below(self, at: int, node: Node, form: Form, value: object, below: int) -> str:
        """Return the text with another value for one that stands in lines of its own."""
        first, last = self._line_start(node.start), self._line_end(self._end(node))
        kind = "list" if isinstance(value, list) else "map"
        if node.is_block and node.kind == kind and node.anchor is None and node.tag is None:
            below = self._column(node.start)
        if isinstance(value, dict | list) and value:
            return self._spliced(first, last, self.nl.join(form.block(value, below)[1]))
        # Comments stand between: they would be part of a text that is written as lines.
        rest = self.text[last:].removeprefix("\r").removeprefix("\n")
        return f"{self.text[:at]} {form.scalar_or_flow(value)}{self.text[at:first]}{rest}"

    def _added(self, way: list[tuple[Node, int]], above: str, word: str, value: object) -> str:
        node = way[-1][0]
        if node.kind == "list":
            count = len(node.members)
            hint = f"its members are 0 to {count - 1}" if count else "it is empty"
            raise Refused(f"{above or 'the whole'} is a list without a member {word!r}", hint=hint)
        form = self._form(node, None, None)
        if node.is_block:
            key = node.members[0][0]
            at = self._line_end(self._end(node))
            lines = form.member(f"{form.text(word)}:", value, self._column(key.start if key else 0))
            return self._spliced(at, at, "".join(f"{self.nl}{line}" for line in lines))
        if node.members:
            return self._added_in_brackets(node, f"{form.text(word)}: {form.flow(value)}")
        if not self.text[self.text.index("{", node.start) + 1 : node.end - 1].strip():
            if len(way) == 1 and form.quote == "":
                _, lines = form.block({word: value}, 0)
                return self._spliced(node.start, node.end, self.nl.join(lines))
            if len(way) > 1 and way[-2][0].is_block and not (node.anchor or node.tag):
                return self._replaced(*way[-2], {word: value})
        at = node.end - 1
        return self._spliced(at, at, f"{form.text(word)}: {form.flow(value)}")

    def _added_in_brackets(self, node: Node, member: str) -> str:
        start = self._start(node, -1)
        end = self._flow_end(node, -1)
        comma = self._after(end)
        trailing = self.text[comma] == ","
        if trailing:
            end = comma + 1
        before = self.text[self._line_start(start) : start]
        if before.strip() or "\n" not in self.text[node.start : start]:
            return self._spliced(end, end, f" {member}," if trailing else f", {member}")
        line_end = self._line_end(end)
        rest = self.text[end:line_end]
        at = line_end if not rest.strip() or rest.lstrip().startswith("#") else end
        if trailing:
            return self._spliced(at, at, f"{self.nl}{before}{member},")
        between = self.text[end:at]
        return self._spliced(end, at, f",{between}{self.nl}{before}{member}")

    def _without(self, way: list[tuple[Node, int]]) -> str:
        node, index = way[-1]
        if not node.is_block:
            return self._without_in_brackets(node, index)
        if len(node.members) == 1:
            empty: object = {} if node.kind == "map" else []
            if len(way) > 1:
                return self._replaced(*way[-2], empty)
            return self._spliced(node.start, self._line_end(self._end(node)), Form().flow(empty))
        start = self._start(node, index)
        end = self._line_end(self._end(node.members[index][1]))
        first = self._line_start(start)
        if not self.text[first:start].strip():
            return self._spliced(first, min(end + len(self.nl), len(self.text)), "")
        # The first of those behind a dash: what follows takes its place.
        following = self._start(node, index + 1)
        return self._spliced(start, end if "#" in self.text[end:following] else following, "")

    def _without_in_brackets(self, node: Node, index: int) -> str:
        start, end = self._start(node, index), self._flow_end(node, index)
        if index + 1 < len(node.members):
            first, last = start, self._start(node, index + 1)
        elif index:
            first, last = self._flow_end(node, index - 1), end
        else:
            first, last = start, self._after(end)
            last = last + 1 if self.text[last] == "," else end
        if "#" in self.text[first:start] or "#" in self.text[end:last]:
            raise Refused(f"line {self._line(start)}: there are comments between the brackets")
        return self._spliced(first, last, "")

    def _form(self, parent: Node, node: Node | None, value: object) -> Form:
        """Return how values are written at a place: as those beside it, or as the old one."""
        form = Form(self._step("map", 2), self._step("list", self._step("map", 2)))
        keys = [key for key, _ in parent.members if key]
        if not parent.is_block and keys and keys[0].style == '"':
            return form.quoted('"')
        if node and node.style in ("'", '"') and isinstance(value, str):
            return form.quoted("'" if node.style == "'" else '"')
        return form

    def _step(self, kind: str, default: int) -> int:
        """Return what the first mapping or list below a key is indented by."""
        for node in self.root.each() if self.root else ():
            for key, value in node.members if node.is_block else ():
                if key and value.kind == kind and value.is_block and not value.anchor:
                    step = self._column(value.start) - self._column(key.start)
                    return step if step >= (0 if kind == "list" else 1) else default
        return default

    def _start(self, node: Node, index: int) -> int:
        """Return where a member begins: at its key or, in lines, at its dash."""
        key, value = node.members[index]
        if key:
            return key.start
        return self._behind(node, index) - 1 if node.is_block else value.start

    def _behind(self, node: Node, index: int) -> int:
        """Return the place behind a member's ``:`` or ``-``."""
        key, _ = node.members[index]
        if key:
            at = self._after(key.end)
        elif index:
            at = self._after(self._end(node.members[index - 1][1]))
        else:
            at = node.start
            while self.text[at] in "&!":
                at = self._after(at + len(self.text[at:].split(None, 1)[0]))
        if self.text[at : at + 1] != (":" if key else "-"):
            raise Refused(f"line {self._line(at)} is written in a way that is not changed here")
        return at + 1

    def _end(self, node: Node) -> int:
        """Return where a value ends, without what may stand behind it in its line."""
        while node.is_block and node.kind != "text" and node.members:
            node = node.members[-1][1]
        if not node.is_block or node.kind != "text":
            return node.start if node.is_empty else node.end
        body = self.text[node.start : node.end]
        if re.match(r"[^\n]*[|>][1-9]?\+", body):
            return node.end - (2 if body.endswith("\r\n") else 1 if body.endswith("\n") else 0)
        return self._line_end(node.start + len(body.rstrip()))

    def _end_of(self, node: Node) -> int:
        return self._end(node)

    def _flow_end(self, node: Node, index: int) -> int:
        """Return where a member between brackets ends."""
        key, value = node.members[index]
        if not key or not value.is_empty:
            return value.end
        at = self._after(key.end)
        return at + 1 if self.text[at] == ":" else key.end

    def _after(self, at: int) -> int:
        """Return the next place that is neither white space nor comment."""
        found = _BETWEEN.match(self.text, at)
        return found.end() if found else at

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Return where the line of a place ends, its line end left out."""
        found = self.text.find("\n", at)
        if found < 0:
            return len(self.text)
        return found - 1 if found > at and self.text[found - 1] == "\r" else found

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

    def _spliced(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]


def _nested(key: tuple[str, ...], value: object) -> object:
    for word in reversed(key):
        value = {word: value}
    return value


def _join(above: str, word: str) -> str:
    return f"{above}.{word}" if above else word


def _cannot(key: tuple[str, ...]) -> Refused:
    return Refused(
        f"{'.'.join(key)} stands where it cannot be changed without touching the rest",
        hint="write that part of the file in a plainer way",
    )
