"""Plans: found for exactly this model, version and GPU, and never loaded otherwise."""

import hashlib
from pathlib import Path

import pytest

from monitor.errors import EngineError
from monitor.inference.plans import PlanKey, PlanRecord, find_plan, note_parity, read_plan, write_plan

_KEY = PlanKey("ab" * 32, "tensorrt-rtx", "1.7.1", "8.6")
_CONTENT = b"a plan"


def _record(**changes: object) -> PlanRecord:
    fields: dict[str, object] = {
        "onnx_file": "model.fp16.onnx",
        "onnx_sha256": _KEY.onnx_sha256,
        "engine": _KEY.engine,
        "engine_version": _KEY.engine_version,
        "compute_capability": _KEY.compute_capability,
        "requested_precision": "fp16",
        "profile": (1, 1, 8),
        "build_seconds": 1.0,
        "plan_sha256": hashlib.sha256(_CONTENT).hexdigest(),
        "plan_bytes": len(_CONTENT),
    }
    return PlanRecord.model_validate({**fields, **changes})


def test_finds_what_was_written(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "engines", _record(), _CONTENT)
    assert path.name == f"{'ab' * 8}-tensorrt-rtx-1.7.1-sm86.plan"
    plan = find_plan(tmp_path / "engines", _KEY)
    assert (plan.path, plan.content, plan.record) == (path, _CONTENT, _record())
    assert sorted(file.suffix for file in path.parent.iterdir()) == [".json", ".plan"]


def test_says_what_is_there_instead(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"there is no tensorrt-rtx 1\.7\.1 plan for compute capability 8\.6"):
        find_plan(tmp_path, _KEY)
    write_plan(tmp_path, _record(compute_capability="8.9"), _CONTENT)
    with pytest.raises(
        EngineError, match=r"other models, versions or GPUs: .*-sm89\.plan; build one with `nicu-export"
    ):
        find_plan(tmp_path, _KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"onnx_sha256": "cd" * 32}, "was built for another model file"),
        ({"engine": "tensorrt"}, "was built for tensorrt, here is needed tensorrt-rtx"),
        ({"engine_version": "1.6"}, r"was built for tensorrt-rtx 1\.6, here is needed 1\.7\.1; it was not loaded"),
        ({"compute_capability": "12.0"}, r"was built for compute capability 12\.0, here is needed 8\.6"),
        ({"plan_sha256": "00" * 32}, "is not the file that was built"),
    ],
)
def test_a_plan_for_something_else_is_not_loaded(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """Renamed by hand, or copied from another machine."""
    path = tmp_path / _KEY.file_name
    path.write_bytes(_CONTENT)
    path.with_suffix(".json").write_text(_record(**change).model_dump_json(by_alias=True))
    with pytest.raises(EngineError, match=message):
        read_plan(path, _KEY)


@pytest.mark.parametrize("position", range(len(_CONTENT)))
def test_one_byte_changed_is_noticed(tmp_path: Path, position: int) -> None:
    path = write_plan(tmp_path, _record(), _CONTENT)
    changed = bytearray(_CONTENT)
    changed[position] ^= 1
    path.write_bytes(changed)
    with pytest.raises(EngineError, match="SHA-256 differs from its side-car"):
        find_plan(tmp_path, _KEY)


def test_a_plan_without_a_readable_side_car_is_not_loaded(tmp_path: Path) -> None:
    path = write_plan(tmp_path, _record(), _CONTENT)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(EngineError, match="does not describe a plan"):
        find_plan(tmp_path, _KEY)
    path.with_suffix(".json").unlink()
    with pytest.raises(EngineError, match=r"\.json cannot be read"):
        find_plan(tmp_path, _KEY)


def test_the_side_car_takes_the_outcome_of_the_verification(tmp_path: Path) -> None:
    path = write_plan(tmp_path, _record(), _CONTENT)
    assert find_plan(tmp_path, _KEY).record.parity == "not run"
    assert note_parity(path, "passed: no difference")
    plan = find_plan(tmp_path, _KEY)
    assert plan.record == _record(parity="passed: no difference")
    assert plan.content == _CONTENT
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".plan"]


def test_no_outcome_is_noted_for_a_plan_that_is_not_there(tmp_path: Path) -> None:
    assert not note_parity(tmp_path / _KEY.file_name, "failed: there is none")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / _KEY.file_name).with_suffix(".json").write_text("{}")
    with pytest.raises(EngineError, match=r"sm86\.json does not describe a plan; `nicu-export engine BUNDLE`"):
        note_parity(tmp_path / _KEY.file_name, "failed")
