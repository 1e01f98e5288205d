"""Inventories as people have them, read into frozen hosts and groups."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from wirework.errors import InventoryError
from wirework.inventory.model import Inventory, Layer
from wirework.inventory.reading.assemble import Assembler, parents_first
from wirework.inventory.reading.draft import Draft, Origin
from wirework.inventory.reading.findings import Findings
from wirework.inventory.reading.levels import Levels, VarsFiles
from wirework.inventory.reading.sources import EXAMPLE, Files, files
from wirework.inventory.settings.connection import Reader
from wirework.secrets import Passwords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.errors import WireworkError


def load(sources: Path | Sequence[Path]) -> Inventory:
    """Read the inventory that files and folders make together.

    A file is YAML, INI or JSON in the shape that Ansible's inventories have, or a program that
    prints such JSON; a folder is every such file in it. Later ones add to earlier ones, and win
    over them. ``group_vars`` and ``host_vars`` beside each count, as they do in Ansible: the
    variables of a host are those that ``ansible-inventory --list`` shows, in full.
    A host that its groups name as its own gateway has none.
    Raises DocumentError, InventoryError or SecretError with the ``file:line`` of the first
    mistake; ``read`` returns them all.
    Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html
    """
    inventory, mistakes = read(sources)
    if inventory is None or mistakes:
        raise _first_of(mistakes)
    return inventory


def read(sources: Path | Sequence[Path]) -> tuple[Inventory | None, list[WireworkError]]:
    """Read as ``load`` does, and go on after each mistake: return them all, in file order.

    The inventory is what could be made of the rest, or None.
    """
    several = (sources,) if isinstance(sources, Path) else tuple(sources)
    findings = Findings()
    passwords = Passwords.from_environment()
    texts = Files(findings, passwords)
    reader = Reader(findings, passwords, texts.vault_secret)
    draft = Draft(findings, reader)
    bases = [source if source.is_dir() else source.parent for source in map(Path.absolute, several)]
    for source, base in zip(several, bases, strict=True):
        try:
            for file in files(source, findings):
                draft.read(texts.sections(file), Origin(file.absolute(), base))
        except InventoryError as error:  # a folder, or a file, without end
            findings.add(error)
            return None, list(findings.mistakes)
    draft.finish()
    order = parents_first(draft.groups, findings)
    if not draft.hosts and not findings.mistakes:
        findings.wrong("there are no hosts in it", where=draft.groups["all"].where, hint=EXAMPLE)
    if order is None or not draft.hosts:
        return None, list(findings.mistakes)
    # Of a folder that is named twice, the last place counts.
    last = list(dict.fromkeys(reversed(bases)))[::-1]
    levels = Levels(
        draft.groups,
        draft.hosts,
        group_files=VarsFiles("group_vars", last, texts, reader, findings).read(list(draft.groups)),
        host_files=VarsFiles("host_vars", last, texts, reader, findings).read(list(draft.hosts)),
        order=order,
    )
    assembler = Assembler(draft, levels, reader, findings)
    hosts, groups = assembler.hosts(), assembler.groups()
    inventory = Inventory(
        hosts=MappingProxyType(hosts),
        groups=MappingProxyType(groups),
        sources=several,
        notes=findings.notes,
        levels=lambda host: tuple(Layer(each.name, each.given) for each in levels.all(host)),
    )
    return inventory, list(findings.mistakes)


def _first_of(mistakes: Sequence[WireworkError]) -> WireworkError:
    """Return the first mistake, which says how many more there are."""
    first = mistakes[0]
    if len(mistakes) == 1:
        return first
    more = f"and {len(mistakes) - 1} more: ./inv inventory.check"
    hint = f"{first.hint}; {more}" if first.hint else more
    return type(first)(first.message, where=first.where, hint=hint)
