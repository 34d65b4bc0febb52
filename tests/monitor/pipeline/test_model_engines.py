"""Each model of a station may have an engine of its own; what cannot run is replaced or refused for it alone."""

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import pytest

from export.bundle_writer import write_bundle
from monitor.config import FaceSettings, ModelSettings
from monitor.config.base import EngineKind
from monitor.config.changes import compare_configs
from monitor.config.file import find_mistakes, read_config
from monitor.errors import EngineError
from monitor.faces.viewport import Viewport
from monitor.inference import engine_factory, recovering_engine
from monitor.inference.bundle import Bundle, find_bundle, read_bundle
from monitor.inference.engine_factory import ENGINES, kernels_here, missing_reason, open_engine
from monitor.inference.manifest import Variant
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.synthetic import SyntheticBed

FACES = FaceSettings(detection_size_px=320)
CHOICES = get_args(EngineKind)
BEDS = 'beds: [{id: bed-1, camera: {url: "synthetic://calm"}}]\n'


def open_models(**models: object) -> tuple[ModelSet, WorkerModels]:
    opened = ModelSet(ModelSettings.model_validate({"engine": "onnxruntime", **models}), FACES)
    return opened, opened.open()


def answers(worker: WorkerModels) -> tuple[float, list[float]]:
    """The best face of a picture, and the scores of some crops."""
    image = SyntheticBed(3, "calm", width_px=640, height_px=360).frame(0.0)[0]
    found = worker.detector.detect(image, Viewport(worker.detector.size_px, 320.0, 180.0, 0.5, 0.0), 0.2)
    size = worker.classifier.size_px
    crops = np.random.default_rng(5).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    return found[0].face.score, list(worker.classifier.scores(crops))


@pytest.fixture(scope="module")
def openvino() -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")


@pytest.fixture(scope="module")
def expected() -> Iterator[tuple[float, list[float]]]:
    _, worker = open_models()
    yield answers(worker)
    worker.close()


def assert_alike(found: tuple[float, list[float]], expected: tuple[float, list[float]]) -> None:
    assert found[0] == pytest.approx(expected[0], abs=1e-3)
    assert found[1] == pytest.approx(expected[1], abs=1e-3)


@pytest.mark.usefixtures("openvino")
@pytest.mark.parametrize("batching", ["off", "on"])
@pytest.mark.parametrize(
    ("fields", "engines"),
    [
        ({"classifier_engine": "openvino"}, {"detector": "onnxruntime", "classifier": "openvino"}),
        ({"detector_engine": "openvino"}, {"detector": "openvino", "classifier": "onnxruntime"}),
        (
            {"engine": "openvino", "detector_engine": "onnxruntime"},
            {"detector": "onnxruntime", "classifier": "openvino"},
        ),
        ({"engine": "openvino"}, {"detector": "openvino", "classifier": "openvino"}),
    ],
)
def test_each_model_runs_on_its_own_engine_with_the_same_answers(fields, engines, batching, expected) -> None:
    models, worker = open_models(batching=batching, **fields)
    assert worker.engines == engines
    assert models.is_batched is (batching == "on")
    assert_alike(answers(worker), expected)
    worker.close()


@pytest.mark.usefixtures("openvino")
def test_engines_are_said_by_model_where_they_differ() -> None:
    _, worker = open_models(classifier_engine="openvino")
    assert worker.engine == "onnxruntime (detector), openvino (classifier)"
    worker.close()
    _, worker = open_models()
    assert worker.engine == "onnxruntime"
    worker.close()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small classifier that every engine was compared with, so that bf16 may run it, too."""
    packaged = read_bundle("ncnn-demo", kind="classifier")
    contents = {name: packaged.read(name) for name in packaged.manifest.files if name != "verification.json"}
    passed = dict.fromkeys(ENGINES, "passed")
    here = [(engine, kernels_here(engine)) for engine in ENGINES if missing_reason(engine) is None]
    rows = [{"file": "model.onnx", "engine": engine, **kernels._asdict()} for engine, kernels in here]
    contents["verification.json"] = json.dumps({"rows": rows}).encode()
    variants = tuple(one.model_copy(update={"verification": passed}) for one in packaged.manifest.variants)
    manifest = packaged.manifest.model_copy(update={"variants": variants})
    return write_bundle(tmp_path_factory.mktemp("models") / "classifier", manifest, contents)


def runs_on(bundle: Bundle, choice: EngineKind, size_px: int | None = None) -> str:
    """What a model alone runs on with a choice; ONNX Runtime where that cannot be had."""
    try:
        engine = open_engine(bundle, size_px=size_px, choice=choice, on_missing="refuse")
    except EngineError:
        return "onnxruntime"
    engine.close()
    return engine.name


@pytest.mark.long
def test_every_combination_that_the_configuration_accepts_opens(classifier: Bundle) -> None:
    detector = read_bundle(ModelSettings().detector)
    detects = {choice: runs_on(detector, choice, FACES.detection_size_px) for choice in CHOICES}
    scores = {choice: runs_on(classifier, choice) for choice in CHOICES}
    print(f"chosen and run: detector {detects}, classifier {scores}")
    for one, other in itertools.product(CHOICES, repeat=2):
        _, worker = open_models(engine=one, classifier_engine=other, classifier=str(classifier.path))
        assert worker.engines == {"detector": detects[one], "classifier": scores[other]}
        worker.close()


@pytest.mark.parametrize("choice", ["auto", "onnxruntime-cuda"])
def test_every_line_about_engines_is_said_once_for_all_files_and_workers(choice, monkeypatch, caplog) -> None:
    def missing(name: str) -> str | None:
        return None if name == "onnxruntime" else f"{name} is not here"

    monkeypatch.setattr("monitor.inference.engine_factory.missing_reason", missing)
    with caplog.at_level("INFO"):
        models, first = open_models(engine=choice)
        second = models.open()
    first.close()
    second.close()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(set(lines))
    assert sum("onnxruntime-cuda is not here" in line for line in lines) == (1 if choice == "auto" else 2)


@pytest.mark.parametrize("role", ["detector", "classifier"])
def test_an_engine_that_is_not_here_is_refused_for_its_model_alone_or_replaced(role, monkeypatch, caplog) -> None:
    def missing(name: str) -> str | None:
        return "openvino is not installed (pip install ...)" if name == "openvino" else None

    monkeypatch.setattr("monitor.inference.engine_factory.missing_reason", missing)
    _, worker = open_models(**{f"{role}_engine": "openvino"})
    assert set(worker.engines.values()) == {"onnxruntime"}
    worker.close()
    bundle = "retinaface" if role == "detector" else "face-actions"
    sentence = f"bundle {bundle} cannot run on openvino here \\(openvino: openvino is not installed"
    assert [record for record in caplog.records if record.levelname == "WARNING"]
    with pytest.raises(EngineError, match=sentence):
        open_models(**{f"{role}_engine": "openvino"}, on_missing_engine="refuse")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("clasifier_engine: openvino", "models.clasifier_engine: unknown field; did you mean `classifier_engine`?"),
        ("mesh_engine: openvino", "models.mesh_engine: unknown field; "),
        ("classifier_engine: openvin", "models.classifier_engine: Input should be 'auto', 'onnxruntime'"),
    ],
)
def test_an_unknown_model_or_engine_is_one_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(f"{BEDS}models: {{{line}}}\n", encoding="utf-8")
    (mistake,) = find_mistakes(path)
    assert sentence in str(mistake)
    assert "\n" not in str(mistake)


def test_another_engine_of_a_model_needs_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(BEDS, encoding="utf-8")
    before = read_config(path)
    assert set(before.models.engines.values()) == {"auto"}
    path.write_text(f"{BEDS}models: {{classifier_engine: openvino}}\n", encoding="utf-8")
    assert compare_configs(before, read_config(path)).needs_restart == ("models.classifier_engine",)


@pytest.mark.usefixtures("openvino")
def test_a_failure_of_one_engine_leaves_the_other_model_alone(monkeypatch, expected) -> None:
    from monitor.inference.openvino_engine import OpenVinoEngine

    models, worker = open_models(classifier_engine="openvino")

    def fail(*_: object, **__: object) -> None:
        raise EngineError("out of memory")

    for name in ("__init__", "run"):
        monkeypatch.setattr(OpenVinoEngine, name, fail)
    assert_alike(answers(worker), expected)
    assert models.degraded is not None
    assert "openvino failed; onnxruntime answers" in models.degraded
    worker.close()
    assert models.degraded is None


class _GpuEngine(OnnxRuntimeEngine):
    """ONNX Runtime on a GPU, as far as a station sees it: the processor computes. Remembers its batches."""

    batches: ClassVar[list[int]] = []
    reserve_threads: ClassVar[list[int]] = []
    works: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "onnxruntime-cuda"

    def run(self, inputs: Any) -> Any:
        if not self.works:
            raise EngineError("no kernel image is available for execution on the device")
        (rows,) = inputs.values()
        self.batches.append(len(rows))
        return super().run(inputs)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> type[_GpuEngine]:
    """Let `onnxruntime-cuda` be had."""
    original = engine_factory.open_variant

    def open_variant(bundle: Bundle, variant: Variant, name: str, **options: Any) -> Any:
        if name != "onnxruntime-cuda":
            _GpuEngine.reserve_threads.append(options["threads"])
            return original(bundle, variant, name, **options)
        return _GpuEngine(bundle.read(variant.file), label=variant.file)

    monkeypatch.setattr(engine_factory, "missing_reason", lambda _: None)
    monkeypatch.setattr(engine_factory, "open_variant", open_variant)
    monkeypatch.setattr(_GpuEngine, "batches", [])
    monkeypatch.setattr(_GpuEngine, "reserve_threads", [])
    return _GpuEngine


@pytest.mark.parametrize(("batching", "sizes"), [("auto", {1, 4, 16}), ("off", {1})])
def test_on_a_gpu_every_batch_size_has_run_before_the_first_frame(gpu, batching, sizes, expected) -> None:
    _, worker = open_models(engine="onnxruntime-cuda", crops="cpu", batching=batching)
    assert set(gpu.batches) == sizes
    assert len(gpu.batches) % 3 == 0  # the detector in two sizes, and the classifier
    before = len(gpu.batches)
    assert_alike(answers(worker), expected)
    assert set(gpu.batches[before:]) <= ({1, 4} if batching == "auto" else {1, 2})
    worker.close()


def test_a_gpu_that_opens_and_does_not_run_is_found_before_the_first_frame(gpu, monkeypatch, caplog) -> None:
    monkeypatch.setattr(gpu, "works", False)
    sentence = "onnxruntime-cuda opens and does not run: no kernel image is available"
    with pytest.raises(EngineError, match=sentence):
        open_models(engine="onnxruntime-cuda", on_missing_engine="refuse")
    models, worker = open_models(engine="onnxruntime-cuda")
    assert set(worker.engines.values()) == {"onnxruntime"}
    assert sentence in caplog.text
    assert "falling back to onnxruntime" in caplog.text
    assert not models.is_batched
    worker.close()


def test_auto_takes_the_next_engine_where_the_first_opens_and_does_not_run(gpu, monkeypatch, caplog) -> None:
    """Not the processor's, while another engine runs on the same GPU."""
    opens_gpu = engine_factory.open_variant

    class Plan(gpu):
        name = "tensorrt"

        def run(self, *_: Any) -> Any:
            raise RuntimeError("no kernel image is available for execution on the device")

        def close(self) -> None:
            super().close()
            raise RuntimeError("context is destroyed")

    def open_variant(bundle: Bundle, variant: Variant, name: str, **options: Any) -> Any:
        if name == "tensorrt":
            return Plan(bundle.read(variant.file), label=variant.file)
        if name == "tensorrt-rtx":
            raise EngineError("there is no tensorrt-rtx plan")
        return opens_gpu(bundle, variant, name, **options)

    monkeypatch.setattr(engine_factory, "open_variant", open_variant)
    models, worker = open_models(engine="auto")
    assert set(worker.engines.values()) == {"onnxruntime-cuda"}
    assert "tensorrt opens and does not run: no kernel image is available" in caplog.text
    assert models.is_batched
    worker.close()


@pytest.mark.parametrize(("batching", "threads"), [("auto", 8), ("off", 1)])
def test_the_reserve_that_answers_for_all_beds_has_cores_for_it(gpu, batching, threads, monkeypatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))
    _, worker = open_models(engine="onnxruntime-cuda", batching=batching)
    assert set(gpu.reserve_threads) == {threads}
    worker.close()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("harm", ["replaced", "gone"])
def test_an_engine_is_opened_again_with_the_model_that_ran(engine, harm, tmp_path, monkeypatch) -> None:
    """A bundle that lies ready for the next start must not blind the station that runs."""
    if engine == "openvino":
        pytest.importorskip("openvino", reason="openvino is not installed")
    monkeypatch.setattr(recovering_engine, "_WAIT_SECONDS", 60.0)
    directory = Path(shutil.copytree(find_bundle("ncnn-demo"), tmp_path / "bundle"))
    models, worker = open_models(classifier=str(directory), classifier_engine=engine)
    expected = answers(worker)[1]
    if harm == "gone":
        shutil.rmtree(directory)
    else:
        shutil.copytree(find_bundle("face-actions"), directory, dirs_exist_ok=True)

    def fail(*_: object) -> None:
        raise EngineError("an error that passes")

    recovering: Any = worker.classifier.engine
    monkeypatch.setattr(recovering._engine, "run", fail)
    assert answers(worker)[1] == expected
    assert recovering.name == engine
    assert models.degraded is None
    worker.close()
