"""What the configuration's fields are: their meaning, their likely names, and what a mistake in one means."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr

from monitor.config.addresses import camera_address, scheme_of
from monitor.config.settings import StationConfig

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["FieldPath", "dotted", "expects_text", "explain", "same_source"]

# A secret is never repeated in a message, whatever is wrong with it.
_SECRET_FIELDS = frozenset({"password", "url", "username"})
# What a person wrote where a whole section belongs, such as an address with its login behind `camera:`.
_SECTION_ERRORS = frozenset({"model_type", "model_attributes_type", "dict_type"})
_LIST_ERRORS = frozenset({"tuple_type", "list_type"})
_LONGEST_VALUE = 60

FieldPath = tuple[str | int, ...]
"""Where a field is: names, and the numbers of the entries of lists."""


def expects_text(path: FieldPath) -> bool:
    """Return whether a field takes text and nothing else, so that what YAML takes for a number or a date is a name."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    model = _model_at(path) if path else None
    field = model.model_fields.get(str(path[-1])) if model is not None else None
    return field is not None and _holds_text(field.annotation)


def explain(path: FieldPath, item: "ErrorDetails") -> str:
    """Say what is wrong with one field and what to write instead."""
    if item["type"] == "extra_forbidden":
        return f"unknown field; {_suggestion(path)}"
    described = _description(path)
    if item["type"] == "missing":
        return f"missing; {described or 'add it'}"
    if item["type"] in _SECTION_ERRORS:
        return f"fields of its own belong here{_first_field(path)}"
    if item["type"] in _LIST_ERRORS:
        return "a list belongs here: each entry in a line of its own that begins with `- `"
    message = item["msg"].removeprefix("Value error, ")
    given = item["input"]
    if isinstance(given, str | int | float) and path and path[-1] not in _SECRET_FIELDS:
        message += _shown(given)
    return f"{message}; {described}" if described else message


def dotted(path: FieldPath) -> str:
    """Return a field's path as people write it, such as `beds[0].camera.url`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _model_at(path: FieldPath) -> type[BaseModel] | None:
    """Return the settings class whose field the last part of `path` is."""
    model: type[BaseModel] = StationConfig
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return None
        candidates = [field.annotation, *get_args(field.annotation)]
        inner = [item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)]
        if not inner:
            return None
        model = inner[0]
    return model


def _shown(given: str | float) -> str:
    """Return what was found, short, where it cannot be an address with its login in the wrong field."""
    text = str(given)
    if "://" in text or "@" in text:
        return ""
    return f" (found {given!r})" if len(text) <= _LONGEST_VALUE else f" (found {text[:_LONGEST_VALUE]!r}...)"


def _first_field(path: FieldPath) -> str:
    """Return an example of how a section begins; nothing where it is not known."""
    model = _model_at((*path, "any"))
    names = list(model.model_fields) if model is not None else []
    required = [name for name in names if model is not None and model.model_fields[name].is_required()]
    return f", such as `{(required or names)[0]}: ...`" if names else ""


def _suggestion(path: FieldPath) -> str:
    model = _model_at(path)
    if str(path[-1]).isdigit():
        return "a decimal is written with a point, such as 0.6"
    names = sorted(model.model_fields) if model is not None else []
    close = difflib.get_close_matches(str(path[-1]), names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(names)}" if names else "remove it"


def _description(path: FieldPath) -> str | None:
    model = _model_at(path)
    if model is None or not path or isinstance(path[-1], int):
        return None
    field = model.model_fields.get(path[-1])
    return field.description if field is not None else None


def _holds_text(annotation: object) -> bool:
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return all(isinstance(item, str) for item in inner)
    if inner:
        return all(_holds_text(item) for item in inner if item not in {type(None), Ellipsis})
    return annotation in {str, SecretStr, Path}


def same_source(url: str) -> str | None:
    """Return what is equal for two spellings of one network or local camera; None for files and synthetic ones."""
    scheme = scheme_of(url)
    if scheme == "v4l2":
        return url.lower().rstrip("/")
    try:
        address = camera_address(url.strip())
    except ValueError:
        return None
    if address is None:
        return None
    host, port = address.hosts[0]
    usual = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
    return f"{address.scheme} {host.lower()} {port or usual[address.scheme]} {address.path.rstrip('/')} {address.query}"
