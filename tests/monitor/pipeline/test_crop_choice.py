"""A bed whose views and crops are cut on a device sees what a bed sees whose pictures the processor cuts."""

import itertools
import logging
from collections.abc import Iterator

import numpy as np
import pytest
from host_crops import HostCrops, compile_kernel

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.errors import EngineError
from monitor.inference.device_memory import CudaApi
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.pipeline.crop_choice import CropDevices
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

_FACES = FaceSettings(detection_size_px=320)
_FRAMES = 8


class Devices:
    """Opens devices in the main memory, the kernel's own source where there is a compiler, and holds them."""

    def __init__(self, library) -> None:
        self.opened: list[HostCrops] = []
        self.is_lost = False
        self._library = library

    def open(self, _api: CudaApi) -> HostCrops:
        if self.is_lost:
            raise EngineError("the GPU is lost")
        self.opened.append(HostCrops(self._library))
        return self.opened[-1]

    @property
    def choice(self) -> CropDevices:
        return CropDevices(frozenset({"onnxruntime"}), self.open)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory):
    return compile_kernel(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def devices(library) -> Devices:
    return Devices(library)


def open_models(devices: Devices, **changes: object) -> tuple[ModelSet, WorkerModels]:
    settings = ModelSettings.model_validate({"engine": "onnxruntime", "crops": "gpu", **changes})
    models = ModelSet(settings, _FACES, crop_devices=devices.choice)
    return models, models.open()


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    painter = SyntheticBed(3, "pain", width_px=640, height_px=360)
    return [Frame(painter.frame(30 + index / 5)[0], index / 5, index / 5, index) for index in range(_FRAMES)]


def watch(frames: list[Frame], models: WorkerModels) -> Iterator[FrameResult]:
    numbers = itertools.count()
    bed = BedPipeline(
        BedSettings(id="bed-1", camera=CameraSettings(url="synthetic://pain")),
        _FACES,
        AlarmSettings(),
        lambda: f"id-{next(numbers)}",
        stopwatch=lambda: 0.0,
    )
    for frame in frames:
        yield bed.analyse(frame, models)


@pytest.fixture(scope="module")
def by_processor(frames: list[Frame]) -> list[FrameResult]:
    models = ModelSet(ModelSettings(engine="onnxruntime", crops="cpu"), _FACES).open()
    assert models.cutter is None
    results = list(watch(frames, models))
    models.close()
    assert sum(result.observation.score is not None for result in results) > _FRAMES / 2
    return results


def assert_alike(found: list[FrameResult], expected: list[FrameResult]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.failure is None
        assert one.observation.validity is other.observation.validity
        assert (one.observation.score is None) == (other.observation.score is None)
        if one.observation.score is not None:
            assert one.observation.score == pytest.approx(other.observation.score, abs=0.03)
        boxes = [None if result.frame_faces is None else result.frame_faces.patient for result in (one, other)]
        assert (boxes[0] is None) == (boxes[1] is None)
        if boxes[0] is not None and boxes[1] is not None:
            assert boxes[0].face.box.center_x_px == pytest.approx(boxes[1].face.box.center_x_px, abs=1.0)
            assert boxes[0].face.box.size_px == pytest.approx(boxes[1].face.box.size_px, abs=1.5)


@pytest.mark.parametrize("batching", ["off", "on"])
def test_a_bed_sees_the_same(
    frames: list[Frame], by_processor: list[FrameResult], devices: Devices, batching: str
) -> None:
    models, worker = open_models(devices, batching=batching)
    (device,) = devices.opened
    assert_alike(list(watch(frames, worker)), by_processor)
    assert worker.cutter.uploads == _FRAMES, "each frame goes up once"
    assert len(device.launches) > 2 * _FRAMES, "views and crops"
    assert models.degraded is None
    worker.close()
    assert device.memory.is_closed


def test_a_bed_sees_the_same_where_the_classifier_runs_elsewhere(
    frames: list[Frame], by_processor: list[FrameResult], devices: Devices
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    _, worker = open_models(devices, classifier_engine="openvino")
    assert worker.engines == {"detector": "onnxruntime", "classifier": "openvino"}
    assert_alike(list(watch(frames, worker)), by_processor)
    worker.close()


def test_no_frame_is_lost_when_the_device_fails(
    frames: list[Frame], by_processor: list[FrameResult], devices: Devices
) -> None:
    models, worker = open_models(devices, batching="on")
    results = []
    for number, result in enumerate(watch(frames, worker)):
        results.append(result)
        if number == _FRAMES // 2:
            devices.is_lost = True
            devices.opened[0].fails.set()
            cut_before = sum(devices.opened[0].launches)
    assert_alike(results, by_processor)
    assert cut_before > 0
    assert sum(devices.opened[0].launches) == cut_before
    assert devices.opened[0].memory.is_closed
    assert models.degraded is not None
    worker.close()
    assert models.degraded is None


def test_every_worker_shares_the_device_and_the_last_one_closes_it(devices: Devices) -> None:
    models, first = open_models(devices)
    second = models.open()
    assert first.cutter is second.cutter
    first.close()
    first.close()
    assert not devices.opened[0].memory.is_closed
    second.close()
    assert devices.opened[0].memory.is_closed
    again = models.open()
    assert len(devices.opened) == 2
    again.close()


def test_a_trial_decides_where_nobody_did(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for costs, is_chosen in (((0.002, 0.001), True), ((0.001, 0.002), False)):
        monkeypatch.setattr("monitor.pipeline.crop_choice.compare_costs", lambda _device, costs=costs: costs)
        _, worker = open_models(devices, crops="auto")
        assert (worker.cutter is not None) is is_chosen
        worker.close()
        assert devices.opened[-1].memory.is_closed
    assert "takes the processor 1.00 ms, and 2.00 ms of it on the GPU" in caplog.text


def test_an_engine_on_the_processor_gets_its_pictures_from_there(devices: Devices) -> None:
    settings = ModelSettings(engine="onnxruntime", crops="gpu")
    worker = ModelSet(settings, _FACES, crop_devices=CropDevices(frozenset({"tensorrt"}), devices.open)).open()
    assert worker.cutter is None
    assert devices.opened == []
    worker.close()


def test_what_cannot_be_had_is_said_and_refused_where_that_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_api: CudaApi) -> HostCrops:
        raise OSError("libnvrtc.so.13: cannot open shared object file")

    none = CropDevices(frozenset({"onnxruntime"}), refuse)
    worker = ModelSet(ModelSettings(engine="onnxruntime", crops="gpu"), _FACES, crop_devices=none).open()
    assert worker.cutter is None
    worker.close()
    assert "cut by the processor, not on the GPU: libnvrtc" in caplog.text
    settings = ModelSettings(engine="onnxruntime", crops="gpu", on_missing_engine="refuse")
    with pytest.raises(EngineError, match=r"libnvrtc.*set `models.crops: cpu`"):
        ModelSet(settings, _FACES, crop_devices=none).open()


def test_pictures_of_noise_and_of_odd_sizes_do_not_upset_it(devices: Devices) -> None:
    _, worker = open_models(devices)
    shapes = [(360, 640), (49, 63), (97, 301)]
    pictures = [np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    frames = [Frame(image, float(index), None, index) for index, image in enumerate(pictures)]
    assert all(result.failure is None for result in watch(frames, worker))
    worker.close()
