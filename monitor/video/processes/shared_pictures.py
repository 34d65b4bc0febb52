"""Pictures in memory that two processes share: written by one, read without a copy by the other.

A state byte for each slot, then the slots. The writer fills a free slot and sets its byte; the reader clears it when
the last view of the picture is gone. The first free slot is taken, so that few of them are used.
"""

import mmap
import os
import sys
from collections.abc import Callable

import numpy as np

from monitor.video.planar_picture import PlanarPicture, YuvColours

__all__ = ["SLOTS", "PictureReader", "PictureWriter"]

SLOTS = 16
"""One picture is analysed, one waits, one is written; a slot that was never needed takes no memory."""
_FREE, _TAKEN = 0, 1


class PictureWriter:
    """Memory for the pictures of one camera, as long as they keep their size.

    Args:
        picture_bytes: Size of one picture.
        give: Called once with the handle, which the reader gets a copy of.

    Raises:
        OSError: The system gives no memory, or the handle could not be given.
    """

    def __init__(self, picture_bytes: int, give: Callable[[int], None]) -> None:
        self.picture_bytes = picture_bytes
        size, handle = _offset(SLOTS, picture_bytes), os.memfd_create("nicu-pictures", os.MFD_CLOEXEC)
        try:
            os.ftruncate(handle, size)
            self._memory = mmap.mmap(handle, size)
            give(handle)
        finally:
            os.close(handle)  # the mapping stays

    def write(self, image: PlanarPicture) -> int | None:
        """Copy a picture of `picture_bytes` bytes into a free slot and return which; None where none is free."""
        slot = next((slot for slot in range(SLOTS) if self._memory[slot] == _FREE), None)
        if slot is not None:
            data = np.frombuffer(self._memory, np.uint8, self.picture_bytes, _offset(slot, self.picture_bytes))
            height, width = image.shape[:2]
            target = PlanarPicture.of_bytes(data, (width, height), image.colours)
            for plane, written in zip(image.planes, target.planes, strict=True):
                np.copyto(written, plane)
            self._memory[slot] = _TAKEN
        return slot

    def close(self) -> None:
        """Free this end's part of it."""
        self._memory.close()


class PictureReader:
    """The other end of that memory.

    Args:
        handle: From the writer; closed.
        picture_bytes: Size of one picture.

    Raises:
        OSError: It cannot be mapped.
    """

    def __init__(self, handle: int, picture_bytes: int) -> None:
        self._picture_bytes = picture_bytes
        try:
            self._memory = mmap.mmap(handle, _offset(SLOTS, picture_bytes))
        finally:
            os.close(handle)
        self._address = np.frombuffer(self._memory, np.uint8).ctypes.data

    def picture(self, slot: int, size_px: tuple[int, int], colours: YuvColours) -> PlanarPicture:
        """Return a picture, read-only; its slot is free again when no view of it is left.

        Args:
            slot: Where it lies.
            size_px: (width, height).
            colours: What its numbers mean.

        Raises:
            ValueError: There is no such slot, or it holds no such picture.
        """
        if not 0 <= slot < SLOTS:
            raise ValueError(f"there is no slot {slot}, only {SLOTS}")
        address = self._address + _offset(slot, self._picture_bytes)
        data = np.asarray(_SharedPicture(self._memory, slot, address, self._picture_bytes))
        return PlanarPicture.of_bytes(data, size_px, colours)


class _SharedPicture:
    """The bytes of one picture for NumPy to read in place; every view of the array holds it alive.

    Args:
        memory: All slots.
        slot: Which of them.
        address: Of its first byte.
        picture_bytes: How many it has.
    """

    def __init__(self, memory: mmap.mmap, slot: int, address: int, picture_bytes: int) -> None:
        self._memory, self._slot = memory, slot
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "shape": (picture_bytes,),
            # The second value: read-only.
            "data": (address, True),
        }

    def __del__(self) -> None:
        """Give the slot back."""
        if not sys.is_finalizing():
            self._memory[self._slot] = _FREE


def _offset(slot: int, picture_bytes: int) -> int:
    """Return where a slot begins: at a page, so that an unused one takes no memory."""
    page = mmap.PAGESIZE
    return page + slot * -(-picture_bytes // page) * page
