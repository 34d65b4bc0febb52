"""How many frames per second this machine analyses at most: measured in operation, remembered for the next start."""

import json
import logging
import math
import os
import secrets
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.inference.engine_factory import describe_engines
from monitor.inference.processor import describe_processor
from monitor.station.load_governor import TOO_SLOW_SHARE

__all__ = ["CapacityMeter", "MeasuredCapacity", "capacity_warning", "describe_setup", "read_capacity"]

_log = logging.getLogger(__name__)

_FILE = "capacity.json"
_WINDOW_SECONDS = 30.0
_SATURATED_SHARE = 0.94
_NOTICEABLE = 1.05
_COSTLY = ("detection_size_px", "track_guided", "mesh_following")
_LEAST_RATE = 1.0
"""Frames per second of a bed below which the delays of the alarms do not hold."""


class MeasuredCapacity(BaseModel):
    """The most that a machine has analysed.

    Attributes:
        setup: The machine and the models, in words; a measurement of another setup says nothing.
        frames_per_second: Over half a minute, of all beds together.
        beds: How many there were.
        measured_at: UTC.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    setup: str
    frames_per_second: float = Field(gt=0.0, allow_inf_nan=False)
    beds: int = Field(ge=1)
    measured_at: datetime


def describe_setup(config: StationConfig) -> str:
    """Return in words what a measured capacity depends on: processor, workers, models, engine, and how faces are found.

    What is as by default goes without saying.
    """
    models, faces = config.models, config.faces
    changed = [
        f"{name} {getattr(section, name)}"
        for section, names in ((models, ("cpu_precision",)), (faces, _COSTLY), (config.analysis, ("camera_processes",)))
        for name in names
        if getattr(section, name) != type(section).model_fields[name].default
    ]
    return (
        f"{len(os.sched_getaffinity(0))} cores of {describe_processor()}, "
        f"{config.analysis.workers or 'automatic'} workers, "
        f"{models.detector} and {models.classifier} on {describe_engines(models.engines)}"
        + "".join(f", {one}" for one in changed)
    )


def read_capacity(config: StationConfig) -> MeasuredCapacity | None:
    """Return what was measured with the same setup, None where nothing was."""
    try:
        text = (config.spool.directory / _FILE).read_text(encoding="utf-8")
        measured = MeasuredCapacity.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return measured if measured.setup == describe_setup(config) else None


def capacity_warning(config: StationConfig, measured: MeasuredCapacity | None) -> str | None:
    """Return a sentence where the configured beds need more than was measured; None where they fit or nobody knows."""
    if measured is None or not config.beds:
        return None
    beds, wanted = len(config.beds), config.analysis.frames_per_second
    rate = measured.frames_per_second / beds
    if rate >= TOO_SLOW_SHARE * wanted:
        return None
    fitting = max(1, math.floor(measured.frames_per_second / (TOO_SLOW_SHARE * wanted)))
    consequence = f"{rate:.1f} times a second, not {wanted:g}"
    if rate < _LEAST_RATE:
        consequence += ", too seldom for the delays of the alarms"
    return (
        f"this machine has analysed {measured.frames_per_second:.0f} frames a second at most (measured on "
        f"{measured.measured_at:%Y-%m-%d} with {measured.beds} beds): each of {beds} beds would be analysed "
        f"{consequence}; leave it {fitting}, lower analysis.frames_per_second, or add a station"
    )


class CapacityMeter:
    """Measures while the station runs, and stores the highest value. Called from the supervisor's thread.

    What was analysed while the workers had time to spare is less than the machine can do, so it raises an old value and
    never replaces it by a lower one; half a minute without any spare time gives the value itself.

    Args:
        config: Names the state directory and the setup.
        clock: Monotonic time and the date.
    """

    def __init__(self, config: StationConfig, clock: Clock) -> None:
        self._path = config.spool.directory / _FILE
        self._setup = describe_setup(config)
        self._clock = clock
        self._stored = read_capacity(config)
        self._is_from_this_run = False
        self._window: tuple[float, int] | None = None
        self._is_saturated = True

    @property
    def measured(self) -> MeasuredCapacity | None:
        """The newest value, None before the first."""
        return self._stored

    def update(self, analysed: int, beds: int, busy_share: float) -> None:
        """Take the state of this moment; call it several times a second.

        Args:
            analysed: Frames of all beds since the start of the station.
            beds: Whose cameras play.
            busy_share: Share in [0, 1] of the workers' time in which they analysed frames.
        """
        now = self._clock.monotonic()
        if self._window is None:
            self._window, self._is_saturated = (now, analysed), True
        self._is_saturated = self._is_saturated and busy_share >= _SATURATED_SHARE
        began, before = self._window
        if now - began < _WINDOW_SECONDS:
            return
        rate = (analysed - before) / (now - began)
        self._window = None
        if beds == 0 or rate <= 0.0:
            return
        stored = 0.0 if self._stored is None else self._stored.frames_per_second
        if self._is_saturated and not self._is_from_this_run:
            self._is_from_this_run = True
            self._store(rate, beds)
        elif self._stored is not None and rate > _NOTICEABLE * stored:
            self._store(rate, beds)

    def _store(self, rate: float, beds: int) -> None:
        measured = MeasuredCapacity(
            setup=self._setup, frames_per_second=rate, beds=beds, measured_at=self._clock.wall()
        )
        self._stored = measured
        draft = self._path.with_name(f".{_FILE}.{secrets.token_hex(4)}")
        try:
            draft.write_text(json.dumps(measured.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            _log.warning("the measured capacity cannot be stored in %s: %s", self._path, error.strerror)
