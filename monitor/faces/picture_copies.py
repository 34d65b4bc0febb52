"""The copies of pictures on a device: a picture goes up once, however many squares are cut out of it."""

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.faces.device_crop import DevicePicture
from monitor.inference.device_memory import DeviceMemory
from monitor.video.planar_picture import Picture

__all__ = ["MOST_COPIES", "PictureCopies"]

MOST_COPIES = 64
"""So many pictures are on the device at a time; with 32 workers, each of which analyses one."""
_CHANNELS = 3
_LEAST_BYTES = 1 << 20


@dataclass(slots=True)
class _Copy:
    """Memory of the device, and the picture in it.

    Attributes:
        address: Of the memory.
        size_bytes: Likewise.
        image: The picture; its number alone could be that of a later one.
        picture: As the kernel finds it.
        used: Counts up with every use.
    """

    address: int
    size_bytes: int
    image: "weakref.ref[Picture]"
    picture: DevicePicture
    used: int

    @property
    def is_over(self) -> bool:
        """Whether nobody holds the picture any more."""
        return self.image() is None


class PictureCopies:
    """Belongs to one device, and to one thread at a time.

    Args:
        memory: Of the device; frees all copies when it is closed.

    Attributes:
        uploads: How many pictures went up; for measurements.
    """

    def __init__(self, memory: DeviceMemory) -> None:
        self._memory = memory
        self._copies: list[_Copy] = []
        self._uses = 0
        self._on_their_way: list[NDArray[np.uint8]] = []
        self.uploads = 0

    def of(self, images: list[Picture]) -> list[DevicePicture]:
        """Return where pictures lie on the device, once the stream has come so far; uploads those that are not there.

        Args:
            images: At most `MOST_COPIES` different ones, each of shape (height, width, 3), uint8, RGB.

        Raises:
            EngineError: The device has no memory left, or fails.
        """
        first_use = self._uses + 1
        return [self._of(image, first_use).picture for image in images]

    def settle(self) -> None:
        """Note that the stream was waited for: what is on the device is read from the main memory no more."""
        self._on_their_way.clear()

    def _of(self, image: Picture, first_use: int) -> _Copy:
        self._uses += 1
        copy = next((copy for copy in self._copies if copy.image() is image), None)
        if copy is None:
            copy = self._upload(image, first_use)
        copy.used = self._uses
        return copy

    def _upload(self, image: Picture, first_use: int) -> _Copy:
        pixels, pitch_bytes = _bytes_of(np.asarray(image))
        height_px, width_px = image.shape[:2]
        copy = self._free_copy(pixels.nbytes, first_use)
        address, size_bytes = (0, 0) if copy is None else (copy.address, copy.size_bytes)
        if size_bytes < pixels.nbytes:
            # By powers of two: cameras that change their size do not use up the device.
            size_bytes = max(_LEAST_BYTES, 1 << (pixels.nbytes - 1).bit_length())
            address = self._memory.allocate(size_bytes)
        self._on_their_way.append(pixels)
        self._memory.upload(address, pixels)
        self.uploads += 1
        picture = DevicePicture(address, 0, pitch_bytes, width_px, height_px)
        new = _Copy(address, size_bytes, weakref.ref(image), picture, self._uses)
        # Only now: an upload that failed leaves no memory behind that seems to hold the picture.
        if copy is not None:
            self._copies.remove(copy)
        self._copies.append(new)
        return new

    def _free_copy(self, size_bytes: int, first_use: int) -> _Copy | None:
        """Return a copy whose memory may be used again; None where there is room for one more."""
        idle = [copy for copy in self._copies if copy.used < first_use]
        fitting = [copy for copy in idle if copy.size_bytes >= size_bytes]
        over = [copy for copy in fitting if copy.is_over]
        if over:
            return min(over, key=lambda copy: copy.size_bytes)
        if len(self._copies) < MOST_COPIES:
            return None
        return min(fitting or idle, key=lambda copy: copy.used)


def _bytes_of(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a picture's bytes in one piece, not copied where only gaps lie between its rows, and its pitch."""
    height_px, width_px = image.shape[:2]
    row_bytes = width_px * _CHANNELS
    pitch_bytes = image.strides[0]
    if image.strides[1:] != (_CHANNELS, 1) or pitch_bytes < row_bytes:
        return np.ascontiguousarray(image).reshape(-1), row_bytes
    length = (height_px - 1) * pitch_bytes + row_bytes
    return np.lib.stride_tricks.as_strided(image, (length,), (1,), writeable=False), pitch_bytes
