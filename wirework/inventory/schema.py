"""The JSON Schema of inventories in YAML: for editors, which complete, explain and underline.

It accepts whatever ``load`` accepts. What takes more than one place to tell, such as a gateway
that is no host, only ``load`` finds.
Source: JSON Schema draft-07, the latest that the YAML language server knows in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wirework.inventory.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wirework.inventory.settings import Setting

# Letters beyond ASCII are not told apart, as editors do not agree on what they are.
_LETTERS = "0-9A-Za-z_\u0080-\uffff"
_GROUP_NAME = f"^[{_LETTERS}][{_LETTERS}.-]*$"
_RANGE = r"\[[^\[\]]+\]"
_HOSTS_NAME = f"^(?:[{_LETTERS}]|::|{_RANGE})(?:[{_LETTERS}.:%-]|{_RANGE})*$"

_TEMPLATE = {"type": "string", "pattern": r"\{[{%]"}
_VAULTED: Mapping[str, Any] = {
    "description": "A value that ansible-vault has encrypted.",
    "anyOf": [
        {"type": "string", "pattern": r"^\s*\$ANSIBLE_VAULT;"},
        {"type": "object", "required": ["__ansible_vault"], "maxProperties": 1},
    ],
}
_NULL = {"type": "null"}
_NUMBER_AS_TEXT = {"type": "string", "pattern": r"^\s*(?:[0-9]+(?:\.[0-9]+)?)?\s*$"}


def schema() -> dict[str, Any]:
    """Return the schema as plain data; ``schemas/inventory.json`` holds it."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Wirework inventory",
        "description": "Groups of hosts, how they are reached, and their variables.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"$ref": "#/definitions/groupName"},
        "additionalProperties": {"$ref": "#/definitions/group"},
        "definitions": {
            "groupName": {
                "type": "string",
                "pattern": _GROUP_NAME,
                "not": {"enum": ["hosts", "children", "vars"]},
            },
            "group": _group(),
            "hosts": _hosts(),
            "children": _children(),
            "vars": _variables(),
            "value": _value(),
            "vaulted": dict(_VAULTED),
        },
    }


def _group() -> dict[str, Any]:
    return {
        "description": "A group: its hosts, the groups inside it, and variables of them all.",
        "type": ["object", "null"],
        "properties": {
            "hosts": {"$ref": "#/definitions/hosts"},
            "children": {"$ref": "#/definitions/children"},
            "vars": {"$ref": "#/definitions/vars"},
        },
        "additionalProperties": False,
    }


def _hosts() -> dict[str, Any]:
    name = {"type": "string", "pattern": _HOSTS_NAME}
    return {
        "description": "Hosts by name, or by a range of names: web[01:20].",
        "anyOf": [
            {
                "type": "object",
                "propertyNames": name,
                "additionalProperties": {"$ref": "#/definitions/vars"},
            },
            name,
            _NULL,
        ],
    }


def _children() -> dict[str, Any]:
    name = {"$ref": "#/definitions/groupName"}
    return {
        "description": "Groups inside this one; what is said of one elsewhere need not be here.",
        "anyOf": [
            {
                "type": "object",
                "propertyNames": {"allOf": [name, {"not": {"const": "all"}}]},
                "additionalProperties": {"$ref": "#/definitions/group"},
            },
            name,
            _NULL,
        ],
    }


def _variables() -> dict[str, Any]:
    ours = {setting.name: _ours(setting) for setting in SETTINGS}
    theirs = {name: _theirs(setting) for setting in SETTINGS for name in setting.ansible[::-1]}
    return {
        "description": "How hosts are reached, and variables of any name.",
        "type": ["object", "null"],
        "properties": {**ours, **theirs},
        "additionalProperties": {"$ref": "#/definitions/value"},
    }


def _value() -> dict[str, Any]:
    """Anything; what is written like a secret has to name a source."""
    secret = next(setting.schema for setting in SETTINGS if setting.secret)
    return {
        "if": {"type": "object", "required": ["secret"], "maxProperties": 1},
        "then": dict(secret),
        "else": {
            "additionalProperties": {"$ref": "#/definitions/value"},
            "items": {"$ref": "#/definitions/value"},
        },
    }


def _ours(setting: Setting) -> dict[str, Any]:
    choices = [dict(setting.schema), {"$ref": "#/definitions/vaulted"}]
    if not setting.secret:
        choices.append(_TEMPLATE)
    if setting.optional:
        choices.append(_NULL)
    return {"description": f"{setting.says[0].upper()}{setting.says[1:]}.", "anyOf": choices}


def _theirs(setting: Setting) -> dict[str, Any]:
    """Take what Ansible does for one of its names: numbers as text, too, and nothing at all."""
    kind = setting.schema.get("type")
    scalar = {"type": ["string", "number", "boolean", "null"]}
    choices: list[dict[str, Any]]
    if setting.secret:
        choices = [scalar, dict(setting.schema)]
    elif kind in ("integer", "number"):
        choices = [dict(setting.schema), _NUMBER_AS_TEXT, _TEMPLATE, _NULL]
    elif kind == "boolean":
        choices = [{"type": ["boolean", "string", "null"]}, {"enum": [0, 1]}]
    elif kind == "object":
        choices = [{"type": ["string", "null"]}]
    else:
        choices = [scalar]
    return {
        "description": f"Ansible's name for {setting.name}: {setting.says}.",
        "anyOf": [*choices, {"$ref": "#/definitions/vaulted"}],
    }
