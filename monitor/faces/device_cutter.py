"""Cuts what models see on a GPU, for all workers of a station; where that fails, the processor cuts, within the frame.

A frame's picture goes up once. A failure closes the device's part and opens it again in a thread of its own, ever more
rarely where that fails too; meanwhile every square is cut by the processor, and the station says that it is degraded.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.backoff import Backoff
from monitor.errors import EngineError
from monitor.faces.device_crop import CropPlan, DevicePicture
from monitor.faces.picture_copies import MOST_COPIES, PictureCopies
from monitor.faces.squares import PictureSquare
from monitor.inference.device_memory import DeviceMemory
from monitor.inference.lazy_rows import Square
from monitor.inference.opening import Opening
from monitor.inference.recovering_engine import EngineHealth
from monitor.inference.tensors import first_line

__all__ = ["CropDevice", "DeviceCutter"]

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
_PROVEN_SECONDS = 60.0
"""A device that cut so long after it was opened again is trusted as before."""
_CHANNELS = 3


class CropDevice(Protocol):
    """What holds pictures and cuts squares out of them."""

    @property
    def name(self) -> str:
        """As engines name the device that they run on: `cuda`; `cpu` in tests."""
        ...

    @property
    def memory(self) -> DeviceMemory:
        """Its memory and stream; closed with it."""
        ...

    def launch(self, pictures: Sequence[DevicePicture], plans: Sequence[CropPlan], address: int) -> None:
        """Start cutting squares of one size into memory of the device, one behind the other; on the memory's stream.

        Args:
            pictures: One for each plan.
            plans: At most `MOST_COPIES`.
            address: Of the first square, shape (size_px, size_px, 3), uint8.

        Raises:
            EngineError: The device refused it.
        """
        ...

    def close(self) -> None:
        """Free everything; safe to call twice, and never an error."""
        ...


class DeviceCutter:
    """The cutter of one station; see `Cutter`. Engines, workers and threads of batches share it.

    Args:
        device: Cuts first; closed with this one.
        reopen: Opens the same device again; called in another thread.
        health: Is notified when the processor has to cut, and of the end of that.
        monotonic: Seconds.
    """

    def __init__(
        self,
        device: CropDevice,
        reopen: Callable[[], CropDevice],
        health: EngineHealth,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = device.name
        self._reopen = reopen
        self._health = health
        self._monotonic = monotonic
        self._backoff = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._lock = threading.Lock()
        self._device: CropDevice | None = device
        self._copies = PictureCopies(device.memory)
        self._opening: Opening[CropDevice] | None = None
        self._next_seconds = 0.0
        self._opened_seconds: float | None = None
        self._is_open = True

    @property
    def device(self) -> str:
        """Where the addresses lie that it writes to."""
        return self._name

    @property
    def is_ready(self) -> bool:
        """Whether it cuts, or an attempt to open the device again is due or over."""
        opening = self._opening
        if self._device is not None:
            return True
        return self._monotonic() >= self._next_seconds if opening is None else opening.has_ended(0.0)

    @property
    def uploads(self) -> int:
        """How many pictures have gone up since the device was opened; for measurements."""
        return self._copies.uploads

    def cut(self, squares: Sequence[Square], address: int) -> bool:
        """See `Cutter.cut`."""
        parts = [square for square in squares if isinstance(square, PictureSquare)]
        if len(parts) != len(squares):
            return False
        with self._lock:
            device = self._device or self._opened_again()
            if device is None:
                return False
            try:
                self._cut(device, parts, address)
            except Exception as error:  # noqa: BLE001 - a library's own error is a failure as well
                self._drop(error)
                return False
            self._note_success()
        return True

    def close(self) -> None:
        """Free the device; safe to call twice."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            device, self._device = self._device, None
            opening, self._opening = self._opening, None
            self._health.restore(self)
        if device is not None:
            device.close()
        if opening is not None:
            opening.abandon()

    def _cut(self, device: CropDevice, squares: Sequence[PictureSquare], address: int) -> None:
        with device.memory.entered():
            for start in range(0, len(squares), MOST_COPIES):
                part = squares[start : start + MOST_COPIES]
                side_px = part[0].plan.size_px
                row_bytes = side_px * side_px * _CHANNELS
                first = address + start * row_bytes
                pictures = self._copies.of([square.image for square in part])
                device.launch(pictures, [square.plan for square in part], first)
                kept: list[tuple[PictureSquare, NDArray[np.uint8]]] = []
                for number, square in enumerate(part):
                    if square.is_kept:
                        pixels = np.empty((side_px, side_px, _CHANNELS), np.uint8)
                        device.memory.download(pixels, first + number * row_bytes)
                        kept.append((square, pixels))
                device.memory.synchronise()
                self._copies.settle()
                for square, pixels in kept:
                    square.keep(pixels)

    def _note_success(self) -> None:
        if self._opened_seconds is None:
            return
        self._health.restore(self)
        if self._monotonic() - self._opened_seconds > _PROVEN_SECONDS:
            self._opened_seconds = None
            self._backoff.reset()
            self._next_seconds = 0.0

    def _drop(self, error: Exception) -> None:
        """Leave a device that failed, and note it."""
        sentence = str(error) if isinstance(error, EngineError) else first_line(error)
        device, self._device = self._device, None
        if device is not None:
            device.close()
        self._next_seconds = self._monotonic() + self._backoff.next_seconds()
        self._opened_seconds = None
        _log.error("pictures cannot be cut on the GPU and are cut by the processor: %s", sentence)
        self._health.fail(self, "The GPU cuts no pictures; the processor cuts them in its place, perhaps less often.")

    def _opened_again(self) -> CropDevice | None:
        """Return the device once it is open again, None where it is not yet; starts an attempt where one is due."""
        if self._opening is None:
            if not self._is_open or self._monotonic() < self._next_seconds:
                return None
            self._opening = Opening(self._reopen, "the cutting of pictures on the GPU")
        if not self._opening.has_ended(0.0):
            return None
        device, reason = self._opening.take(), self._opening.reason
        self._opening = None
        if device is None:
            self._next_seconds = self._monotonic() + self._backoff.next_seconds()
            _log.warning("pictures cannot be cut on the GPU yet: %s", reason)
            return None
        _log.warning("pictures are cut on the GPU again")
        self._device, self._copies = device, PictureCopies(device.memory)
        self._opened_seconds = self._monotonic()
        return device
