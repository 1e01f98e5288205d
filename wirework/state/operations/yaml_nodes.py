"""What a YAML file says, with the places where it says it: aliases and tags stay what they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import yaml

from wirework.documents import MAX_DEPTH
from wirework.documents.scalars import plain
from wirework.documents.syntax import plainly
from wirework.errors import Refused
from wirework.state.operations.yaml_form import is_sure

if TYPE_CHECKING:
    from collections.abc import Iterator

# libyaml where PyYAML was built with it (ten times quicker), else the same in Python.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
MERGE = "<<"


@dataclass(frozen=True, slots=True)
class Node:
    """One value: ``start`` and ``end`` are its places in the text, its anchor and tag included.

    ``members`` are pairs of key and value; a list's keys are None. Two nodes are equal when they
    say the same, wherever and in whichever style. ``is_block`` tells of layout by indentation.
    """

    kind: Literal["text", "map", "list", "alias"]
    start: int = field(compare=False)
    end: int = field(compare=False)
    text: str = ""
    is_plain: bool = False
    style: str = field(default="", compare=False)
    anchor: str | None = None
    tag: str | None = None
    members: tuple[tuple[Node | None, Node], ...] = ()
    is_block: bool = field(default=False, compare=False)
    meant: Node | None = field(default=None, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is written here, which means null."""
        return (self.kind, self.text, self.anchor, self.tag) == ("text", "", None, None) and (
            self.is_plain
        )

    def words(self) -> list[str | None]:
        """Return how each member is found: a key's text, or its number in a list."""
        if self.kind == "list":
            return [str(number) for number in range(len(self.members))]
        return [_word(key) for key, _ in self.members]

    def find(self, word: str, above: str) -> int | None:
        """Return which member it is; Refused when that cannot be told."""
        if self.kind not in ("map", "list"):
            hint = "set it where its anchor stands" if self.kind == "alias" else ""
            what = f"the alias *{self.text}" if self.kind == "alias" else "no mapping and no list"
            raise Refused(f"{above or 'the whole'} is {what}", hint=hint)
        found = [index for index, each in enumerate(self.words()) if each == word]
        if len(found) > 1:
            raise Refused(f"{word} stands {len(found)} times in {above or 'the file'}")
        return found[0] if found else None

    def inherits(self, word: str) -> bool:
        """Tell whether a mapping has a key by what it merges (``<<``)."""
        todo, seen = [self], {id(self)}
        while todo:
            for key, value in todo.pop().members:
                if not key or not key.is_plain or key.text != MERGE:
                    continue
                for part in map(_meant, _parts(_meant(value))):
                    if word in part.words():
                        return True
                    if id(part) not in seen:
                        seen.add(id(part))
                        todo.append(part)
        return False

    def each(self) -> Iterator[Node]:
        """Yield the node and all that stand in it."""
        yield self
        for key, value in self.members:
            if key:
                yield from key.each()
            yield from value.each()

    def says(self, value: object) -> bool:
        """Tell whether a plain value is what stands here; aliases are followed."""
        if self.kind == "alias":
            return _meant(self).says(value)
        if self.kind == "text":
            if self.tag not in _TEXT_TAGS:
                return False
            found = plain(self.text) if self.is_plain else self.text
            sure = not isinstance(found, str) or not self.is_plain or is_sure(found)
            return type(found) is type(value) and found == value and sure
        if self.tag not in (None, f"tag:yaml.org,2002:{'map' if self.kind == 'map' else 'seq'}"):
            return False
        if self.kind == "list":
            if not isinstance(value, list) or len(value) != len(self.members):
                return False
            return all(n.says(v) for (_, n), v in zip(self.members, value, strict=True))
        words = self.words()
        if not isinstance(value, dict) or Counter(words) != Counter(value.keys()):
            return False
        if any(key and key.is_plain and key.text == MERGE for key, _ in self.members):
            return False
        return all(
            member.says(value[word])
            for word, (_, member) in zip(words, self.members, strict=True)
            if word is not None
        )


def read(text: str) -> Node | None:
    """Read the one document of a text, None when there is nothing in it.

    Raises Refused, in one line, for what is no YAML, for several documents, for an alias without
    an anchor and for what is nested too deeply. Aliases are never written out.
    """
    try:
        events = iter(yaml.parse(text, Loader=_LOADER))
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            return None
        root = _node(next(events), events, {}, 0)
        next(events)
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise Refused("the file holds several YAML documents", hint="give each its own file")
    except yaml.MarkedYAMLError as error:
        told = plainly(error, text, "line")
        raise Refused(
            f"the file is no YAML: {told.where.replace(':', ' ')}: {told.message}"
        ) from None
    except yaml.YAMLError as error:
        first = " ".join(str(error).split())
        raise Refused(f"the file is no YAML: {first}") from None
    return root


def _node(event: Any, events: Iterator[Any], anchors: dict[str, Node], depth: int) -> Node:
    line, start, end = event.start_mark.line + 1, event.start_mark.index, event.end_mark.index
    kind, name, tag = type(event), event.anchor, getattr(event, "tag", None)
    if kind is yaml.AliasEvent:
        if name not in anchors:
            raise Refused(f"line {line}: the alias *{name} has no anchor above it")
        return Node("alias", start, end, text=name, meant=anchors[name])
    if depth > MAX_DEPTH:
        raise Refused(f"the file is nested deeper than {MAX_DEPTH} levels")
    if kind is yaml.ScalarEvent:
        node = Node(
            "text",
            start,
            end,
            text=event.value,
            is_plain=event.implicit[0],
            style=event.style or "",
            anchor=name,
            tag=tag,
            is_block=event.style in ("|", ">"),
        )
    else:
        members: list[tuple[Node | None, Node]] = []
        is_map = kind is yaml.MappingStartEvent
        while type(inner := next(events)) not in _ENDS:
            key = _node(inner, events, anchors, depth + 1) if is_map else None
            member = next(events) if is_map else inner
            members.append((key, _node(member, events, anchors, depth + 1)))
        node = Node(
            "map" if is_map else "list",
            start,
            inner.end_mark.index,
            anchor=name,
            tag=tag,
            members=tuple(members),
            is_block=not event.flow_style,
        )
    if name is not None:
        anchors[name] = node
    return node


def _word(key: Node | None) -> str | None:
    key = _meant(key) if key else None
    return key.text if key and key.kind == "text" else None


def _meant(node: Node) -> Node:
    return node.meant or node


def _parts(node: Node) -> list[Node]:
    return [each for _, each in node.members] if node.kind == "list" else [node]


def is_right(old: Node | None, new: Node | None, key: tuple[str, ...], value: object) -> bool:
    """Tell whether ``new`` is ``old`` with that one value at the key, and nothing else changed."""
    if new is None or not key:
        return new is not None and new.says(value)
    word, rest = key[0], key[1:]
    if old is None or old.is_empty:
        old = Node("map", 0, 0)
    if _without(old, word) != _without(new, word):
        return False
    return is_right(_get(old, word), _get(new, word), rest, value)


def is_gone(old: Node, new: Node | None, key: tuple[str, ...]) -> bool:
    """Tell whether ``new`` is ``old`` without what stands at the key, and nothing else changed."""
    word, rest = key[0], key[1:]
    if new is None:
        return False
    if not rest:
        return _without(old, word) == new
    inner = _get(old, word)
    same = _without(old, word) == _without(new, word)
    return same and inner is not None and is_gone(inner, _get(new, word), rest)


def _without(node: Node, word: str) -> Node:
    kept = [m for each, m in zip(node.words(), node.members, strict=True) if each != word]
    return replace(node, members=tuple(kept))


def _get(node: Node, word: str) -> Node | None:
    found = [m for each, (_, m) in zip(node.words(), node.members, strict=True) if each == word]
    return found[0] if len(found) == 1 else None
