"""Settings with ``{{ … }}`` in them, filled in from a host's own variables.

Templates are Jinja2's, sandboxed, and undefined names are errors. Nothing but variables is
there: no filters or lookups of Ansible's, save ``lookup('env', NAME)``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wirework.errors import InventoryError
from wirework.inventory.settings.values import is_templated
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Template

_MAX_DEPTH = 10
_MAX_TEXT = 100_000
_FILLED = "_filled"
_HARMLESS = re.compile(r"'\w+' is undefined")
_BROKEN = (
    *(TemplateError, TypeError, ValueError, AttributeError),
    *(ArithmeticError, LookupError, RecursionError),
)


class Renderer:
    """Fills in texts; ``reveal`` says whether secrets may become part of them.

    Each text is compiled once for all hosts, since that takes far longer than filling it in.
    """

    def __init__(self, *, reveal: bool) -> None:
        self._reveal = reveal
        self._templates: dict[str, Template] = {}
        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        self._environment.context_class = _Variables
        self._environment.globals["lookup"] = _lookup

    def render(self, text: str, variables: Mapping[str, Any]) -> str:
        """Return ``text`` filled in; raises InventoryError without a place, SecretError as it is.

        Variables that have ``{{ … }}`` themselves are filled in first.
        """
        return self._render(text, variables, _MAX_DEPTH)

    def _render(self, text: str, variables: Mapping[str, Any], depth: int) -> str:
        if not depth:
            raise InventoryError(f"variables refer to each other more than {_MAX_DEPTH} times deep")

        def filled(value: Any) -> Any:
            return self._filled(value, variables, depth - 1)

        try:
            template = self._templates.get(text)
            if template is None:
                template = self._templates[text] = self._environment.from_string(text)
            rendered = template.render({**variables, _FILLED: filled})
        except _BROKEN as error:
            # Words that may repeat a value are kept back where values are secret.
            told = not self._reveal or _HARMLESS.fullmatch(str(error))
            raise InventoryError(f"cannot be filled in{f': {error}' if told else ''}") from None
        if len(rendered) > _MAX_TEXT:
            raise InventoryError("becomes far too long")
        return rendered

    def _filled(self, value: Any, variables: Mapping[str, Any], depth: int) -> Any:
        if isinstance(value, Secret):
            if self._reveal:
                return value.reveal()
            raise InventoryError(f"must not hold {value}: only passwords may be secret")
        if isinstance(value, dict):
            return {key: self._filled(item, variables, depth) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, variables, depth) for item in value]
        if is_templated(value):
            return self._render(value, variables, depth)
        return value


class _Variables(Context):
    """Names of a template; a variable is filled in when it is asked for."""

    def resolve_or_missing(self, key: str) -> Any:
        value = super().resolve_or_missing(key)
        filled: Callable[[Any], Any] = self.parent[_FILLED]
        return filled(value)


def _lookup(kind: str, name: str) -> str:
    if kind not in ("env", "ansible.builtin.env"):
        raise TemplateError(f"there is no lookup of {kind!r} here, only of 'env'")
    return os.environ.get(name, "")
