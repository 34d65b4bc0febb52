"""A station in one file, and its way back to an empty machine: state, configuration, and every file that this names.

The file is a compressed tar archive that its owner alone may read, for it holds passwords and the key that signs
sessions. It is made while the station runs: databases are copied by SQLite itself, in one transaction each, the
alerts' spool last, so that it knows every alert of the history beside it. The sums of all files are checked before
the first one is put back, and nothing that is there is overwritten.
"""

import errno
import grp
import hashlib
import io
import os
import pwd
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from monitor import __version__
from monitor.config import StationConfig
from monitor.config.file import read_config
from monitor.errors import ConfigError

__all__ = ["BackedUpFile", "BackupContent", "read_backup", "restore_backup", "write_backup"]

_CONTENT = "content.json"
_LARGEST_CONTENT_BYTES = 10_000_000
_DATABASES = (Path("history/history.sqlite"), Path("spool.sqlite"))
_LEFT_OUT = frozenset({"models", "control.sock", "control.sock.new", "spool.lock"})
"""Copies of the program's own models, and what belongs to a running process."""
# What reading an archive raises where it is damaged: zlib's own error in the middle of a file, KeyError for one that is
# missing.
_DAMAGES = (OSError, EOFError, KeyError, tarfile.TarError, zlib.error)
_DATABASE_PARTS = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal")


class BackedUpFile(BaseModel):
    """One file of a back-up.

    Attributes:
        path: Where it was, and goes back to; absolute.
        is_state: Whether it belongs to the state directory.
        sha256: Of its content.
        mode: Its rights, as in `chmod`.
        owner: Name of its user; empty where it has none.
        group: Name of its group; empty where it has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    is_state: bool
    sha256: str
    mode: int
    owner: str
    group: str


class BackupContent(BaseModel):
    """What a back-up holds.

    Attributes:
        schema_name: `nicu-station-backup/1`.
        program_version: Of the program that made it.
        station: Id of the station.
        made_at: When.
        config_file: The station's configuration file.
        state_directory: The station's state directory.
        files: In the order of the archive, which names them `0`, `1` and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_name: Literal["nicu-station-backup/1"]
    program_version: str
    station: str
    made_at: datetime
    config_file: Path
    state_directory: Path
    files: tuple[BackedUpFile, ...]


def write_backup(config_file: Path, target: Path, made_at: datetime) -> BackupContent:
    """Write a station's back-up; the station may run meanwhile.

    Args:
        config_file: The station's configuration.
        target: The archive; must not exist yet.
        made_at: Wall time.

    Raises:
        ConfigError: The configuration is wrong, a file cannot be read, or the archive cannot be written.
    """
    config_file = config_file.resolve()
    config = read_config(config_file)
    state = config.spool.directory.resolve()
    if target.exists():
        raise ConfigError(f"{target} exists already; give every back-up a name of its own")
    if not state.is_dir():
        raise ConfigError(f"{state} does not exist; the station makes it when it first runs")
    draft = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".backup-") as scratch:
            copies = Path(scratch)
            files: list[BackedUpFile] = []
            for path, is_state in [
                *((path, False) for path in _configured_files(config_file, config)),
                *((path, True) for path in _state_files(state)),
            ]:
                copy = copies / str(len(files))
                # The station may have removed a file since it was listed: a log that was closed long ago.
                with suppress(FileNotFoundError):
                    _copy(path, copy)
                    files.append(_described(path, copy, is_state=is_state))
            content = BackupContent(
                schema_name="nicu-station-backup/1",
                program_version=__version__,
                station=config.station.id,
                made_at=made_at,
                config_file=config_file,
                state_directory=state,
                files=tuple(files),
            )
            _pack(draft, content, copies)
        draft.replace(target)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            # The error names what was copied, which is not where the space is missing.
            raise ConfigError(f"no back-up was made: {target.resolve().parent} is full; free some space") from error
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        raise ConfigError(f"no back-up was made ({reason}); run this as the station's user or as root") from error
    return content


def read_backup(archive: Path) -> BackupContent:
    """Return what a back-up holds.

    Raises:
        ConfigError: It cannot be read, or is none.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            return _content_of(opened)
    except (*_DAMAGES, ValidationError) as error:
        raise ConfigError(f"{archive} is no back-up of a station, or it is damaged: {_first_line(error)}") from error


def restore_backup(archive: Path) -> BackupContent:
    """Put a station back where it was; nothing that is there is overwritten.

    Configuration files that are there and differ are renamed first (`station.yaml.before-restore-1`). Run as root, it
    gives every file to the user and the group that it belonged to, where this machine knows them.

    Raises:
        ConfigError: The archive is damaged, the state directory holds something already, or a file cannot be written.
            Nothing of the state was changed then.
    """
    content = read_backup(archive)
    state = content.state_directory
    if state.exists() and any(state.iterdir()):
        raise ConfigError(f"{state} is not empty; stop the station, move the directory away, and try again")
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state.parent, prefix=".restore-") as scratch:
            with tarfile.open(archive, "r:gz") as opened:
                copies = list(_unpacked(opened, content, Path(scratch)))
            for file, copy in copies:
                if not file.is_state:
                    _put_configuration(copy, file)
            if not state.exists():
                state.mkdir(mode=0o700)
            for file, copy in copies:
                if file.is_state:
                    file.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    copy.replace(file.path)
            _give_directories(content)
    except _DAMAGES as error:
        raise ConfigError(f"{archive} cannot be put back: {_first_line(error)}") from error
    return content


def _configured_files(config_file: Path, config: StationConfig) -> list[Path]:
    """Return the configuration and the files that it names: users, passwords, certificates; not models, not videos."""
    named = dict.fromkeys([config_file, *(path for name, path in _paths(config) if name.endswith("_file"))])
    return [path for path in named if path.is_file()]


def _paths(settings: BaseModel) -> Iterator[tuple[str, Path]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Path):
                yield name, item
            elif isinstance(item, BaseModel):
                yield from _paths(item)


def _state_files(state: Path) -> Iterator[Path]:
    for directory, inner, names in os.walk(state):
        inner[:] = sorted(name for name in inner if name not in _LEFT_OUT and not name.startswith("."))
        for name in sorted(names):
            path = Path(directory) / name
            is_usable = path.is_file() and not path.is_symlink() and not name.startswith(".") and name not in _LEFT_OUT
            if is_usable and not name.endswith(_DATABASE_PARTS):
                yield path
    yield from (state / name for name in _DATABASES if (state / name).exists())


def _copy(path: Path, copy: Path) -> None:
    if path.suffix == ".sqlite":
        reading = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        with closing(reading) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return
    shutil.copyfile(path, copy)
    if path.suffix == ".jsonl":
        # The station may be in the middle of the last line.
        content = copy.read_bytes()
        copy.write_bytes(content[: content.rfind(b"\n") + 1])


def _described(path: Path, copy: Path, *, is_state: bool) -> BackedUpFile:
    status = path.stat()
    return BackedUpFile(
        path=path,
        is_state=is_state,
        sha256=_sum_of(copy),
        mode=status.st_mode & 0o777,
        owner=_name(status.st_uid, is_group=False),
        group=_name(status.st_gid, is_group=True),
    )


def _name(number: int, *, is_group: bool) -> str:
    try:
        return grp.getgrgid(number).gr_name if is_group else pwd.getpwuid(number).pw_name
    except KeyError:
        return ""


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(draft: Path, content: BackupContent, copies: Path) -> None:
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
        text = content.model_dump_json(indent=1).encode()
        head = tarfile.TarInfo(_CONTENT)
        head.size, head.mode = len(text), 0o600
        archive.addfile(head, io.BytesIO(text))
        for number in range(len(content.files)):
            archive.add(copies / str(number), str(number), recursive=False)
        file.flush()


def _content_of(archive: tarfile.TarFile) -> BackupContent:
    head = archive.next()
    file = None if head is None or head.name != _CONTENT else archive.extractfile(head)
    if file is None:
        raise KeyError("it does not begin with a description of its content")
    content = BackupContent.model_validate_json(file.read(_LARGEST_CONTENT_BYTES))
    for item in content.files:
        is_inside = item.path.is_relative_to(content.state_directory) and ".." not in item.path.parts
        if not item.path.is_absolute() or item.is_state is not is_inside:
            raise KeyError(f"it says of {item.path} what cannot be")
    return content


def _unpacked(archive: tarfile.TarFile, content: BackupContent, scratch: Path) -> Iterator[tuple[BackedUpFile, Path]]:
    """Yield every file and its verified copy, with the rights and the owner that it had."""
    for number, item in enumerate(content.files):
        copy = scratch / str(number)
        source = archive.extractfile(str(number))
        if source is None:
            raise tarfile.ReadError(f"{item.path} is missing in it")
        with copy.open("xb") as target:
            shutil.copyfileobj(source, target)
        if _sum_of(copy) != item.sha256:
            raise tarfile.ReadError(f"{item.path} is damaged in it")
        copy.chmod(item.mode)
        _give(copy, item)
        yield item, copy


def _give(path: Path, item: BackedUpFile) -> None:
    """Give a file to whom it belonged; only root can, and only to somebody whom this machine knows."""
    if os.geteuid() != 0:
        return
    if item.owner:
        with suppress(LookupError):
            shutil.chown(path, user=item.owner)
    if item.group:
        with suppress(LookupError):
            shutil.chown(path, group=item.group)


def _give_directories(content: BackupContent) -> None:
    state = [item for item in content.files if item.is_state]
    for item in state:
        for directory in (item.path.parent, *item.path.parent.parents):
            if directory.is_relative_to(content.state_directory):
                _give(directory, item)


def _put_configuration(copy: Path, item: BackedUpFile) -> None:
    item.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    if item.path.exists():
        if _sum_of(item.path) == item.sha256:
            return
        number = 1
        while (aside := item.path.with_name(f"{item.path.name}.before-restore-{number}")).exists():
            number += 1
        item.path.rename(aside)
    shutil.move(copy, item.path)
    _give(item.path, item)


def _first_line(error: Exception) -> str:
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return text.splitlines()[0] if text else type(error).__name__
