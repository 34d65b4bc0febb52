"""The beds that a station watches now, each with its camera: they come, change and go while all others go on."""

import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Generic, TypeVar

from monitor.board.status_records import BedInfo
from monitor.clock import Clock
from monitor.config import AlarmSettings, BedSettings
from monitor.errors import ConfigError, VideoError
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.outputs import StationOutputs
from monitor.video.processes.remote_camera import BedCamera

__all__ = ["LiveMapping", "WatchedBeds"]


_WORKER_SECONDS = 2.0
"""Longer than any frame takes; a worker that hangs in a model is the watchdog's business."""

_CAMERAS_SECONDS = 3.0

Value = TypeVar("Value")


class LiveMapping(Mapping[str, Value], Generic[Value]):
    """A mapping that may change while others go through it: who goes through it sees it as it was when he began."""

    def __init__(self) -> None:
        self._items: dict[str, Value] = {}

    def __getitem__(self, key: str) -> Value:
        """Return the value of a key."""
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        """Go through the keys."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._items)

    def keys(self) -> KeysView[str]:
        """Return the keys of this moment."""
        return self._items.keys()

    def values(self) -> ValuesView[Value]:
        """Return the values of this moment."""
        return self._items.values()

    def items(self) -> ItemsView[str, Value]:
        """Return keys and values of this moment."""
        return self._items.items()

    def put(self, key: str, value: Value) -> None:
        """Add or replace a value."""
        self._items = {**self._items, key: value}

    def drop(self, key: str) -> None:
        """Leave a key out from now on."""
        self._items = {name: value for name, value in self._items.items() if name != key}


class WatchedBeds:
    """Opens, changes and closes beds. One thread at a time may change them; every thread may go through them.

    Args:
        clock: For the cameras' and the alarm logic's time.
        scheduler: Hands the frames of every bed to the workers.
        outputs: Metrics, board and publisher.
        new_bed: Makes the chain of a bed; the number in [0, 1) is when its frames lie between those of other beds.
        new_camera: Makes its camera, not started yet.
    """

    def __init__(
        self,
        clock: Clock,
        scheduler: FairScheduler,
        outputs: StationOutputs,
        new_bed: Callable[[BedSettings, float], BedPipeline],
        new_camera: Callable[[BedSettings, float], BedCamera],
    ) -> None:
        self.beds: LiveMapping[BedPipeline] = LiveMapping()
        self.cameras: LiveMapping[BedCamera] = LiveMapping()
        self.pairs: LiveMapping[tuple[BedPipeline, BedCamera]] = LiveMapping()
        self.guard = threading.RLock()
        """Held for the moment of every change: who holds it sees no bed that is half gone."""
        self._clock = clock
        self._scheduler = scheduler
        self._outputs = outputs
        self._new_bed = new_bed
        self._new_camera = new_camera
        self._phases: dict[str, float] = {}

    def create(
        self, settings: BedSettings, phase: float, prepare: Callable[[BedPipeline], object] = lambda _: None
    ) -> BedPipeline:
        """Take a bed in, without opening its camera yet.

        Args:
            settings: Of the bed.
            phase: In [0, 1): when its frames lie between those of other beds.
            prepare: Called with the bed before any other thread can see it: what it said meanwhile would be lost.

        Raises:
            MonitorError: It can have no such camera; `prepare` was not called.
        """
        bed = self._new_bed(settings, phase)
        camera = self._new_camera(settings, phase)
        prepare(bed)
        with self.guard:
            self._phases[bed.id] = phase
            self.beds.put(bed.id, bed)
            self.cameras.put(bed.id, camera)
        return bed

    def open(self, bed_id: str) -> None:
        """Open a bed's camera, and analyse and supervise the bed from now on."""
        bed, camera = self.beds[bed_id], self.cameras[bed_id]
        with self.guard:
            self._show_beds()
            self._outputs.metrics.add_camera(bed_id, camera.camera_id, camera.status)
            self._scheduler.add(bed_id, camera.latest_frame)
            self.pairs.put(bed_id, (bed, camera))
        camera.start()

    def close(self, bed_id: str) -> BedPipeline:
        """Watch a bed no more, and return it; what was published of it stays as it is."""
        self._scheduler.remove(bed_id, _WORKER_SECONDS)
        bed, camera = self.beds[bed_id], self.cameras[bed_id]
        with self.guard:
            bed.retire()
            for mapping in (self.pairs, self.beds, self.cameras):
                mapping.drop(bed_id)
            self._phases.pop(bed_id, None)
            self._show_beds()
            self._outputs.metrics.remove_camera(bed_id, camera.camera_id)
        camera.stop()
        return bed

    def leave(self, bed_id: str) -> BedPipeline:
        """Let a bed say nothing more, and nobody ask anything of it; return it. Its camera goes on until `stop`."""
        bed = self.beds[bed_id]
        with self.guard:
            bed.retire()
            for mapping in (self.pairs, self.beds):
                mapping.drop(bed_id)
        return bed

    def check(self, beds: Iterable[BedSettings]) -> None:
        """Make sure that each of these beds can have its camera, before any bed is changed.

        Raises:
            ConfigError: One of them cannot.
        """
        for settings in beds:
            try:
                self._new_camera(settings, 0.0)
            except VideoError as error:
                raise ConfigError(
                    f"nothing was changed, for bed {settings.id} can have no such camera: {error}"
                ) from error

    def change(self, settings: BedSettings, *, new_camera: bool) -> None:
        """Give a bed another region or camera; its alarms, history and ids go on."""
        bed_id = settings.id
        self._scheduler.remove(bed_id, _WORKER_SECONDS)
        bed, before = self.beds[bed_id], self.cameras[bed_id]
        camera = before
        if new_camera:
            before.stop()
            camera = self._new_camera(settings, self._phases[bed_id])
        with self.guard:
            bed.change_settings(settings)
            self.cameras.put(bed_id, camera)
            self.pairs.put(bed_id, (bed, camera))
            if camera.camera_id != before.camera_id:
                self._outputs.metrics.move_camera(bed_id, before.camera_id, camera.camera_id, camera.status)
            elif new_camera:
                self._outputs.metrics.add_camera(bed_id, camera.camera_id, camera.status)
            self._show_beds()
        if new_camera:
            camera.start()
        self._scheduler.add(bed_id, camera.latest_frame)

    def change_alarms(self, alarms: AlarmSettings) -> None:
        """Give every bed other alarm settings; what is on stays on.

        Raises:
            ValueError: They do not fit the alarm state.
        """
        for bed in self.beds.values():
            bed.change_alarms(alarms)

    def stop(self) -> None:
        """Stop every camera, all together: several that hang take no longer than one."""
        cameras = self.cameras.values()
        give_up = self._clock.monotonic() + _CAMERAS_SECONDS
        for camera in cameras:
            camera.stop(0.0)
        for camera in cameras:
            camera.stop(max(0.0, give_up - self._clock.monotonic()))

    def _show_beds(self) -> None:
        self._outputs.board.watch(
            BedInfo(name, self.cameras[name].camera_id, region=bed.region.edges) for name, bed in self.beds.items()
        )
