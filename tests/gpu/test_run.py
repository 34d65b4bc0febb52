"""The measurements for a GPU machine, without one: every step rehearses, or says in one line why not."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest

_RUN = Path(__file__).with_name("run.sh")
_INSTALLED = Path(sys.prefix) / "share" / "nicu-pain-monitor" / "models"
_BUNDLES = _INSTALLED if (_INSTALLED / "retinaface").is_dir() else Path(__file__).parents[2] / "monitor" / "bundles"
_STEPS = {path.stem for path in _RUN.parent.glob("[a-f]_*.py")}

_RECORDER = runpy.run_path(str(_RUN.with_name("record.py")))
record = _RECORDER["record"]

pytestmark = pytest.mark.e2e


def run(verb: str, out: Path, *, seconds: float = 200, **environment: str) -> str:
    done = subprocess.run(
        [_RUN, verb],
        env={
            **os.environ,
            "OUT": str(out),
            "PYTHON": sys.executable,
            "NICU_BUNDLES": str(_BUNDLES),
            "STEP_SECONDS": str(seconds),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_step_rehearses_or_says_why_not(tmp_path: Path) -> None:
    lines = run("rehearse", tmp_path).splitlines()
    assert len(lines) == len(_STEPS), lines
    assert [path.name for path in tmp_path.iterdir()] == ["results.tgz"], "what brings results back takes few files"
    subprocess.run(["tar", "-C", tmp_path, "-xzf", tmp_path / "results.tgz"], check=True)
    assert {path.stem for path in tmp_path.glob("*.log")} == _STEPS
    results = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert set(results) == _STEPS
    for name, result in results.items():
        assert result["outcome"] == "rehearsed" or (result["outcome"] == "not run" and result["reason"]), result
        assert result["device"].startswith("no GPU; ")
        assert any(line.startswith(f"{name}: {result['outcome']}") for line in lines)
    assert results["b_crops"]["outcome"] == results["c_onnxruntime"]["outcome"] == "rehearsed"
    assert results["c_recovery"]["numbers"]["stage"] == "ended"
    assert results["c_recovery"]["numbers"]["answered last by"] == "onnxruntime-cuda"
    assert results["c_sticky"]["numbers"]["stage"] == "ended"
    assert results["c_sticky"]["numbers"]["answered last by"] == "onnxruntime"
    for name in ("c_recovery", "c_sticky"):
        assert results[name]["numbers"]["largest difference"] < 1e-3
    if _BUNDLES == _INSTALLED:
        (watched,) = (value for name, value in results["e_beds"]["numbers"].items() if name.endswith("beds"))
        assert watched["engine"] == "onnxruntime"
        assert watched["frames per second of the bed that had fewest"] > 0
        for way in ("cpu", "gpu"):
            assert results["e_crops"]["numbers"][f"crops: {way}"]["frames per second and bed"] > 0
        assert results["e_crops"]["numbers"]["crops: gpu"]["pictures uploaded"] > 0
    assert record(tmp_path, "2026-01-01") == "", "a rehearsal is no record"


def test_a_part_travels_together_with_the_checkout() -> None:
    """64 MiB may travel: the files that git knows or does not ignore, and one part."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=_RUN.parents[2], capture_output=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is no checkout")
    paths = [_RUN.parents[2] / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    tree = sum(path.stat().st_size for path in paths if path.is_file())
    (part,) = re.findall(r"^PART=(\d+)m$", _RUN.read_text(encoding="utf-8"), re.MULTILINE)
    assert tree + int(part) * 2**20 < 60 * 2**20


@pytest.mark.parametrize("has_models", [False, True])
def test_a_pack_without_the_stations_models_says_so(tmp_path: Path, *, has_models: bool) -> None:
    """A machine that is lent once must not be where it is found that a step has nothing to run."""
    python, bundles, target = tmp_path / "python", tmp_path / "bundles", tmp_path / "target"
    python.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    python.chmod(0o755)
    for name in ("retinaface", "face-actions") if has_models else ():
        (bundles / name).mkdir(parents=True)
        (bundles / name / "bundle.json").touch()
    environment = {**os.environ, "PYTHON": str(python), "NICU_BUNDLES": str(bundles) if has_models else ""}
    done = subprocess.run([_RUN, "pack", target], env=environment, capture_output=True, text=True, check=True)
    assert ("step e will not run" in done.stderr) != has_models
    packed = subprocess.run(["tar", "-tf", target / "part-00"], capture_output=True, text=True, check=True).stdout
    assert ("bundles/retinaface/bundle.json" in packed) == has_models


def test_all_steps_fit_into_one_run() -> None:
    """Ten minutes are what a machine that is lent gives to a command."""
    pattern = r"^(STEP_SECONDS|STATION_SECONDS)=\$\{STEP_SECONDS:-(\d+)\}$"
    limits = dict(re.findall(pattern, _RUN.read_text(encoding="utf-8"), re.MULTILINE))
    stations = {"e_beds", "e_crops"}
    assert stations < _STEPS
    seconds = len(stations) * int(limits["STATION_SECONDS"]) + len(_STEPS - stations) * int(limits["STEP_SECONDS"])
    assert seconds + 3 * len(_STEPS) < 600


def test_a_step_whose_library_ends_the_process_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    lines = run("rehearse", tmp_path, PYTHON=str(crashing)).splitlines()
    assert [line.split(":")[0] for line in lines] == sorted(_STEPS)
    assert all("ended by signal 11" in line for line in lines)


def test_a_step_that_takes_too_long_is_ended_and_the_others_go_on(tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    lines = run("rehearse", tmp_path, seconds=0.3, PYTHON=str(hanging)).splitlines()
    assert [line.split(":")[0] for line in lines] == sorted(_STEPS)
    assert all("cut short after 0.3 s" in line for line in lines)


def test_the_record_holds_what_ran_and_nothing_else(tmp_path: Path) -> None:
    real = {"device": "a GPU", "is_rehearsal": False}
    ran = {"step": "a_memory", "outcome": "ran", **real, "numbers": {"graph": {"ms p50": 0.123456}}}
    failed = {"step": "b_crops", "outcome": "failed", "reason": "odd", **real, "numbers": {"crops": 1.0}}
    cut = {"step": "e_beds", "outcome": "cut short", **real, "numbers": {"100 beds": {"frame age ms p99": 150.0}}}
    rehearsed = {**cut, "step": "d_nvdec", "device": "a processor", "is_rehearsal": True}
    for step in (ran, failed, cut, rehearsed):
        (tmp_path / f"{step['step']}.json").write_text(json.dumps(step))
    text = record(tmp_path, "2026-01-01")
    assert "## Record: 2026-01-01, a GPU" in text
    assert "| graph, ms p50 | 0.1235 |" in text
    assert "crops" not in text.replace("b_crops", "")
    assert "b_crops (odd)" in text
    assert "### e_beds, cut short" in text
    assert text.count("| 100 beds, frame age ms p99 | 150 |") == 1


def test_tensorrt_8_is_built_so_that_every_batch_size_may_have_a_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its second context has no profile otherwise, and takes no batch."""
    monkeypatch.syspath_prepend(_RUN.parent)
    build = runpy.run_path(str(_RUN.with_name("f_tensorrt8.py")))["_build"]
    trt = MagicMock()
    trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH = 0
    trt.TacticSource.EDGE_MASK_CONVOLUTIONS, trt.TacticSource.JIT_CONVOLUTIONS = 3, 4
    builder = trt.Builder.return_value
    builder.build_serialized_network.return_value = b"plan"
    assert build(trt, b"model", "images", 224) == b"plan"
    config = builder.create_builder_config.return_value
    (call,) = config.set_preview_feature.call_args_list
    assert call.args == (trt.PreviewFeature.PROFILE_SHARING_0806, True)


def test_the_page_no_longer_says_that_nothing_has_run() -> None:
    page = (_RUN.parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
    once = _RECORDER["add"](page, "## Record: 2026-01-01, a GPU\n")
    twice = _RECORDER["add"](once, "## Record: 2026-01-02, a GPU\n")
    _, _, section = twice.partition("no GPU at hand")
    assert "Since then some of this has run" in "".join(section.splitlines()[:3])
    assert twice.count("Since then some of this has run") == 1
    assert twice.endswith("## Record: 2026-01-01, a GPU\n\n## Record: 2026-01-02, a GPU\n")
