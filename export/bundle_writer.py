"""Writes bundles: all files, their hashes, the manifest and the model card, in one step that cannot be half done."""

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from export.model_card import CARD_NAME, model_card
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, draft_path, read_bundle
from monitor.inference.manifest import MANIFEST_NAME, BundleManifest, FileRecord

__all__ = [
    "build_versions",
    "file_records",
    "git_commit",
    "refuse_other_than_bundle",
    "update_bundle",
    "write_bundle",
]


def file_records(contents: Mapping[str, bytes]) -> dict[str, FileRecord]:
    """Return the manifest's `files` for the contents of a bundle's files, by name."""
    return {
        name: FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        for name, content in sorted(contents.items())
    }


def build_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the installed versions of the named distributions, and of this program."""
    return {name: importlib.metadata.version(name) for name in ("nicu-pain-monitor", *packages)}


def git_commit() -> str | None:
    """Return the commit of the checkout that this program runs from, or None outside a checkout."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, cwd=Path(__file__).parent, check=True, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def write_bundle(directory: Path, manifest: BundleManifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle and return it as a reader sees it.

    A reader meets the old bundle or the new one, never a mixture and never none, also where this program is killed: the
    new files are written beside the old ones, and one replacement of bundle.json makes them valid. Files that are no
    part of the old bundle stay, and files that do not change are left alone; new ones get the owner and the rights of
    what they replace.

    Args:
        directory: Where to; an older bundle there is replaced. May be a link.
        manifest: What to say; its `files` are computed here.
        contents: Every file but bundle.json and the model card, by name.

    Raises:
        BundleError: The directory is taken by something that is no bundle, or cannot be written to.
    """
    with _written(directory):
        _write(directory, manifest, contents)
    return read_bundle(directory)


def update_bundle(directory: Path, change: Callable[[Bundle], tuple[BundleManifest, Mapping[str, bytes]]]) -> Bundle:
    """Change a bundle as it is on the disk now, and return the new one; others that change it meanwhile wait.

    Args:
        directory: The bundle's.
        change: Returns what `write_bundle` takes, given the bundle as it is.

    Raises:
        BundleError: It cannot be read or written, or what `change` raises.
    """
    with _written(directory):
        _write(directory, *change(read_bundle(directory)))
    return read_bundle(directory)


def refuse_other_than_bundle(directory: Path) -> None:
    """Refuse a directory that `write_bundle` would not write to.

    Raises:
        BundleError: Something is there that is no bundle, or it cannot be looked into.
    """
    try:
        is_taken = directory.exists() and not (
            directory.is_dir() and ((directory / MANIFEST_NAME).is_file() or not any(directory.iterdir()))
        )
    except OSError as error:
        raise BundleError(f"the bundle cannot be written to {directory}: {error.strerror}") from error
    if is_taken:
        raise BundleError(f"{directory} exists and is no bundle; give a new directory, or remove that one first")


@contextmanager
def _written(directory: Path) -> Iterator[None]:
    """Keep other writers of this bundle waiting, and say what the system refuses in one sentence."""
    refuse_other_than_bundle(directory)
    try:
        place = directory.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            # Some network file systems lock no folder: there, writers are kept apart by nothing.
            with suppress(OSError):
                descriptor = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise BundleError(f"the bundle cannot be written to {directory}: {error.strerror}") from error


def _write(directory: Path, manifest: BundleManifest, contents: Mapping[str, bytes]) -> None:
    everything = {**contents, CARD_NAME: model_card(manifest, contents).encode()}
    record = manifest.model_copy(update={"files": file_records(everything)}).to_json().encode()
    if directory.exists():
        _replace_files(directory, everything, record)
        return
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, content in {**everything, MANIFEST_NAME: record}.items():
            _write_through(fresh / name, content, None)
        fresh.chmod(0o755)
        _sync(fresh)
        fresh.rename(directory)
        _sync(directory.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace_files(directory: Path, everything: Mapping[str, bytes], record: bytes) -> None:
    manifest = directory / MANIFEST_NAME
    listed = _finish_earlier(directory)
    changed = {name: content for name, content in everything.items() if not _holds(directory / name, content)}
    rights = manifest.stat() if manifest.exists() else None
    try:
        for name, content in {MANIFEST_NAME: record, **changed}.items():
            path = directory / name
            _write_through(draft_path(path), content, path.stat() if path.exists() else rights)
        _sync(directory)
        draft_path(manifest).replace(manifest)
    except BaseException:
        # Once the record is replaced, the drafts are the bundle.
        if draft_path(manifest).exists():
            for name in (*changed, MANIFEST_NAME):
                draft_path(directory / name).unlink(missing_ok=True)
        raise
    _sync(directory)
    for name in changed:
        draft_path(directory / name).replace(directory / name)
    for name in listed - everything.keys():
        (directory / name).unlink(missing_ok=True)
    _sync(directory)


def _finish_earlier(directory: Path) -> set[str]:
    """Put in place, or remove, the drafts of a writer that was killed; return the files that the record lists."""
    draft_path(directory / MANIFEST_NAME).unlink(missing_ok=True)
    try:
        files = read_bundle(directory).manifest.files
    except BundleError:
        return set()  # damaged, or none yet: the files that it needs are written again
    for name, known in files.items():
        path = directory / name
        draft = draft_path(path)
        if not draft.exists():
            continue
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256:
            draft.unlink()
        else:
            draft.replace(path)
    return set(files)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def _write_through(path: Path, content: bytes, rights: os.stat_result | None) -> None:
    """Write a new file through to the disk, with the owner and the rights of another one where there is one."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if rights is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if rights is not None:
            with suppress(PermissionError):  # only root gives files away; the group may still be ours
                os.fchown(descriptor, -1, rights.st_gid)
                os.fchown(descriptor, rights.st_uid, -1)
            os.fchmod(descriptor, rights.st_mode & 0o777)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    """Write what a folder lists through to the disk, so that a power cut does not undo a step that others follow."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system can
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
