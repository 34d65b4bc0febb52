"""The reference of a station's configuration, made from its fields: docs/configuration.md."""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from monitor.config import StationConfig
from monitor.config.base import Identifier

__all__ = ["PAGE", "page_text"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

_HEAD = """# Configuration

Every field of a station's file, made from the program's own list by `python -m deploy.configuration`; do not edit it.
[example.yaml](../configs/example.yaml) is a file to begin with. `nicu-monitor check FILE` names every mistake with its
line; an unknown field is one. Relative paths are relative to the file; `${NAME}` and `${NAME:-default}` come from the
environment.
What can change while the station runs, by `nicu-monitor reload`: `beds`, and `alarms` but for `window_seconds`.

"""
_TYPES = {str: "text", int: "whole number", float: "number", bool: "yes or no", Path: "path", SecretStr: "text, secret"}
_NAME_WORDS = "name: letters, digits, `_`, `.`, `-`"
_NAME = next(item.pattern for item in get_args(Identifier)[1].metadata if hasattr(item, "pattern"))
_BOUNDS = (("ge", "from {}"), ("gt", "above {}"), ("le", "to {}"), ("lt", "below {}"))


def page_text() -> str:
    """Return the page."""
    parts = [_HEAD]
    for path, model, is_list in _groups(StationConfig, ""):
        title = f"`{path}`" if path else "The whole file"
        note = " A list: one entry each." if is_list else ""
        summary = (model.__doc__ or "").strip().splitlines()[0]
        parts.append(
            f"## {title}\n\n{summary}{note}\n\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n"
        )
        parts += [_row(name, field) for name, field in model.model_fields.items()]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _groups(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """Yield path, class and whether it is a list, for a group of fields and every group within it."""
    yield path, model, False
    for name, field in model.model_fields.items():
        inner = _group(field.annotation)
        if inner is not None:
            is_list = get_origin(field.annotation) is tuple
            for number, (where, found, inner_list) in enumerate(_groups(inner, f"{path}.{name}" if path else name)):
                yield where, found, is_list if number == 0 else inner_list


def _group(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)


def _row(name: str, field: FieldInfo) -> str:
    inner = _group(field.annotation)
    value = "see below" if inner is not None else _value(field)
    meaning = field.description or ("" if inner is None else (inner.__doc__ or "").strip().splitlines()[0])
    cells = (f"`{name}`", value, _default(field, inner), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _value(field: FieldInfo) -> str:
    words, bounds = _words(field.annotation)
    if any(getattr(item, "pattern", None) == _NAME for item in field.metadata):
        words = _NAME_WORDS
    limits = {**bounds, **_limits(field.metadata)}
    if "ge" in limits:
        limits.pop("gt", None)
    text = " ".join(form.format(f"{limits[name]:g}") for name, form in _BOUNDS if name in limits)
    return f"{words}, {text}" if text else words


def _words(annotation: object) -> tuple[str, dict[str, float]]:
    """Return what a field takes in words, and the bounds that its type has."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        words, bounds = _words(inner[0])
        if annotation == Identifier:
            return _NAME_WORDS, {}
        return words, {**bounds, **_limits(inner[1:])}
    if origin is Literal:
        return ", ".join(f"`{item}`" for item in inner), {}
    if origin in {Union, types.UnionType}:
        rest = [item for item in inner if item is not type(None)]
        found = [_words(item) for item in rest]
        return " or ".join(words for words, _ in found), {key: val for _, some in found for key, val in some.items()}
    if origin is tuple:
        return f"list of {_words(inner[0])[0]}", {}
    return _TYPES.get(annotation, str(annotation)) if isinstance(annotation, type) else str(annotation), {}


def _limits(metadata: object) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in metadata if isinstance(metadata, list | tuple) else ():
        parts = item.metadata if isinstance(item, FieldInfo) else [item]
        for part in parts:
            found |= {name: getattr(part, name) for name, _ in _BOUNDS if getattr(part, name, None) is not None}
    return found


def _default(field: FieldInfo, inner: type[BaseModel] | None) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value == ():
        return "none"
    if inner is not None:
        return "see below"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
