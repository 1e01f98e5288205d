"""Single settings in ini, JSON and YAML files that others wrote; comments and layout stay."""

from __future__ import annotations

import re

from wirework.errors import BadInput
from wirework.state.arguments import Argv, HostPath, Json, Key
from wirework.state.operation import Steps, operation
from wirework.state.operations.ini_text import IniText
from wirework.state.operations.json_text import JsonText
from wirework.state.operations.writing import Edited, checked, edit
from wirework.state.operations.yaml_text import YamlText

_NOT_GIVEN = Json(object())


@operation
def ini(
    path: HostPath,
    *,
    section: str = "",
    option: str = "",
    value: str | None = None,
    present: bool = True,
    create: bool = False,
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have an option of an ini file set to ``value``, or nowhere when ``present`` is false.

    Without ``section`` it stands above the first one; without ``option`` the section itself is
    meant. Comments, order and spacing stay. An option that stands twice is not touched.
    """
    if not section and not option:
        raise BadInput("ini needs section or option")
    if re.search(r"[]\n]", section):
        raise BadInput("section holds ] or a line end")
    if option and not re.fullmatch(r"[^\s=:#;\[]([^=:\n]*[^=:\s])?", option):
        raise BadInput("option holds = or : or a line end, or begins or ends oddly")
    if present and bool(option) != (value is not None):
        raise BadInput("ini needs option and value together", hint="present: false takes it away")
    if value is not None and ("\n" in value or value != value.strip()):
        raise BadInput("value holds a line end, or begins or ends with a space")

    def rewrite(old: bytes) -> Edited:
        text = IniText.read(old)
        if not present:
            changed = text.remove(section, option)
        elif option:
            changed = text.set(section, option, value or "")
        else:
            changed = text.add_section(section)
        return Edited(text.content() if changed else old, f"[{section}] {option}".strip())

    return edit(
        path,
        rewrite,
        present=present,
        create=create,
        sensitive=sensitive,
        validate=checked(validate),
    )


@operation
def json(
    path: HostPath,
    key: Key,
    *,
    value: Json = _NOT_GIVEN,
    present: bool = True,
    create: bool = False,
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have ``value`` at a key of a JSON file, or nothing there when ``present`` is false.

    The key is words with dots between, ``a.b.0``, or a list of words; a number counts a list's
    members from 0. Objects on the way are made. All other characters of the file stay.
    """
    if present == (value is _NOT_GIVEN):
        raise BadInput(
            "json needs value, or present: false" if present else "present: false takes no value"
        )

    def rewrite(old: bytes) -> Edited:
        text = JsonText.read(old)
        new = text.set(key, value) if present else text.remove(key)
        content = new.text.encode() if new != text or not old else old
        return Edited(content, ".".join(key))

    return edit(
        path,
        rewrite,
        present=present,
        create=create,
        sensitive=sensitive,
        validate=checked(validate),
    )


@operation
def yaml(
    path: HostPath,
    key: Key,
    *,
    value: Json = _NOT_GIVEN,
    present: bool = True,
    create: bool = False,
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have ``value`` at a key of a YAML file, or nothing there when ``present`` is false.

    The key is words with dots between, ``a.b.0``, or a list of words; a number counts a list's
    members from 0. Mappings on the way are made. Comments, order and quotes of all else stay.
    """
    if present == (value is _NOT_GIVEN):
        raise BadInput(
            "yaml needs value, or present: false" if present else "present: false takes no value"
        )

    def rewrite(old: bytes) -> Edited:
        text = YamlText.read(old)
        new = text.set(key, value) if present else text.remove(key)
        return Edited(new.content() if new is not text else old, ".".join(key))

    return edit(
        path,
        rewrite,
        present=present,
        create=create,
        sensitive=sensitive,
        validate=checked(validate),
    )
