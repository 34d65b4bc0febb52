"""Runs a recorded video through a bed: every due frame in order, with the file's own time, the same each time."""

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.alerts.record import Alert, AlertContext, AlertModel, ClockState, GenerationMode, compose_alert
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.config.file import config_hash
from monitor.pain.vocabulary import Code, Transition
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.video.frame import Frame
from monitor.video.freeze_dark_detector import FreezeDarkDetector
from monitor.video.reader import VideoReader, open_video
from monitor.video.sampling import Sampler

__all__ = ["Replay", "ReplayStep"]


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """One picture of the file.

    Attributes:
        frame: The picture.
        result: What it led to; None for a picture that was not due.
        transitions: Changed alarm conditions.
        alerts: Their records.
    """

    frame: Frame
    result: FrameResult | None
    transitions: tuple[Transition, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Replay:
    """One file on its way through one bed; a context manager.

    Time is the file's own. Alerts are labelled as if the file had begun at 1970-01-01T00:00:00Z, with ids and a
    producer made from the file's digest, so that the same file and configuration give the same bytes.

    Args:
        video: The file.
        config: Its first bed of the given name, or its only one, determines where the patient is searched for.
        bed_id: Which bed.
        models: Bundles.
        frames_per_second: Analysed pictures per second; None analyses every picture.
        deliver_all: Also deliver the pictures that are not analysed (to draw on them).

    Raises:
        VideoError: The file cannot be read as video.
        EngineError: The models cannot be run.
    """

    def __init__(
        self,
        video: Path,
        config: StationConfig,
        bed_id: str,
        models: ModelSet,
        frames_per_second: float | None,
        *,
        deliver_all: bool = False,
    ) -> None:
        with ExitStack() as opened:
            self._reader: VideoReader = opened.enter_context(
                open_video(video, None if deliver_all else frames_per_second)
            )
            # Nothing else runs here: one detection pass may have every core.
            self._models: WorkerModels = models.open(threads=len(os.sched_getaffinity(0)))
            opened.callback(self._models.close)
            self._opened = opened.pop_all()
        # Where every picture is delivered, the same pictures are analysed as where only those are.
        self._sampler = Sampler(frames_per_second) if deliver_all else None
        digest = _digest(video)
        self._producer_id = f"replay-{digest[:16]}"
        numbers = itertools.count(1)
        settings = next(bed for bed in config.beds if bed.id == bed_id)
        self._clock = ManualClock()
        self.bed = BedPipeline(
            settings,
            config.faces,
            config.alarms,
            new_id=lambda: f"{self._producer_id}-{next(numbers)}",
            stopwatch=time.perf_counter,
            expected_prior=config.models.expected_prior,
        )
        self._context = AlertContext(
            station=config.station.id,
            bed=bed_id,
            camera=self.bed.camera_id,
            generation_mode=GenerationMode.REPLAY,
            model=AlertModel(name=models.classifier.name, sha256=models.classifier.sha256),
            config_hash=config_hash(config),
            clock_state=ClockState.UNKNOWN,
        )
        self._freeze_dark = FreezeDarkDetector()
        self._seq = 0

    @property
    def duration_seconds(self) -> float | None:
        """Length of the file, None where it does not state it."""
        return self._reader.duration_seconds

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self._reader.size_px

    @property
    def video_frames_per_second(self) -> float | None:
        """Rate of the file, None where it does not state it."""
        return self._reader.frames_per_second

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file and the models."""
        self._opened.close()

    def __iter__(self) -> Iterator[ReplayStep]:
        """Deliver the pictures with what they led to.

        Raises:
            VideoError: After the last picture of a truncated file.
        """
        for frame in self._reader:
            if self._sampler is not None and not self._sampler.due(frame.time_seconds):
                yield ReplayStep(frame, None)
                continue
            self._clock.advance_to(max(frame.time_seconds, self._clock.monotonic()))
            changed = self._check_picture(frame)
            result = self.bed.analyse(frame, self._models)
            changed += result.transitions
            yield ReplayStep(frame, result, tuple(changed), tuple(map(self._alert, changed)))

    def _check_picture(self, frame: Frame) -> list[Transition]:
        """Report what a live camera would: a frozen or dark picture."""
        self._freeze_dark.update(frame.image, frame.time_seconds)
        changed: list[Transition] = []
        for code, since in (
            (Code.PICTURE_FROZEN, self._freeze_dark.frozen_since_seconds),
            (Code.PICTURE_DARK, self._freeze_dark.dark_since_seconds),
        ):
            changed += self.bed.report(code, since is not None, frame.time_seconds, since_seconds=since)
        return changed

    def _alert(self, transition: Transition) -> Alert:
        draft = compose_alert(transition, self._context, self._clock)
        self._seq += 1
        return Alert(
            **draft.model_dump(by_alias=False),
            producer_id=self._producer_id,
            seq=self._seq,
            published_at=draft.determined_at,
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
