"""Cameras that administrators try on the page, aside from the beds that are watched, and then save."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.cameras.draft import CameraDraft, TriedCamera, drafted_settings
from monitor.cameras.trial import CameraTrial, try_camera
from monitor.clock import Clock
from monitor.config import CameraSettings, StationConfig
from monitor.errors import ConfigError, EngineError, RefusalCode, RefusedError
from monitor.phrases import Phrase
from monitor.pipeline.models import WorkerModels

__all__ = ["CameraTrials"]

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS, _WATCH_SECONDS = 8.0, 6.0
_REMEMBERED_SECONDS = 300.0
_REMEMBERED = 8
_UNDO_SECONDS = 15.0

Change = Callable[[str, str, CameraSettings], tuple[tuple[str, ...], Callable[[], None]]]
"""As `Reloader.change_camera`."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    by: str
    bed_id: str
    settings: CameraSettings
    tried_seconds: float


@dataclass(frozen=True, slots=True)
class _Saved:
    by: str
    saved_seconds: float
    take_back: Callable[[], None]


class CameraTrials:
    """Tries one camera at a time; what was tried with success can be saved for some minutes. Thread-safe.

    Passwords come in and go to the camera, and to a file of the state directory when they are saved; no answer, record
    or message holds one.

    Args:
        running: Returns the configuration in force.
        open_models: Opens a face detector for each trial; may raise EngineError.
        change: Puts a camera in force and writes it to the configuration.
        clock: Monotonic time.
        audit: Takes what was done for the audit log.
    """

    def __init__(
        self,
        running: Callable[[], StationConfig],
        open_models: Callable[[], WorkerModels],
        change: Change,
        clock: Clock,
        audit: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._running = running
        self._open_models = open_models
        self._change = change
        self._clock = clock
        self._audit = audit
        self._stopping = threading.Event()
        self._trying = threading.Lock()
        self._guard = threading.Lock()
        self._tried: dict[str, _Remembered] = {}
        self._saved: dict[str, _Saved] = {}

    def stop(self) -> None:
        """End a trial that is going on, and refuse others."""
        self._stopping.set()

    def try_camera(self, by: str, bed_id: str, draft: CameraDraft) -> TriedCamera:
        """Open a camera beside the one that watches the bed, and say what it sends. Takes up to 15 s.

        Args:
            by: Who asks.
            bed_id: For which bed.
            draft: What was written.

        Raises:
            RefusedError: It is none that may be tried here, another one is being tried, or there is no such bed.
        """
        settings, keeps_login = drafted_settings(draft, self._camera_of(bed_id))
        if self._stopping.is_set() or not self._trying.acquire(blocking=False):
            words = Phrase("another camera is being tried now; try again in some seconds")
            raise RefusedError(words, RefusalCode.CAMERA_BUSY)
        try:
            trial = self._watched(settings)
        finally:
            self._trying.release()
        is_good = trial.error is None
        self._audit("camera_tried", {"by": by, "bed": bed_id, "address": trial.address, "picture_came": is_good})
        return TriedCamera(trial, self._remember(by, bed_id, settings) if is_good else None, keeps_login)

    def save(self, by: str, bed_id: str, trial_id: str) -> tuple[str, ...]:
        """Watch the bed with a camera that was tried, and write it to the configuration; say what that interrupts.

        Raises:
            RefusedError: This person has not tried it for this bed within the last five minutes.
            ConfigError: The configuration cannot be written; nothing was changed.
        """
        with self._guard:
            self._forget_old()
            found = self._tried.get(trial_id)
        if found is None or (found.by, found.bed_id) != (by, bed_id):
            words = Phrase("try the camera first; what was tried more than five minutes ago is forgotten")
            raise RefusedError(words, RefusalCode.CAMERA_UNTRIED)
        before = self._camera_of(bed_id)
        settings = found.settings
        written: Path | None = None
        if settings.password is not None and settings.password != before.password:
            written = self._write_password(bed_id, settings.password.get_secret_value())
            settings = settings.model_copy(update={"password": None, "password_file": written})
        try:
            sentences, take_back = self._change(by, bed_id, settings)
        except BaseException:
            if written is not None:
                written.unlink(missing_ok=True)
            raise
        with self._guard:
            self._tried.pop(trial_id, None)
            self._saved[bed_id] = _Saved(by, self._clock.monotonic(), take_back)
        self._remove_old_passwords(bed_id, {settings.password_file, before.password_file})
        return sentences

    def take_back(self, by: str, bed_id: str) -> None:
        """Watch the bed with the camera before again, within 15 s of its change by the same person.

        Raises:
            RefusedError: It is too late, or another person changed it.
            ConfigError: The configuration was changed since, or cannot be written.
        """
        with self._guard:
            found = self._saved.get(bed_id)
            is_late = found is None or self._clock.monotonic() - found.saved_seconds > _UNDO_SECONDS
            if found is None or is_late or found.by != by:
                raise RefusedError(Phrase("it is too late to undo that"), RefusalCode.UNDO_TOO_LATE)
            del self._saved[bed_id]
        found.take_back()

    def last_change(self, bed_id: str) -> tuple[str, float] | None:
        """Return who changed the bed's camera last, and how many seconds ago; None where nothing can be undone."""
        with self._guard:
            found = self._saved.get(bed_id)
        if found is None:
            return None
        age_seconds = self._clock.monotonic() - found.saved_seconds
        return (found.by, age_seconds) if age_seconds <= _UNDO_SECONDS else None

    def _camera_of(self, bed_id: str) -> CameraSettings:
        for bed in self._running().beds:
            if bed.id == bed_id:
                return bed.camera
        words = Phrase("the configuration of this station names no such bed; change its camera where the bed is kept")
        raise RefusedError(words, RefusalCode.BED_UNKNOWN)

    def _watched(self, settings: CameraSettings) -> CameraTrial:
        config = self._running()
        with ExitStack() as opened:
            detector = None
            try:
                models = self._open_models()
                opened.callback(models.close)
                detector = models.detector
            except EngineError as error:
                _log.warning("a camera is tried without looking for a face: %s", error)
            return try_camera(
                settings,
                detector,
                config.faces,
                clock=self._clock,
                patience_seconds=_PATIENCE_SECONDS,
                seconds=_WATCH_SECONDS,
                is_wanted=lambda: not self._stopping.is_set(),
            )

    def _remember(self, by: str, bed_id: str, settings: CameraSettings) -> str:
        trial_id = secrets.token_urlsafe(16)
        with self._guard:
            self._forget_old()
            while len(self._tried) >= _REMEMBERED:
                del self._tried[next(iter(self._tried))]
            self._tried[trial_id] = _Remembered(by, bed_id, settings, self._clock.monotonic())
        return trial_id

    def _forget_old(self) -> None:
        oldest = self._clock.monotonic() - _REMEMBERED_SECONDS
        self._tried = {name: one for name, one in self._tried.items() if one.tried_seconds >= oldest}

    @property
    def _directory(self) -> Path:
        return self._running().spool.directory.absolute() / "cameras"

    def _write_password(self, bed_id: str, password: str) -> Path:
        """Write a password where this user alone can read it.

        Raises:
            ConfigError: That cannot be done.
        """
        file = self._directory / f"{bed_id}.{secrets.token_hex(4)}"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as target:
                target.write(password)
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            raise ConfigError(f"cannot write the camera's password to {file} ({error.strerror})") from None
        return file

    def _remove_old_passwords(self, bed_id: str, needed: set[Path | None]) -> None:
        """Remove the passwords of a bed's cameras before the last one, which can still be taken back."""
        with suppress(OSError):
            for file in self._directory.glob(f"{bed_id}.????????"):
                if file not in needed:
                    file.unlink(missing_ok=True)
