"""The doctor says what is missing and how to mend it, for people and for scripts."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from ports import free_port
from redis_server import RedisServer

from monitor.commands.doctor import command
from monitor.config import FaceSettings, ModelSettings, RedisSettings, SpoolSettings
from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.demo.servers import LocalRedis
from monitor.diagnostics import cameras
from monitor.diagnostics.checks import Verdict, examine
from monitor.fleet.lease_table import LeaseTable
from monitor.inference import engine_factory
from monitor.inference.bundle import find_bundle
from monitor.inference.cuda import CudaProbe, Gpu

REPOSITORY = Path(__file__).resolve().parents[3]


def find(checks, area):
    return [check for check in checks if check.area == area]


def test_a_missing_model_is_named_with_its_remedy(tmp_path):
    models = ModelSettings(detector=str(tmp_path / "nothing"))
    checks = list(examine(models, FaceSettings(), RedisSettings(), SpoolSettings(directory=tmp_path)))
    detector = find(checks, "model")[0]
    assert detector.verdict is Verdict.MISSING
    assert "nothing" in detector.detail
    assert detector.remedy


def test_a_model_is_opened_with_the_engine_that_a_station_would_take(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_factory, "missing_reason", lambda name: None if "openvino" not in name else "not here")
    found = {}
    for on_missing in ("fall_back", "refuse"):
        models = ModelSettings(classifier="ncnn-demo", classifier_engine="openvino", on_missing_engine=on_missing)
        checks = examine(models, FaceSettings(), RedisSettings(), SpoolSettings(directory=tmp_path))
        found[on_missing] = find(checks, "model")[1]
    assert found["fall_back"].verdict is Verdict.FOUND
    assert "runs on onnxruntime" in found["fall_back"].detail
    assert found["refuse"].verdict is Verdict.MISSING
    assert "cannot run on openvino here" in found["refuse"].detail


def test_a_damaged_model_is_not_mended_by_naming_it(tmp_path):
    packaged = find_bundle("ncnn-demo")
    damaged = tmp_path / "damaged"
    shutil.copytree(packaged, damaged)
    (damaged / "model.onnx").write_bytes(b"cut short")
    models = ModelSettings(classifier=str(damaged))
    checks = examine(models, FaceSettings(), RedisSettings(), SpoolSettings(directory=tmp_path))
    classifier = find(checks, "model")[1]
    assert classifier.verdict is Verdict.MISSING
    assert classifier.remedy.startswith("copy the bundle again, build it again (nicu-export actions --force)")


@pytest.mark.parametrize("field", ["engine", "detector_engine", "classifier_engine"])
def test_an_engine_that_one_model_needs_is_missing_where_it_cannot_run(tmp_path, monkeypatch, field):
    monkeypatch.setattr("monitor.inference.engine_factory.missing_reason", lambda name: f"{name} is not here")
    for on_missing, verdict in (("refuse", Verdict.MISSING), ("fall_back", Verdict.ABSENT)):
        models = ModelSettings.model_validate({field: "openvino", "on_missing_engine": on_missing})
        checks = examine(models, FaceSettings(), RedisSettings(), SpoolSettings(directory=tmp_path))
        found = {check.name: check.verdict for check in find(checks, "engine")}
        assert (found["openvino"], found["tensorrt"]) == (verdict, Verdict.ABSENT)


@pytest.mark.parametrize(
    ("names", "verdict", "words"),
    [(("nvh264dec",), Verdict.FOUND, "nvh264dec"), ((), Verdict.ABSENT, "rm ~/.cache/gstreamer-1.0/registry.*.bin")],
)
def test_where_there_is_a_gpu_its_decoders_are_named_or_what_brings_them(tmp_path, monkeypatch, names, verdict, words):
    gpu = Gpu("a GPU", (8, 6), "13.0", 1 << 34)
    monkeypatch.setattr("monitor.inference.cuda.probe_cuda", lambda: CudaProbe(gpu, ""))
    monkeypatch.setattr("monitor.video.hardware.load_nvcodec", lambda: names)
    checks = examine(ModelSettings(), FaceSettings(), RedisSettings(), SpoolSettings(directory=tmp_path))
    nvidia, nvdec = find(checks, "gpu")
    assert (nvidia.verdict, nvdec.verdict) == (Verdict.FOUND, verdict)
    assert words in f"{nvdec.detail} {nvdec.remedy}"


def test_redis_is_found_where_it_runs_and_absent_where_it_does_not(tmp_path):
    with LocalRedis(tmp_path) as server:
        there = RedisSettings(url=server.url)
        [found] = find(examine(ModelSettings(), FaceSettings(), there, SpoolSettings(directory=tmp_path)), "redis")
        assert found.verdict is Verdict.FOUND
    away = RedisSettings(url=f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    [absent] = find(examine(ModelSettings(), FaceSettings(), away, SpoolSettings(directory=tmp_path)), "redis")
    assert absent.verdict is Verdict.ABSENT
    assert "hunter2" not in f"{absent}"


def redis_check(tmp_path, settings):
    [found] = find(examine(ModelSettings(), FaceSettings(), settings, SpoolSettings(directory=tmp_path)), "redis")
    return found


def test_a_redis_that_takes_or_keeps_no_alerts_is_not_simply_found(tmp_path):
    with RedisServer(tmp_path) as server:
        assert redis_check(tmp_path, server.settings()).verdict is Verdict.FOUND
        server.make_read_only()
        replica = redis_check(tmp_path, server.settings())
        assert (replica.verdict, replica.detail) == (Verdict.ABSENT, "it is a read-only replica")
        server.make_writable()
        with server.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            assert redis_check(tmp_path, server.settings()).verdict is Verdict.FOUND, "without a bound none is evicted"
            client.config_set("maxmemory", "100mb")
        evicting = redis_check(tmp_path, server.settings())
        assert evicting.verdict is Verdict.ABSENT
        assert "allkeys-lru" in evicting.detail
        assert "noeviction" in evicting.remedy


def test_a_refused_login_is_called_that_and_a_user_who_may_not_ask_is_enough(tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    with RedisServer(tmp_path) as server:
        with server.client() as client:
            client.acl_setuser("nurse", enabled=True, passwords=["+right"], commands=["+ping", "+client|setname"])
        settings = server.settings(username="nurse", password_file=tmp_path / "password")
        refused = redis_check(tmp_path, settings)
        assert refused.verdict is Verdict.ABSENT
        assert "refuses the user or password" in refused.detail
        assert "redis.password_file" in refused.remedy
        (tmp_path / "password").write_text("right\n")
        assert redis_check(tmp_path, settings).verdict is Verdict.FOUND


def test_every_part_of_gstreamer_that_is_missing_comes_with_its_package(tmp_path):
    """A GStreamer whose plugins were not installed: the doctor runs in a process that finds none."""
    empty = tmp_path / "plugins"
    empty.mkdir()
    away = {
        f"GST_PLUGIN_{name}{version}": str(empty) for name in ("PATH", "SYSTEM_PATH") for version in ("", "_1_0")
    } | {"GST_REGISTRY": str(tmp_path / "registry.bin"), "GST_REGISTRY_1_0": str(tmp_path / "registry.bin")}
    program = str(Path(sys.executable).parent / "nicu-monitor")
    done = subprocess.run(
        [program, "doctor", "--json"], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, **away},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    video = [check for check in json.loads(done.stdout) if check["area"] == "video"]
    missing = [check for check in video if check["verdict"] == "missing"]
    assert len(missing) > 10
    assert {name for check in missing for name in re.findall(r"gstreamer1\.0-[\w-]+", check["remedy"])} >= {
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
    }
    assert all(check["remedy"] for check in missing)


def install_decoy(directory, name):
    """A package of another distribution, as pip leaves it behind."""
    (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / name / "voice.py").write_text("")
    if not (directory / name / "__init__.py").exists():
        (directory / name / "__init__.py").write_text("")
    record = directory / f"other_{name}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other_{name}\nVersion: 1.0\n")
    (record / "RECORD").write_text(f"{name}/voice.py,,\n")


def import_checks(*path):
    """The doctor's rows about import names in a process with this search path."""
    program = (
        "import json\n"
        "from monitor.diagnostics.checks import _imports\n"
        "print(json.dumps([(check.name, check.verdict, check.detail, check.remedy) for check in _imports()]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return {name: rest for name, *rest in json.loads(done.stdout)}


def test_only_our_own_packages_are_found_here():
    assert {verdict for verdict, _, _ in import_checks(REPOSITORY).values()} == {"found"}


def test_a_package_of_another_distribution_before_ours_is_named(tmp_path):
    install_decoy(tmp_path, "trainer")
    verdict, detail, remedy = import_checks(tmp_path, REPOSITORY)["trainer"]
    assert verdict == "missing"
    assert str(tmp_path / "trainer") in detail
    assert "other-trainer" in detail
    assert "environment of its own" in remedy


def test_a_package_of_another_distribution_behind_ours_is_named(tmp_path):
    install_decoy(tmp_path, "export")
    found = import_checks(REPOSITORY, tmp_path)
    assert found["export"][0] == "absent"
    assert "other-export" in found["export"][1]
    assert found["trainer"][0] == "found"


def test_a_distribution_that_was_installed_over_ours_is_named(tmp_path):
    for name in ("monitor", "trainer", "export"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "bundles"))
    install_decoy(tmp_path, "trainer")
    found = import_checks(tmp_path)
    assert found["trainer"][0] == "missing"
    assert "other-trainer has installed files" in found["trainer"][1]
    # The checkout stands on the path of this environment, behind the copy.
    assert found["export"][0] in {"found", "absent"}


def test_json_for_scripts():
    result = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    areas = {row["area"] for row in json.loads(result.output)}
    assert areas == {"imports", "video", "model", "engine", "gpu", "redis", "disk", "clock"}


def test_cameras_are_opened_and_what_they_send_is_reported(tmp_path):
    config = tmp_path / "station.yaml"
    beds = {
        "bed-synthetic": "synthetic://calm?seed=1",
        "bed-dark": "synthetic://dark?seed=1",
        "bed-away": f"rtsp://monitor:hunter2@127.0.0.1:{free_port()}/stream1",
        "bed-file": str(tmp_path / "nothing.mp4"),
    }
    config.write_text(json.dumps({"beds": [{"id": name, "camera": {"url": url}} for name, url in beds.items()]}))
    result = CliRunner().invoke(command, ["--config", str(config), "--cameras", "--json"], standalone_mode=False)
    found = {row["name"]: row for row in json.loads(result.output) if row["area"] == "camera"}
    assert list(found) == list(beds)
    assert found["bed-synthetic"]["verdict"] == "found"
    assert "640 x 480" in found["bed-synthetic"]["detail"]
    assert {found[bed]["verdict"] for bed in ("bed-away", "bed-file")} == {"absent"}
    assert all(found[bed]["remedy"] for bed in ("bed-away", "bed-file"))
    assert "hunter2" not in result.output


def test_cameras_without_a_configuration_are_no_question():
    result = CliRunner().invoke(command, ["--cameras"])
    assert result.exit_code == 2
    assert "--config" in result.output


def test_a_script_can_trust_the_exit_code(tmp_path, monkeypatch):
    """What the configuration names and does not answer is not "everything needed is here"."""
    monkeypatch.setattr(cameras, "_LOOK_SECONDS", 0.2)
    config = tmp_path / "station.yaml"

    def doctor(redis, url, *options, directory="state"):
        sections = {
            "beds": [{"id": "bed-1", "camera": {"url": url}}],
            "redis": {"url": redis},
            "spool": {"directory": directory},
        }
        config.write_text(json.dumps(sections))
        done = CliRunner().invoke(command, ["--config", str(config), *options], standalone_mode=False)
        return done.return_value, done.output.splitlines()[-1]

    with LocalRedis(tmp_path) as server:
        assert doctor(server.url, "synthetic://calm", "--cameras") == (0, "everything needed is here")
        monkeypatch.setattr(cameras, "_PATIENCE_SECONDS", 1.0)
        code, words = doctor(server.url, str(tmp_path / "nothing.mp4"), "--cameras")
        assert (code, words) == (
            1,
            "the station would start, but without what its configuration names: camera bed-1",
        )
    away = f"redis://127.0.0.1:{free_port()}/0"
    code, words = doctor(away, "synthetic://calm")
    assert code == 1
    assert "redis redis://127.0.0.1" in words
    for directory in ("/proc/nothing", str(config / "state")):
        code, words = doctor(away, "synthetic://calm", directory=directory)
        assert (code, "missing" in words) == (1, True)


def test_shared_beds_are_tried_where_their_home_is_and_the_others_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cameras, "_LOOK_SECONDS", 0.2)
    monkeypatch.delenv("NICU_UNSET", raising=False)
    config = tmp_path / "station.yaml"

    def doctor(address):
        sections = {"station": {"id": "a"}, "fleet": {}, "redis": {"url": address}, "spool": {"directory": "state"}}
        config.write_text(json.dumps(sections))
        done = CliRunner().invoke(command, ["--config", str(config), "--cameras", "--json"], standalone_mode=False)
        rows = [row for row in json.loads(done.output) if row["area"] == "camera"]
        return done.return_value, {row["name"]: (row["verdict"], row["detail"]) for row in rows}

    with LocalRedis(tmp_path) as server:
        assert doctor(server.url) == (1, {"shared beds": ("absent", "Redis holds none")})
        table = LeaseTable(redis.Redis.from_url(server.url, decode_responses=True), Keys("nicu", "publisher"))
        table.publish(FleetBed(id="bed-1", home="a", camera={"url": "synthetic://calm"}))
        table.publish(FleetBed(id="bed-2", home="b", camera={"url": "synthetic://calm"}))
        code, found = doctor(server.url)
        assert (code, list(found)) == (0, ["shared beds", "bed-1"])
        assert found["shared beds"] == ("found", "not tried here: 1, whose home is another station, or none")
        assert "640 x 480" in found["bed-1"][1]
        table.publish(FleetBed(id="bed-3", home="a", camera={"url": "rtsp://${NICU_UNSET}/1"}))
        code, found = doctor(server.url)
        assert (code, found["bed-3"][0]) == (1, "absent")
        assert "NICU_UNSET" in found["bed-3"][1]
    code, found = doctor(f"redis://127.0.0.1:{free_port()}/0")
    assert code == 1
    assert "not known, and not tried: Redis at" in found["shared beds"][1]
