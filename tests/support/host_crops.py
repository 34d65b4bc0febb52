"""The crop kernel without a GPU: "device" memory is main memory, the kernel its NumPy twin or its own source as C++.

Work happens when the stream is waited for, as on a GPU: who reads too early reads what was there before.
"""

import ctypes
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from monitor.errors import EngineError
from monitor.faces.device_crop import CropPlan, DevicePicture, kernel_source, render

_HOST = """
#include <cmath>
#include <initializer_list>
using std::rint;
#define __device__
#define __global__
struct Dim { int x, y, z; };
static Dim blockIdx, threadIdx, blockDim{1, 1, 1};
"""
_LOOP = """
extern "C" void run(const unsigned char *const *pictures, const int *pitches, const CropPlan *plans,
                    unsigned char *out, int size, int count) {
    for (int z = 0; z < count; ++z)
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x) {
                blockIdx = Dim{x, y, z};
                crop_squares(pictures, pitches, plans, out, size);
            }
}
extern "C" int plan_bytes() { return sizeof(CropPlan); }
"""


def host_source() -> str:
    """Return the kernel's source as C++ for this machine's processor."""
    return _HOST + kernel_source()


def compile_kernel(directory: Path) -> ctypes.CDLL | None:
    """Return the kernel's source as a library of this machine, with a loop in place of the grid; None without g++."""
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    source = directory / "kernel.cpp"
    source.write_text(host_source() + _LOOP)
    library = directory / "kernel.so"
    flags = ["-std=c++14", "-O2", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


def run_kernel(
    library: ctypes.CDLL, pictures: Sequence[DevicePicture], plans: Sequence[CropPlan], address: int
) -> None:
    pointers = np.array([(picture.address, picture.chroma_address) for picture in pictures], np.uint64)
    pitches = np.array([picture.pitch_bytes for picture in pictures], np.int32)
    packed = np.concatenate([plan.packed(picture.conversion) for plan, picture in zip(plans, pictures, strict=True)])
    arrays = (ctypes.c_void_p(array.ctypes.data) for array in (pointers, pitches, packed))
    library.run(*arrays, ctypes.c_void_p(address), plans[0].size_px, len(plans))


class HostMemory:
    """Device memory with real addresses of the main memory."""

    stream = 5

    def __init__(self) -> None:
        self.buffers: dict[int, np.ndarray] = {}
        self.queue: list[Callable[[], None]] = []
        self.is_closed = False
        self.limit_bytes = 1 << 30
        self._thread: int | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        assert not self.is_closed
        assert self._thread is None, "two threads at a time"
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None

    def allocate(self, size_bytes: int) -> int:
        assert self._thread == threading.get_ident()
        if sum(map(len, self.buffers.values())) + size_bytes > self.limit_bytes:
            raise EngineError("the GPU refused a CUDA call (CUDA_ERROR_OUT_OF_MEMORY)")
        buffer = np.full(size_bytes, 0xAA, np.uint8)
        self.buffers[buffer.ctypes.data] = buffer
        return buffer.ctypes.data

    def pin(self, size_bytes: int) -> np.ndarray:
        return np.full(size_bytes, 0x55, np.uint8)

    def upload(self, address: int, host: np.ndarray) -> None:
        assert host.flags.c_contiguous
        content = host.reshape(-1).view(np.uint8)
        self.submit(lambda: _at(address, content.size).__setitem__(slice(None), content))

    def download(self, host: np.ndarray, address: int) -> None:
        assert host.flags.c_contiguous
        target = host.reshape(-1).view(np.uint8)
        self.submit(lambda: target.__setitem__(slice(None), _at(address, target.size)))

    def submit(self, work: Callable[[], None]) -> None:
        assert self._thread == threading.get_ident()
        self.queue.append(work)

    def synchronise(self) -> None:
        while self.queue:
            self.queue.pop(0)()

    def close(self) -> None:
        self.is_closed = True
        self.buffers.clear()


class HostCrops:
    """A `CropDevice` in the main memory; fails on demand.

    Args:
        library: The compiled kernel; None for its NumPy twin.

    Attributes:
        fails: Until it is cleared, every launch fails; an error of a GPU sticks.
        launches: Squares of each launch.
    """

    name = "cpu"

    def __init__(self, library: ctypes.CDLL | None = None) -> None:
        self.memory = HostMemory()
        self.fails = threading.Event()
        self.launches: list[int] = []
        self._library = library

    def launch(self, pictures: Sequence[DevicePicture], plans: Sequence[CropPlan], address: int) -> None:
        if self.fails.is_set():
            raise EngineError("the GPU refused a CUDA call (CUDA_ERROR_ILLEGAL_ADDRESS)")
        assert len({plan.size_px for plan in plans}) == 1
        self.launches.append(len(plans))
        if self._library is not None:
            library = self._library
            self.memory.submit(lambda: run_kernel(library, pictures, plans, address))
            return
        for number, (picture, plan) in enumerate(zip(pictures, plans, strict=True)):
            self.memory.submit(partial(_cut, picture, plan, address + number * plan.size_px**2 * 3))

    def close(self) -> None:
        self.memory.close()


def _cut(picture: DevicePicture, plan: CropPlan, address: int) -> None:
    last = picture.width_px * 3
    flat = _at(picture.address, picture.pitch_bytes * (picture.height_px - 1) + last)
    strides = (picture.pitch_bytes, 3, 1)
    image = np.lib.stride_tricks.as_strided(flat, (picture.height_px, picture.width_px, 3), strides, writeable=False)
    square = render(image, plan)
    _at(address, square.size)[...] = square.reshape(-1)


def _at(address: int, size_bytes: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_uint8 * size_bytes).from_address(address))
