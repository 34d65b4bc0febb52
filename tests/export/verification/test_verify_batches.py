"""A model is compared in every size of batch that a station runs it in: alone on a CPU, filled up on a GPU."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.verification import verify
from export.verification.report import Row
from monitor.errors import EngineInputError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import open_variant
from monitor.inference.manifest import EngineName, Variant
from monitor.inference.outcomes import Kernels

Answer = dict[str, NDArray[Any]]
MakeRow = Callable[..., Row]


class OddEngine:
    """ONNX Runtime under another name, which finds no pain in batches of some sizes, and refuses others.

    Args:
        engine: What answers.
        answered: Its answers so far by picture, so that no picture is run twice.
        name: The other name.
        calm_in: Sizes of batches.
        takes: Sizes of batches; others are refused.
        says_largest: Whether it tells the largest one, as TensorRT's does.
    """

    def __init__(
        self,
        engine: Engine,
        answered: dict[bytes, Answer],
        name: EngineName,
        calm_in: tuple[int, ...],
        takes: range,
        *,
        says_largest: bool,
    ) -> None:
        self._answered = answered
        self._engine = engine
        self._calm_in = calm_in
        self._takes = takes
        self.name = name
        self.inputs = engine.inputs
        self.outputs = engine.outputs
        self.sizes: set[int] = set()
        if says_largest:
            self.largest_batch = takes[-1]

    def run(self, inputs: Mapping[str, Any]) -> Answer:
        rows = len(next(iter(inputs.values())))
        if rows not in self._takes:
            raise EngineInputError(f"built for batches of {self._takes}, got {rows}")
        self.sizes.add(rows)
        (given,) = inputs.items()
        parts = [self._answer(given[0], picture) for picture in given[1]]
        answer = {output: np.concatenate([part[output] for part in parts]) for output in parts[0]}
        if rows in self._calm_in:
            answer = {**answer, "score": np.full_like(answer["score"], 0.001)}
        return answer

    def _answer(self, name: str, picture: NDArray[np.uint8]) -> Answer:
        key = picture.tobytes()
        if key not in self._answered:
            self._answered[key] = self._engine.run({name: picture[np.newaxis]})
        return self._answered[key]

    def close(self) -> None:
        self._engine.close()


@pytest.fixture(scope="module")
def answered() -> dict[bytes, Answer]:
    return {}


@pytest.fixture
def verified(answered: dict[bytes, Answer], monkeypatch: pytest.MonkeyPatch) -> MakeRow:
    """Verify the packaged classifier with an odd engine."""
    bundle = read_bundle("ncnn-demo", kind="classifier")

    def make(
        name: EngineName, calm_in: tuple[int, ...] = (), takes: range = range(1, 65), *, says_largest: bool = True
    ) -> tuple[Row, set[int]]:
        opened: list[OddEngine] = []

        def open_odd(read: Bundle, variant: Variant, _: EngineName) -> OddEngine:
            engine = open_variant(read, variant, "onnxruntime")
            opened.append(OddEngine(engine, answered, name, calm_in, takes, says_largest=says_largest))
            return opened[-1]

        monkeypatch.setattr(verify, "open_variant", open_odd)
        monkeypatch.setattr(verify, "kernels_here", lambda _: Kernels("1", ""))
        monkeypatch.setattr(verify, "plan_key_here", lambda *_: SimpleNamespace(file_name="a.plan"))
        (row,) = verify.verify_bundle(bundle, [name]).rows
        return row, opened[0].sizes

    return make


@pytest.mark.parametrize(("name", "size"), [("onnxruntime", 1), ("onnxruntime", 6), ("openvino", 1)])
@pytest.mark.parametrize("is_calm", [True, False])
def test_a_cpu_is_asked_for_one_picture_and_for_several(
    verified: MakeRow, name: EngineName, size: int, *, is_calm: bool
) -> None:
    row, sizes = verified(name, (size,) if is_calm else ())
    assert sizes == {1, 6}
    assert row.outcome == ("failed" if is_calm else "passed")


def test_answers_of_another_shape_fail(verified: MakeRow, monkeypatch: pytest.MonkeyPatch) -> None:
    run = OddEngine.run

    def upright(engine: OddEngine, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        return {**run(engine, inputs), "score": run(engine, inputs)["score"][:, np.newaxis]}

    monkeypatch.setattr(OddEngine, "run", upright)
    row, _ = verified("onnxruntime")
    assert row.outcome == "failed"
    assert row.reasons == ("score has the shape (6, 1) and in golden.npz (6,); export it again",)


def test_the_clip_is_run_as_a_cpu_station_runs_it(verified: MakeRow) -> None:
    """The scores alone would show the same; the alarms are those of one picture a run."""
    alone, _ = verified("onnxruntime", (1,))
    together, _ = verified("onnxruntime", (6,))
    assert alone.figures is not None
    assert together.figures is not None
    assert (alone.figures.timeline_equal, together.figures.timeline_equal) == (False, True)


@pytest.mark.parametrize("name", ["onnxruntime-cuda", "tensorrt"])
@pytest.mark.parametrize("calm_in", [(), (1,), (4,), (16,)])
def test_a_gpu_is_asked_for_the_batches_that_a_station_fills_up_to(
    verified: MakeRow, name: EngineName, calm_in: tuple[int, ...]
) -> None:
    row, sizes = verified(name, calm_in)
    assert sizes == {1, 4, 16}
    assert row.outcome == ("failed" if calm_in else "passed")


@pytest.mark.parametrize(
    ("takes", "says_largest", "sizes"),
    [(range(1, 5), True, {1, 4}), (range(1, 5), False, {1, 4}), (range(4, 17), True, {4, 16}), (range(2), True, {1})],
)
def test_what_a_plan_was_not_built_for_is_no_failure_of_its_model(
    verified: MakeRow, takes: range, sizes: set[int], *, says_largest: bool
) -> None:
    row, ran = verified("tensorrt", (), takes, says_largest=says_largest)
    assert (row.outcome, row.reasons, ran) == ("passed", (), sizes)
    row, _ = verified("tensorrt", (max(sizes),), takes, says_largest=says_largest)
    assert row.outcome == "failed"


@pytest.mark.parametrize(("name", "takes"), [("tensorrt", range(2, 4)), ("onnxruntime", range(2, 65))])
def test_what_no_station_could_run_fails(verified: MakeRow, name: EngineName, takes: range) -> None:
    row, _ = verified(name, (), takes, says_largest=False)
    assert row.outcome == "failed"
    assert "built for batches" in row.reasons[0]
