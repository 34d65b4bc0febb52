"""Writes bundles: all files, their hashes, the manifest and the model card, in one step that cannot be half done."""

import hashlib
import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from export.model_card import CARD_NAME, model_card
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import MANIFEST_NAME, BundleManifest, FileRecord

__all__ = ["build_versions", "file_records", "git_commit", "write_bundle"]


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

    Everything is written beside the target first and then replaces it by renaming, so that a reader meets the old
    bundle or the new one, never a mixture.

    Args:
        directory: Where to; an older bundle there is replaced.
        manifest: What to say; its `files` are computed here.
        contents: Every file but bundle.json and the model card, by name.

    Raises:
        BundleError: The directory is taken by something that is no bundle, or cannot be written to.
    """
    if directory.exists() and not _may_replace(directory):
        raise BundleError(f"{directory} exists and is no bundle; give a new directory, or remove that one first")
    everything = {**contents, CARD_NAME: model_card(manifest, contents).encode()}
    sealed = manifest.model_copy(update={"files": file_records(everything)})
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            for name, content in everything.items():
                (fresh / name).write_bytes(content)
            (fresh / MANIFEST_NAME).write_text(sealed.to_json(), encoding="utf-8")
            fresh.chmod(0o755)
            _move_into_place(fresh, directory)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise BundleError(f"the bundle cannot be written to {directory}: {error.strerror}") from error
    return read_bundle(directory)


def _may_replace(directory: Path) -> bool:
    return directory.is_dir() and ((directory / MANIFEST_NAME).is_file() or not any(directory.iterdir()))


def _move_into_place(fresh: Path, directory: Path) -> None:
    if directory.exists():
        retired = Path(tempfile.mkdtemp(prefix=f".{directory.name}.old.", dir=directory.parent))
        directory.rename(retired / "bundle")
        fresh.rename(directory)
        shutil.rmtree(retired)
    else:
        fresh.rename(directory)
