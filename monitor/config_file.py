"""Reading a configuration file, with every mistake at once: file, line, field, and what to write instead.

YAML, with `${NAME}` and `${NAME:-default}` taken from the environment inside any text value. Relative paths in the file
are relative to the file.
"""

import difflib
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from monitor.config import StationConfig
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Mistake", "config_hash", "find_mistakes", "read_config"]

_MAXIMUM_BYTES = 1_000_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
# A secret is never repeated in a message, whatever is wrong with it.
_SECRET_FIELDS = frozenset({"password", "url", "username"})
_FILE_FIELDS = (
    "password_file",
    "sentinel_password_file",
    "command_access_file",
    "tls_ca_file",
    "tls_cert_file",
    "tls_key_file",
)
_MAXIMUM_DEPTH = 16
_MAXIMUM_NODES = 20_000

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a configuration file.

    Attributes:
        file: The file.
        line: Line, from 1; None where no line can be named.
        field: Path of the field, such as `beds[0].camera.url`; empty for the file as a whole.
        message: What is wrong and what to write instead.
    """

    file: Path
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        """Return it as compilers print their errors."""
        place = f"{self.file}:{self.line}" if self.line is not None else str(self.file)
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


def read_config(path: Path, environment: Mapping[str, str] | None = None) -> StationConfig:
    """Read a configuration file.

    Args:
        path: YAML file.
        environment: For `${NAME}`; the process's own when absent.

    Returns:
        The validated configuration, its paths absolute.

    Raises:
        ConfigError: With every mistake, one a line.
    """
    document = _Document(path, os.environ if environment is None else environment)
    config = document.load()
    if config is None or document.mistakes:
        listed = "\n".join(f"  {mistake}" for mistake in document.sorted_mistakes())
        raise ConfigError(f"the configuration has mistakes:\n{listed}")
    return config


def find_mistakes(path: Path, environment: Mapping[str, str] | None = None) -> list[Mistake]:
    """Return every mistake of a configuration file, in the order of its lines; empty when it is right."""
    document = _Document(path, os.environ if environment is None else environment)
    document.load()
    return document.sorted_mistakes()


def config_hash(config: StationConfig) -> str:
    """Return 64 hexadecimal digits that name a configuration; secrets take no part in it."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()


class _Document:
    """One file on its way from text to settings; collects what is wrong with it."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path
        self._environment = environment
        self._lines: dict[Place, int] = {}
        self._nodes = 0

    def sorted_mistakes(self) -> list[Mistake]:
        return sorted(self.mistakes, key=lambda mistake: mistake.line or 0)

    def load(self) -> StationConfig | None:
        root = self._parse()
        if root is None:
            return None
        tree = self._plain(root, ())
        if not isinstance(tree, dict):
            self._add(1, (), "the file must hold fields such as `beds:`; see configs/example.yaml")
            return None
        self._look_across_fields(tree)
        try:
            config = StationConfig.model_validate(tree)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                place = tuple(item["loc"])
                if place != ("beds",) or item["type"] != "duplicate_id":  # named above, with its line
                    self._add(self._nearest_line(place), place, _explain(place, item))
            return None
        return _with_absolute_paths(config, self._path.resolve().parent)

    def _add(self, line: int | None, place: Place, message: str) -> None:
        self.mistakes.append(Mistake(self._path, line, _dotted(place), message))

    def _parse(self) -> yaml.Node | None:
        try:
            if self._path.stat().st_size > _MAXIMUM_BYTES:
                self._add(None, (), f"larger than {_MAXIMUM_BYTES} bytes: this is no configuration")
                return None
            root = yaml.compose(self._path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except FileNotFoundError:
            self._add(None, (), "no such file; copy configs/example.yaml and edit it")
        except UnicodeDecodeError as error:
            self._add(None, (), f"not a text file in UTF-8 (byte {error.start}); save it as UTF-8")
        except OSError as error:
            self._add(None, (), f"cannot be read: {error.strerror}")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._add(mark.line + 1 if mark else None, (), f"not valid YAML: {error.problem or error.context}")
        except (yaml.YAMLError, RecursionError) as error:
            self._add(None, (), f"not valid YAML: {str(error).splitlines()[0] if str(error) else 'nested too deeply'}")
        else:
            if root is None:
                self._add(1, (), "the file is empty; copy configs/example.yaml and edit it")
            return root
        return None

    def _plain(self, node: yaml.Node, place: Place) -> Any:  # noqa: ANN401 - YAML holds anything
        """Turn a YAML node into plain values, remember each field's line, and fill in the environment."""
        line = node.start_mark.line + 1
        self._lines.setdefault(place, line)
        self._nodes += 1
        # Aliases can refer to their own parent, or multiply without bound.
        if len(place) > _MAXIMUM_DEPTH or self._nodes > _MAXIMUM_NODES:
            if self._nodes <= _MAXIMUM_NODES + 1:
                self._add(line, place[:4], "nested too deeply or far too large: this is no configuration")
                self._nodes = _MAXIMUM_NODES + 1
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*place, index)) for index, item in enumerate(node.value)]
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self._add(line, place, f"not a plain value: {reason}")
            return None
        return self._expand(value, place, line) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*place, key)
            if key in result:
                self._add(line, inner, f"given twice, first in line {self._lines[inner]}; keep one")
            self._lines[inner] = line
            result[key] = self._plain(value_node, inner)
        return result

    def _expand(self, text: str, place: Place, line: int) -> str:
        def value_of(match: re.Match[str]) -> str:
            name, default = match.groups()
            value: str | None = self._environment.get(name, default)
            if value is None:
                message = f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
                self._add(line, place, message)
            return value or ""

        return _VARIABLE.sub(value_of, text)

    def _nearest_line(self, place: Place) -> int | None:
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place)

    def _look_across_fields(self, tree: dict[str, Any]) -> None:
        """Find what no single field shows, also in a file whose fields have mistakes of their own."""
        beds = tree.get("beds")
        first_use: dict[str, Place] = {}
        for index, bed in enumerate(beds if isinstance(beds, list) else []):
            if not isinstance(bed, dict):
                continue
            camera = bed.get("camera")
            self._look_for_files(camera, ("beds", index, "camera"))
            for place, holder in ((("beds", index, "id"), bed), (("beds", index, "camera", "id"), camera)):
                name = holder.get("id") if isinstance(holder, dict) else None
                if isinstance(name, str) and first_use.setdefault(name, place) is not place:
                    line = self._nearest_line(first_use[name])
                    message = f"the id {name!r} is used twice, first in line {line}; every bed and camera needs its own"
                    self._add(self._nearest_line(place), place, message)
        self._look_for_files(tree.get("redis"), ("redis",))

    def _look_for_files(self, holder: object, place: Place) -> None:
        for name in _FILE_FIELDS:
            value = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(value, str) and not (self._path.resolve().parent / Path(value).expanduser()).is_file():
                inner = (*place, name)
                message = f"no file at {value}; create it, readable by this user only, or correct the path"
                self._add(self._nearest_line(inner), inner, message)


def _explain(place: Place, item: "ErrorDetails") -> str:
    """Say what is wrong with one field and what to write instead."""
    if item["type"] == "extra_forbidden":
        return f"unknown field; {_suggestion(place)}"
    described = _description(place)
    if item["type"] == "missing":
        return f"missing; {described or 'add it'}"
    message = item["msg"].removeprefix("Value error, ")
    given = item["input"]
    if isinstance(given, str | int | float) and place and place[-1] not in _SECRET_FIELDS:
        message += f" (found {given!r})"
    return f"{message}; {described}" if described else message


def _dotted(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _model_at(place: Place) -> type[BaseModel] | None:
    """Return the settings class whose field the last part of `place` is."""
    model: type[BaseModel] = StationConfig
    for part in place[:-1]:
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


def _suggestion(place: Place) -> str:
    model = _model_at(place)
    names = sorted(model.model_fields) if model is not None else []
    close = difflib.get_close_matches(str(place[-1]), names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(names)}" if names else "remove it"


def _description(place: Place) -> str | None:
    model = _model_at(place)
    if model is None or not place or isinstance(place[-1], int):
        return None
    field = model.model_fields.get(place[-1])
    return field.description if field is not None else None


def _with_absolute_paths(config: StationConfig, base: Path) -> StationConfig:
    def absolute(settings: BaseModel) -> BaseModel:
        # What stays as it is stays unset, so that "was it in the file?" can still be asked.
        changes: dict[str, object] = {}
        for name in type(settings).model_fields:
            value = getattr(settings, name)
            if isinstance(value, Path):
                changes[name] = base / value.expanduser()
            elif isinstance(value, BaseModel) and (inner := absolute(value)) is not value:
                changes[name] = inner
            elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
                changes[name] = tuple(absolute(item) for item in value)
        return settings.model_copy(update=changes) if changes else settings

    result = absolute(config)
    assert isinstance(result, StationConfig)  # noqa: S101 - model_copy keeps the class
    return result
