"""Models that answer nonsense or nothing: an alarm of its own, never a reading of "no pain"."""

import shutil
from pathlib import Path

import pytest
from ports import free_port
from service_manager import ServiceManager
from trick_bundle import write_trick_bundle
from ward import eventually

from monitor.delivery.keys import Keys
from monitor.inference.bundle import find_bundle


@pytest.mark.fault(
    "NaN from the model",
    "a classifier's bundle whose real ONNX graph divides nothing by nothing, before a synthetic infant in pain",
    "the alarm `model_degraded` <= 10 s after the first frame; no level is ever shown and no pain declared",
)
def test_not_a_number_is_never_a_level(make_ward, redis_server, measured, tmp_path):
    bundle = write_trick_bundle(tmp_path / "bundle", "nan")
    ward = make_ward({"bed": "synthetic://pain?seed=3"}, models={"classifier": str(bundle)})
    ward.wait_for_frames()
    measured.seconds("alarm after the first frame", ward.wait_for("model_degraded", "start"), 10.0)
    state = redis_server.client().hgetall(Keys("nicu", "ward").state("bed"))
    assert state["validity"] == "invalid"
    assert "level" not in state
    assert "score" not in state
    assert not [alert for alert in ward.alerts() if alert["kind"] == "physiological"]


@pytest.mark.timeout(180)
@pytest.mark.fault(
    "model damaged between two runs",
    "a bit of the classifier's model is turned round while the station is off; later the file is mended",
    "the station runs on the copy of the model that ran last, with the alarm `model_degraded`; mended, the alarm ends",
)
def test_a_damaged_model_is_replaced_by_the_one_that_ran_last(make_ward, tmp_path):
    bundle = Path(shutil.copytree(find_bundle("ncnn-demo"), tmp_path / "bundle"))
    ward = make_ward({"bed": "synthetic://pain?seed=3"}, models={"classifier": str(bundle)})
    ward.wait_for_frames()
    assert ward.daemon.stop(30.0) == 0
    good = (bundle / "model.onnx").read_bytes()
    (bundle / "model.onnx").write_bytes(good[:5000] + bytes([good[5000] ^ 1]) + good[5001:])
    ward.daemon.start()
    ward.wait_for("model_degraded", "start")
    assert "missing or damaged" in ward.alerts(code="model_degraded")[0]["detail"]
    eventually(lambda: ward.daemon.metric("nicu_monitor_pain_level", bed="bed") is not None, 30, "a level all the same")
    assert ward.daemon.stop(30.0) == 0
    (bundle / "model.onnx").write_bytes(good)
    ward.daemon.start()
    ward.wait_for("model_degraded", "end")
    ward.check_numbers()


@pytest.mark.timeout(180)
@pytest.mark.fault(
    "a loop of the station hangs",
    "a classifier's bundle whose real ONNX graph never comes to an end; a service manager that listens",
    "READY=1 and then WATCHDOG=1 at least every second; none <= 15 s after the hang; /healthz says which loop, "
    "an alarm is in Redis, the heartbeat ends; SIGTERM still ends the process <= 15 s",
)
def test_a_hung_loop_starves_the_watchdog(make_ward, rtsp_camera, redis_server, measured, tmp_path, short_directory):
    bundle = write_trick_bundle(tmp_path / "bundle", "hang")
    with ServiceManager(short_directory) as manager:
        # First nobody is before the camera: the classifier has nothing to do, and everything turns.
        ward = make_ward({"bed": rtsp_camera.url}, environment=manager.environment, models={"classifier": str(bundle)})
        ward.settle()
        assert manager.count("READY=1") == 1
        fed = manager.count("WATCHDOG=1")
        took = eventually(lambda: manager.count("WATCHDOG=1") >= fed + 10, 10, "ten feeds")
        measured.seconds("time between two feeds", took / 10, 1.0)
        assert ward.daemon.get("/healthz")[0] == 200
        assert ward.daemon.stop() == 0
        assert manager.count("STOPPING=1") == 1

        ward = make_ward(
            {"bed": "synthetic://pain?seed=3"}, environment=manager.environment, models={"classifier": str(bundle)}
        )
        eventually(lambda: manager.count("READY=1") == 2, 30, "readiness")
        eventually(lambda: ward.daemon.get("/healthz")[0] == 503, 40, "a late loop")
        silent = eventually(lambda: manager.silent_seconds() > 1.0, 5, "no feed any more")
        measured.seconds("feeds after the loop was late", max(0.0, silent - 1.0), 1.0)
        assert "worker-0" in ward.daemon.get("/healthz")[1]
        measured.seconds("alarm after", ward.wait_for("self_check_failed", "start", bed=None), 5.0)
        key = Keys("nicu", "ward").heartbeat
        eventually(lambda: not redis_server.client().exists(key), 20, "the end of the heartbeat")
        assert manager.silent_seconds() > 1.0, "it was never fed again"
        assert ward.daemon.stop(60.0) == 0


@pytest.mark.fault(
    "no service manager, or one that is gone",
    "NOTIFY_SOCKET names a socket that nobody reads",
    "the station watches all the same",
)
def test_a_service_manager_that_is_gone_is_no_fault(make_ward, tmp_path):
    ward = make_ward(
        {"bed": f"rtsp://127.0.0.1:{free_port()}/x"}, environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    )
    ward.wait_for("camera_lost", "start")
    assert ward.daemon.stop() == 0
