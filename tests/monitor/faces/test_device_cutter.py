"""Squares cut on a device: the pictures of their own frames, within one level, and by the processor when it fails."""

import gc
import threading
from collections.abc import Callable

import numpy as np
import pytest
from host_crops import HostCrops, HostMemory
from hypothesis import given, settings
from hypothesis import strategies as st
from mean_model import mean_model

from monitor.errors import EngineError
from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.cuda_crops import compare_costs
from monitor.faces.device_cutter import DeviceCutter
from monitor.faces.geometry import OrientedBox
from monitor.faces.picture_copies import MOST_COPIES, PictureCopies
from monitor.faces.squares import CropSquare, ViewSquare
from monitor.faces.viewport import Viewport
from monitor.inference.lazy_rows import LazyRows, join_rows
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.padded_engine import BatchSizes, PaddedEngine
from monitor.inference.recovering_engine import EngineHealth

_BOX, _SPEC = OrientedBox(60.0, 40.0, 30.0, 36.0, 25.0), CropSpec(16, 0.1)
_VIEW = Viewport(32, 64.0, 48.0, 0.4, 15.0)


def picture(seed: int, width: int = 128, height: int = 96, gap: int = 0) -> np.ndarray:
    """Noise; with a gap behind every row, as decoders leave it."""
    rows = np.random.default_rng(seed).integers(0, 256, (height, width * 3 + gap), dtype=np.uint8)
    return np.lib.stride_tricks.as_strided(rows, (height, width, 3), (rows.strides[0], 3, 1))


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A cutter whose device fails, and can or cannot be opened again, on demand."""

    def __init__(self) -> None:
        self.device, self.time, self.health = HostCrops(), Time(), EngineHealth()
        self.opens = True
        self.may_open = threading.Event()
        self.may_open.set()
        self.cutter = DeviceCutter(self.device, self.open, self.health, self.time)
        self.target = np.zeros((MOST_COPIES + 8, 32, 32, 3), np.uint8)

    def open(self) -> HostCrops:
        assert self.may_open.wait(30)
        if not self.opens:
            raise EngineError("the GPU is lost")
        self.device = HostCrops()
        return self.device

    def cut(self, *squares: ViewSquare | CropSquare) -> bool:
        return self.cutter.cut(squares, self.target.ctypes.data)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_views_of_many_frames_are_cut_in_one_go_and_each_frame_goes_up_once(bench: Bench) -> None:
    images = [picture(seed, gap=seed % 3) for seed in range(5)]
    squares = [ViewSquare(image, _VIEW) for image in images for _ in range(2)]
    assert bench.cut(*squares)
    assert bench.device.launches == [10]
    assert bench.cutter.uploads == 5
    expected = np.stack([_VIEW.render(image) for image in images for _ in range(2)]).astype(int)
    assert np.abs(bench.target[:10] - expected).max() <= 1
    assert bench.cut(*squares)
    assert bench.cutter.uploads == 5


def test_more_squares_than_pictures_fit_are_cut_one_after_the_other(bench: Bench) -> None:
    images = [picture(seed) for seed in range(MOST_COPIES + 8)]
    assert bench.cut(*(ViewSquare(image, _VIEW) for image in images))
    assert bench.device.launches == [MOST_COPIES, 8]
    expected = np.stack([_VIEW.render(image) for image in images]).astype(int)
    assert np.abs(bench.target - expected).max() <= 1


def test_a_crop_comes_back_into_the_main_memory(bench: Bench) -> None:
    square, image = CropSquare(picture(1), _BOX, _SPEC), picture(1)
    assert bench.cut(square)
    cut = bench.target.reshape(-1)[: 16 * 16 * 3].reshape(16, 16, 3)
    np.testing.assert_array_equal(square.pixels(), cut)
    assert np.abs(square.pixels() - crop_face(image, _BOX, _SPEC).astype(int)).max() <= 1


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([64, 100, 700])), min_size=1, max_size=30))
def test_a_copy_is_never_that_of_another_picture(asked: list[tuple[int, int]]) -> None:
    """Pictures go, and later ones get their numbers in this process; the device holds always the one asked."""
    memory = HostMemory()
    copies, held = PictureCopies(memory), {}
    for name, side in asked:
        held[name] = image = np.random.default_rng(side + name).integers(0, 256, (side, side, 3), dtype=np.uint8)
        with memory.entered():
            (there,) = copies.of([image])
            memory.synchronise()
            found = np.zeros_like(image)
            memory.download(found, there.address)
            memory.synchronise()
        copies.settle()
        np.testing.assert_array_equal(found, image)
    assert len(memory.buffers) <= 2 * len(held) + 2, "memory of pictures that are gone is used again"


def test_no_frame_is_kept_by_its_copy(bench: Bench) -> None:
    import weakref

    image = picture(1)
    gone = weakref.ref(image)
    assert bench.cut(ViewSquare(image, _VIEW))
    del image
    gc.collect()
    assert gone() is None


def test_a_device_that_fails_is_left_at_once_reported_and_taken_back(bench: Bench) -> None:
    square = CropSquare(picture(2), _BOX, _SPEC)
    bench.device.fails.set()
    bench.opens = False
    first = bench.device
    assert not bench.cut(square)
    assert first.memory.is_closed
    assert not bench.cutter.is_ready, "nobody asks before an attempt is due"
    np.testing.assert_array_equal(square.pixels(), crop_face(picture(2), _BOX, _SPEC))
    assert "the processor cuts them in its place" in (bench.health.degraded or "")
    bench.opens = True
    bench.time.now += 2
    _until(bench, lambda: bench.cut(ViewSquare(picture(3), _VIEW)))
    assert bench.health.degraded is None
    assert bench.cutter.is_ready
    bench.cutter.close()
    bench.cutter.close()
    assert bench.device.memory.is_closed
    assert not bench.cut(square)


def test_an_opening_that_hangs_holds_up_no_frame(bench: Bench) -> None:
    first = bench.device
    first.fails.set()
    bench.may_open.clear()
    assert not bench.cut(ViewSquare(picture(3), _VIEW))
    bench.time.now += 2
    for _ in range(20):
        assert not bench.cut(ViewSquare(picture(3), _VIEW))
    assert not bench.cutter.is_ready
    bench.may_open.set()
    bench.cutter.close()
    _wait(lambda: bench.device is not first and bench.device.memory.is_closed)


def test_a_device_without_memory_leaves_the_cutting_to_the_processor(bench: Bench) -> None:
    bench.device.memory.limit_bytes = 1 << 20
    assert not bench.cut(ViewSquare(picture(1, 900, 700), _VIEW))
    assert bench.health.degraded is not None


def test_an_engine_takes_its_input_where_it_was_cut(bench: Bench) -> None:
    """ONNX Runtime reads the very memory that the device wrote to: the answers are those of arrays."""
    engine = PaddedEngine(OnnxRuntimeEngine(mean_model()), BatchSizes(4))
    rows = [LazyRows((CropSquare(picture(seed), _BOX, _SPEC),), 16, bench.cutter) for seed in range(7)]
    found = engine.run({"crops": join_rows(rows)})["score"]
    expected = engine.run({"crops": np.stack([crop_face(picture(seed), _BOX, _SPEC) for seed in range(7)])})["score"]
    assert np.abs(found - expected).max() < 1 / 255
    assert bench.device.launches == [4, 3]
    bench.device.fails.set()
    later = [LazyRows((CropSquare(picture(seed), _BOX, _SPEC),), 16, bench.cutter) for seed in range(7)]
    np.testing.assert_array_equal(engine.run({"crops": join_rows(later)})["score"], expected)


def test_an_engine_elsewhere_gets_arrays(bench: Bench) -> None:
    """The reserve on the processor, when the engine on the GPU is gone."""
    bench.device.name = "cuda"
    cutter = DeviceCutter(bench.device, bench.open, bench.health)
    square = CropSquare(picture(4), _BOX, _SPEC)
    answer = OnnxRuntimeEngine(mean_model()).run({"crops": LazyRows((square,), 16, cutter)})
    assert bench.device.launches == []
    assert answer["score"][0] == pytest.approx(crop_face(picture(4), _BOX, _SPEC).mean() / 255, abs=1e-5)


def test_a_trial_tells_both_costs(bench: Bench) -> None:
    processor, device = compare_costs(bench.device, rounds=1)
    assert 0 < processor < device, "NumPy in place of a GPU is slower than OpenCV"
    assert not bench.device.memory.is_closed


def _until(bench: Bench, is_reached: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_reached():
            return
        threading.Event().wait(0.01)
        bench.time.now += 60
    raise AssertionError("never reached")


def _wait(is_reached: Callable[[], bool]) -> None:
    for _ in range(3000):
        if is_reached():
            return
        threading.Event().wait(0.01)
    raise AssertionError("never reached")
