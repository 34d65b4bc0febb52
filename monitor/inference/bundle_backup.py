"""The last bundles that ran here, stored so that a station can start although a model was damaged.

A station that restarts at night onto a half-copied model would not watch at all. It runs on the copy instead and raises
the alarm `model_degraded`. Only damage to the very bundle that was configured before is bridged: a bundle that
never ran here, or another name in the configuration, is refused as ever.
"""

import json
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import MANIFEST_NAME, Kind

__all__ = ["BundleBackup"]

_log = logging.getLogger(__name__)

_SOURCE_NAME = "source.json"


class BundleBackup:
    """One copy of the detector and one of the classifier; copies are checked by their SHA-256 like any bundle.

    Args:
        directory: For the copies; made when something is stored.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str, kind: Kind) -> tuple[Bundle, str | None]:
        """Read a bundle, or its copy where it is missing or damaged now.

        Args:
            name: As for `find_bundle`.
            kind: Refuse any other kind.

        Returns:
            The bundle, and one sentence on why it is the copy; None where it is not.

        Raises:
            BundleError: It cannot be used, and no copy of it is stored.
        """
        try:
            return read_bundle(name, kind=kind), None
        except BundleError as error:
            stored = self._stored(name, kind)
            if stored is None:
                raise
            _log.error("%s; the copy of the one that ran here last is used", error)
            return stored, f"The {kind} {name} is missing or damaged; the copy of the one that ran here last is used."

    def save(self, bundle: Bundle, name: str, kind: Kind) -> None:
        """Store a copy of a bundle that runs, instead of the one before; a disk that takes none is only logged.

        Args:
            bundle: What runs.
            name: By which it is configured.
            kind: Its kind.
        """
        folder = self._directory / kind
        stored = self._stored(name, kind)
        if bundle.path == folder or (stored is not None and stored.manifest == bundle.manifest):
            return
        fresh = self._directory / f"{kind}.new"
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            for directory in (self._directory, fresh):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(fresh / MANIFEST_NAME, (bundle.path / MANIFEST_NAME).read_bytes())
            for file in bundle.manifest.files:
                target = fresh / file
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(target, bundle.read(file))
            _write(fresh / _SOURCE_NAME, json.dumps({"name": name}).encode())
            read_bundle(fresh, kind=kind)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
        except (OSError, BundleError) as error:
            shutil.rmtree(fresh, ignore_errors=True)
            _log.warning("no copy of the %s could be stored in %s (%s)", kind, self._directory, error)

    def _stored(self, name: str, kind: Kind) -> Bundle | None:
        folder = self._directory / kind
        fresh = self._directory / f"{kind}.new"
        with suppress(OSError, ValueError, BundleError):
            # Its source is written last: a station that died after removing the old copy left a whole one.
            if not folder.exists() and (fresh / _SOURCE_NAME).exists():
                fresh.rename(folder)
            source = json.loads((folder / _SOURCE_NAME).read_bytes())
            if isinstance(source, dict) and source.get("name") == name:
                return read_bundle(folder, kind=kind)
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, through to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
