"""Reading a configuration file, with every mistake at once: file, line, field, and what to write instead.

YAML, with `${NAME}` and `${NAME:-default}` taken from the environment inside any text value. Relative paths in the file
are relative to the file.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from monitor.config.fields import FieldPath, dotted, expects_text, explain, same_source
from monitor.config.settings import StationConfig
from monitor.errors import ConfigError

__all__ = ["Mistake", "config_hash", "find_mistakes", "mistake_at", "read_config"]

_MAXIMUM_BYTES = 1_000_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_FILE_FIELDS = (
    "command_token_file",
    "password_file",
    "sentinel_password_file",
    "command_access_file",
    "tls_ca_file",
    "tls_cert_file",
    "tls_key_file",
)
_HOME_FIELDS = frozenset({*_FILE_FIELDS, "url", "directory", "users_file", "detector", "classifier"})
_MERGE_TAG = "tag:yaml.org,2002:merge"
_PLAIN_ID = re.compile(r"[\w.-]{1,63}")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_MAXIMUM_DEPTH = 16
_MAXIMUM_NODES = 20_000


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
        where = f"{self.file}:{self.line}" if self.line is not None else str(self.file)
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


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


def mistake_at(path: Path, field_path: FieldPath, message: str) -> Mistake:
    """Return a mistake that was found elsewhere, with the line of its field in a file that can be read."""
    document = _Document(path, os.environ)
    document.load()
    return document.mistake(field_path, message)


def config_hash(config: StationConfig) -> str:
    """Return 64 hexadecimal digits that name a configuration; secrets take no part in it."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()


class _Document:
    """One file on its way from text to settings; collects what is wrong with it."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path
        self._environment = environment
        self._lines: dict[FieldPath, int] = {}
        self._nodes = 0
        self._unset: set[FieldPath] = set()

    def sorted_mistakes(self) -> list[Mistake]:
        return sorted(self.mistakes, key=lambda mistake: mistake.line or 0)

    def mistake(self, field_path: FieldPath, message: str) -> Mistake:
        return Mistake(self._path, self._nearest_line(field_path), dotted(field_path), message)

    def load(self) -> StationConfig | None:
        root = self._parse()
        if root is None:
            return None
        tree = self._plain(root, ())
        if not isinstance(tree, dict):
            self._add(1, (), "the file must hold fields such as `beds:`; see configs/example.yaml")
            return None
        other = _other_kind(tree, self._path)
        if other is not None:  # what else is wrong with it, its own command says
            self.mistakes = [Mistake(self._path, None, "", other)]
            return None
        self._check_across_fields(tree)
        self._check_homes(tree, ())
        try:
            config = StationConfig.model_validate(tree)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                field_path = tuple(item["loc"])
                if field_path != ("beds",) or item["type"] != "duplicate_id":  # named above, with its line
                    self._add(self._nearest_line(field_path), field_path, explain(field_path, item))
            return None
        if self.mistakes:
            return None
        return _with_absolute_paths(config, self._path.resolve().parent)

    def _add(self, line: int | None, field_path: FieldPath, message: str) -> None:
        if field_path in self._unset:  # named already; that nothing stands there is no further mistake
            return
        self.mistakes.append(Mistake(self._path, line, dotted(field_path), message))

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

    def _plain(self, node: yaml.Node, field_path: FieldPath) -> Any:  # noqa: ANN401 - YAML holds anything
        """Turn a YAML node into plain values, remember each field's line, and fill in the environment."""
        line = node.start_mark.line + 1
        self._lines.setdefault(field_path, line)
        self._nodes += 1
        # Aliases can refer to their own parent, or multiply without bound.
        if len(field_path) > _MAXIMUM_DEPTH or self._nodes > _MAXIMUM_NODES:
            if self._nodes <= _MAXIMUM_NODES + 1:
                self._add(line, field_path[:4], "nested too deeply or far too large: this is no configuration")
                self._nodes = _MAXIMUM_NODES + 1
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, field_path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*field_path, index)) for index, item in enumerate(node.value)]
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self._add(line, field_path, f"not a plain value: {reason}")
            return None
        if value is not None and not isinstance(value, str):
            if expects_text(field_path):
                # YAML 1.1 reads 07, no, 12:30 and 2026-01-01 as something else than a name.
                value = str(node.value)
            elif isinstance(value, int) and _LEADING_ZERO.fullmatch(str(node.value)):
                self._add(
                    line, field_path, "YAML reads a number with a leading zero as an octal one; leave the zero out"
                )
        return self._expand(value, field_path, line) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, field_path: FieldPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE_TAG:
                merged |= self._merged(value_node, field_path, line)
                continue
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*field_path, key)
            if key in result:
                self._add(line, inner, f"given twice, first in line {self._lines[inner]}; keep one")
            self._lines[inner] = line
            result[key] = self._plain(value_node, inner)
        return merged | result

    def _merged(self, node: yaml.Node, field_path: FieldPath, line: int) -> dict[str, Any]:
        """Return the fields that `<<: *name` or `<<: [*first, *second]` brings; the first of several counts."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._add(line, field_path, "`<<` takes the fields of another entry, such as `<<: *name`")
                continue
            # Read as a part of its own, so that what it holds is counted, and its own lines are named.
            fields = self._plain(source, (*field_path, "<<"))
            for name, value in (fields or {}).items():
                self._lines.setdefault((*field_path, name), line)
                result.setdefault(name, value)
        return result

    def _expand(self, text: str, field_path: FieldPath, line: int) -> str:
        def value_of(match: re.Match[str]) -> str:
            name, default = match.groups()
            value: str | None = self._environment.get(name, default)
            if value is None:
                message = f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
                self._add(line, field_path, message)
            return value or ""

        before = len(self.mistakes)
        expanded = _VARIABLE.sub(value_of, text)
        if len(self.mistakes) > before:
            self._unset.add(field_path)
        return expanded

    def _nearest_line(self, field_path: FieldPath) -> int | None:
        while field_path and field_path not in self._lines:
            field_path = field_path[:-1]
        return self._lines.get(field_path)

    def _check_across_fields(self, tree: dict[str, Any]) -> None:
        """Find what no single field shows, also in a file whose fields have mistakes of their own."""
        beds = tree.get("beds")
        first_use: dict[str, FieldPath] = {}
        for index, bed in enumerate(beds if isinstance(beds, list) else []):
            if not isinstance(bed, dict):
                continue
            camera = bed.get("camera")
            self._check_files(camera, ("beds", index, "camera"))
            for field_path, holder in ((("beds", index, "id"), bed), (("beds", index, "camera", "id"), camera)):
                name = holder.get("id") if isinstance(holder, dict) else None
                if isinstance(name, str) and first_use.setdefault(name, field_path) is not field_path:
                    line = self._nearest_line(first_use[name])
                    shown = f"{name!r} " if _PLAIN_ID.fullmatch(name) else ""
                    message = f"the id {shown}is used twice, first in line {line}; every bed and camera needs its own"
                    self._add(self._nearest_line(field_path), field_path, message)
        self._check_shared_cameras(beds if isinstance(beds, list) else [])
        for section in ("redis", "fleet"):
            self._check_files(tree.get(section), (section,))

    def _check_shared_cameras(self, beds: list[Any]) -> None:
        """Find beds that would show one camera's picture, and so one infant, under two names."""
        first_use: dict[tuple[str, str], int] = {}
        for index, bed in enumerate(beds):
            camera = bed.get("camera") if isinstance(bed, dict) else None
            url = camera.get("url") if isinstance(camera, dict) else None
            source = same_source(url) if isinstance(url, str) else None
            if source is None:
                continue
            first = first_use.setdefault((source, repr(bed.get("region_of_interest"))), index)
            if first != index:
                field_path = ("beds", index, "camera", "url")
                line = self._nearest_line(("beds", first, "camera", "url"))
                message = (
                    f"the same camera as that of line {line}, with the same region_of_interest: both beds would show "
                    "one infant; correct the address, or give each bed its own region_of_interest"
                )
                self._add(self._nearest_line(field_path), field_path, message)

    def _check_homes(self, value: object, field_path: FieldPath) -> None:
        """Find paths that begin with the home of somebody whom this machine does not know."""
        if isinstance(value, dict | list):
            for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
                self._check_homes(inner, (*field_path, name))
        elif (
            isinstance(value, str) and value.startswith("~") and field_path[-1] in _HOME_FIELDS and _home(value) is None
        ):
            message = "~ or ~NAME stands for a home directory that this machine does not know; write the whole path"
            self._add(self._nearest_line(field_path), field_path, message)

    def _check_files(self, holder: object, field_path: FieldPath) -> None:
        for name in _FILE_FIELDS:
            value = holder.get(name) if isinstance(holder, dict) else None
            if not isinstance(value, str) or (home := _home(value)) is None:
                continue
            if not (self._path.resolve().parent / home).is_file():
                inner = (*field_path, name)
                # A password itself is often written here, and must not be repeated.
                where = "of this name; a path belongs here, no password" if _holds_secret(name) else f"at {value}"
                message = f"no file {where}; create it, readable by this user only, or correct the path"
                self._add(self._nearest_line(inner), inner, message)


def _other_kind(tree: dict[str, Any], path: Path) -> str | None:
    """Return a sentence on a file of another command, None for what may be a station's."""
    if "destinations" in tree and "beds" not in tree:
        return f"this seems to be a forwarder's file; check it with: nicu-monitor forward --config {path} --check"
    beds = tree["beds"] if set(tree) == {"beds"} else None
    if isinstance(beds, list) and any(isinstance(bed, dict) and "home" in bed for bed in beds):
        return (
            "this seems to be a list of beds that stations share (`home`); what checks it, and writes it into Redis if "
            f"it is right: nicu-monitor beds publish {path} --config STATION.yaml"
        )
    return None


def _holds_secret(field: str) -> bool:
    return "password" in field or "token" in field


def _home(path: str) -> Path | None:
    """Return a path with `~` and `~NAME` replaced; None where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


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
