"""Filling in ``{{ … }}``: in a playbook's values and in templates, for one host.

Templates are Jinja2's, sandboxed: they come from roles that others wrote. An undefined name is
an error with file and line. A value that is one expression keeps its type: ``{{ port }}`` stays
a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from jinja2.runtime import Context, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wirework.errors import TemplateError
from wirework.secrets import Secret
from wirework.ssh import LocalFile
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree

SINGLE_EXPRESSION = re.compile(r"\s*\{\{((?:(?!\{\{|\}\}).)*)\}\}\s*", re.DOTALL)
REVEALED = "_secrets_revealed"
"""The name under which a template's context carries the list of secrets that were used."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, in which only ``_reveal`` lets a secret out: it notes that."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, Secret) and super().is_safe_attribute(obj, attr, value)


class Renderer:
    """Fills in values and templates; ``templates`` and ``files`` are folders searched in order."""

    def __init__(self, templates: Sequence[Path], files: Sequence[Path]) -> None:
        self._files = files
        self._templates = templates
        # Compiled once for all hosts: compiling takes far longer than filling in.
        self._expressions: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        self._texts: dict[str, jinja2.Template] = {}
        self._found: dict[str, LocalFile] = {}
        self._trees: dict[str, LocalTree] = {}
        self._environment = _Sandbox(
            loader=jinja2.FileSystemLoader([str(folder) for folder in templates]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # these are configuration files; a page says | e itself
            finalize=_reveal,
        )

    def value(self, raw: Any, context: Mapping[str, Any], where: str) -> Any:
        """Return ``raw`` with every text in it filled in; raises TemplateError at ``where``."""
        if isinstance(raw, str):
            return self._text(raw, context, where)
        if isinstance(raw, Mapping):
            return {key: self.value(each, context, where) for key, each in raw.items()}
        if isinstance(raw, list):
            return [self.value(each, context, where) for each in raw]
        return raw

    def template(self, name: str, context: Mapping[str, Any]) -> Rendered:
        """Return a template's text; raises TemplateError with the template's file and line."""
        revealed: list[Secret] = []
        try:
            template = self._environment.get_template(name)
            text = template.render(**context, **{REVEALED: revealed})
        except jinja2.TemplateNotFound as error:
            folders = " or ".join(f"{folder}/" for folder in self._templates)
            raise TemplateError(f"there is no template {error.name!r} in {folders}") from error
        except Exception as error:
            raise _explain(error, str(name)) from error
        _refuse_traces(text, name)
        return Rendered(name, text.encode(), sensitive=bool(revealed))

    def file(self, name: str) -> LocalFile:
        """Return the file of that name in the first folder that has it."""
        if name not in self._found:
            self._found[name] = LocalFile.of(self._find(name, "file", Path.is_file))
        return self._found[name]

    def folder(self, name: str) -> LocalTree:
        """Return the folder of that name in the first folder that has it, with what is in it."""
        if name not in self._trees:
            self._trees[name] = LocalTree.of(self._find(name, "folder", Path.is_dir))
        return self._trees[name]

    def _find(self, name: str, kind: str, fits: Callable[[Path], bool]) -> Path:
        for folder in self._files:
            path = folder / name
            if path.resolve().is_relative_to(folder.resolve()) and fits(path):
                return path
        folders = " or ".join(f"{folder}/" for folder in self._files)
        raise TemplateError(f"there is no {kind} {name!r} in {folders}")

    def _text(self, text: str, context: Mapping[str, Any], where: str) -> Any:
        if not any(mark in text for mark in ("{{", "{%", "{#")):
            return text
        try:
            if single := SINGLE_EXPRESSION.fullmatch(text):
                value = self._expression(single[1])(context)
                if isinstance(value, Undefined):
                    str(value)  # a strict one raises, and says which name it is
            else:
                value = self._compiled(text).render(**context)
        except TemplateError as error:
            raise TemplateError(error.message, where=where, hint=error.hint) from error
        except Exception as error:
            raise _explain(error, "", where) from error
        if isinstance(value, str):
            _refuse_traces(value, where)
        return value

    def _expression(self, text: str) -> Callable[[Mapping[str, Any]], Any]:
        if text not in self._expressions:
            self._expressions[text] = self._environment.compile_expression(
                text, undefined_to_none=False
            )
        return self._expressions[text]

    def _compiled(self, text: str) -> jinja2.Template:
        if text not in self._texts:
            self._texts[text] = self._environment.from_string(text)
        return self._texts[text]


@jinja2.pass_context
def _reveal(context: Context, value: Any) -> Any:
    """Let a secret out into a template, and note it; elsewhere it may not be used."""
    if not isinstance(value, Secret):
        return value
    revealed = context.get(REVEALED)
    if not isinstance(revealed, list):
        raise TemplateError(
            f"{value} may not stand in a playbook's own text", hint="use it in a template file"
        )
    revealed.append(value)
    return value.reveal()


def _refuse_traces(text: str, where: str) -> None:
    """Refuse text that holds what a secret prints in its own place."""
    if "<secret " in text.lower():
        raise TemplateError("a secret cannot be changed by a filter or joined", where=where)


def _explain(error: Exception, template: str, where: str = "") -> TemplateError:
    """Return what went wrong in a template, at its file and line."""
    message = " ".join((getattr(error, "message", None) or str(error)).split())
    if isinstance(error, jinja2.TemplateSyntaxError):
        place = where or f"{error.filename or template}:{error.lineno}"
        return TemplateError(f"the template does not parse: {message}", where=place)
    if isinstance(error, TemplateError):
        return TemplateError(error.message, where=error.where or template, hint=error.hint)
    place = where or _place(error, template)
    if isinstance(error, jinja2.UndefinedError):
        hint = "define it in the inventory, the play's vars or the role's parameters"
        return TemplateError(message, where=place, hint=hint)
    return TemplateError(f"the template cannot be filled in: {message}", where=place)


def _place(error: Exception, template: str) -> str:
    """Return the last template line that the error passed through."""
    place = template
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if Path(file).name == Path(template).name or file.endswith(".j2"):
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
