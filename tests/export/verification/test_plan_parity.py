"""What verification finds with a TensorRT plan is in the plan's side-car."""

from pathlib import Path

import pytest

from export.bundle_writer import write_bundle
from export.engines.build import build_engine, parse_target
from export.verification.verify import verify_bundle, write_report
from monitor.errors import EngineError
from monitor.inference import engine_factory
from monitor.inference.bundle import Bundle
from monitor.inference.cuda import CudaProbe, Gpu
from monitor.inference.plans import PlanRecord, plan_directory

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")


def _parity(plan: Path) -> str:
    return PlanRecord.model_validate_json(plan.with_suffix(".json").read_bytes()).parity


def test_the_outcome_reaches_the_side_car_of_the_plan_that_ran(
    classifier_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan is a real one; the GPU is only said to be there, and gives no memory, so the plan is never loaded."""

    def no_memory(api: str) -> None:
        raise EngineError(f"no memory by {api}")

    gpu = Gpu("a GPU of this test", (8, 6), "13.0", 1 << 30)
    monkeypatch.setattr(engine_factory, "probe_cuda", lambda: CudaProbe(gpu, ""))
    monkeypatch.setattr(engine_factory, "open_device_memory", no_memory)
    contents = {name: classifier_bundle.read(name) for name in classifier_bundle.manifest.files}
    bundle = write_bundle(tmp_path / "bundle", classifier_bundle.manifest, contents)
    half = bundle.variant(precision="fp16")
    plans = [
        build_engine(bundle, half, "tensorrt-rtx", parse_target(target), directory=plan_directory(bundle))
        for target in ("sm86", "sm89")
    ]
    report = verify_bundle(bundle, ["onnxruntime", "tensorrt-rtx"])
    by_file = {(row.file, row.engine): row for row in report.rows}
    row = by_file[half.file, "tensorrt-rtx"]
    assert (row.plan, row.outcome) == (plans[0].name, "failed")
    assert by_file[half.file, "onnxruntime"].plan is None

    written = write_report(bundle, report)
    assert [_parity(plan) for plan in plans] == ["failed: no memory by auto", "not run"]
    assert written.variant(precision="fp16").verification == {"onnxruntime": "passed", "tensorrt-rtx": "failed"}

    figures = by_file[half.file, "onnxruntime"].figures
    passed = row.model_copy(update={"outcome": "passed", "reasons": (), "figures": figures})
    write_report(written, report.model_copy(update={"rows": (passed,)}))
    assert _parity(plans[0]).startswith("passed: scores differ by at most 0.0")
