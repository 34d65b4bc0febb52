"""What Prometheus reads: names, labels, and that what is not known is absent."""

import itertools
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from alerts import make_transition
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from redis_server import wait_until

from monitor.alerts.record import GenerationMode
from monitor.clock import ManualClock
from monitor.config import AlarmSettings
from monitor.delivery.publisher import PublisherStats
from monitor.delivery.request_reader import CommandOutcome
from monitor.demo.servers import LocalPrometheus
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import (
    Code,
    Observation,
    Occupancy,
    Phase,
    Priority,
    Sample,
    Signal,
    Validity,
    Visibility,
)
from monitor.telemetry.metrics import StationMetrics
from monitor.telemetry.status_server import Health, StatusServer
from monitor.video.status import CameraState, CameraStatus, DropCause


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def metrics(clock: ManualClock) -> StationMetrics:
    return StationMetrics("station-1", GenerationMode.TEST, clock)


def scrape(metrics: StationMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(metrics: StationMetrics, name: str, **labels: str) -> float | None:
    return scrape(metrics).get((f"nicu_monitor_{name}", tuple(sorted(labels.items()))))


def observation(time_seconds: float = 1000.0, level: float | None = 0.7, **changes: object) -> Observation:
    values: dict[str, object] = {
        "time_seconds": time_seconds,
        "score": level,
        "level": level,
        "display_level": level,
        "coverage": 0.9,
        "on_share": None if level is None else 0.3,
        "validity": Validity.VALID if level is not None else Validity.INVALID,
        "seconds_since_face": 0.1,
    }
    return Observation(**{**values, **changes})  # type: ignore[arg-type]


def status(**changes: object) -> CameraStatus:
    values: dict[str, object] = {
        "camera_id": "bed-1-camera",
        "address": "rtsp://192.0.2.1",
        "state": CameraState.PLAYING,
        "seconds_since_frame": 0.05,
        "reconnects": 2,
        "pictures": 100,
        "drops": {DropCause.SAMPLING: 70},
    }
    return CameraStatus(**{**values, **changes})  # type: ignore[arg-type]


def fill(metrics: StationMetrics) -> None:
    metrics.add_camera("bed-1", "bed-1-camera", status)
    metrics.observe("bed-1", observation(), face_visible=True)
    metrics.frame_analysed(
        "bed-1", "bed-1-camera", age_seconds=0.12, detection_seconds=0.03, classification_seconds=0.004
    )
    metrics.transition("bed-1", make_transition())
    metrics.transition(None, make_transition("t", code=Code.DISK_LOW, evidence=None))
    metrics.published(0.02)
    metrics.command(CommandOutcome.ACCEPTED)
    metrics.show_model("classifier", "ncnn-demo", "a" * 64, "onnxruntime")
    metrics.watch_publisher(lambda: PublisherStats(redis_up=True, heartbeat_age_seconds=1.0))
    metrics.watch_clock(lambda: True)


def test_promtool_finds_nothing_to_complain_about(metrics) -> None:
    fill(metrics)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=generate_latest(metrics.registry), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_an_unknown_level_is_absent_and_neither_0_nor_the_last_one(metrics) -> None:
    metrics.observe("bed-1", observation(), face_visible=True)
    assert value(metrics, "pain_level", bed="bed-1") == 0.7
    assert value(metrics, "observation_validity", bed="bed-1", validity="valid") == 1
    metrics.observe("bed-1", observation(level=None, coverage=0.0), face_visible=False)
    assert value(metrics, "pain_level", bed="bed-1") is None
    assert value(metrics, "pain_score", bed="bed-1") is None
    assert value(metrics, "pain_on_ratio", bed="bed-1") is None
    assert value(metrics, "face_visible", bed="bed-1") == 0
    assert value(metrics, "face_coverage_ratio", bed="bed-1") == 0
    assert value(metrics, "observation_validity", bed="bed-1", validity="invalid") == 1


def test_what_decodes_a_stream_is_named_and_its_measured_rate_makes_no_series(metrics) -> None:
    metrics.add_camera("bed-1", "c", lambda: status(codec="H.264", size_px=(1280, 720), decoder="vah264dec", **rates))
    rates: dict[str, object] = {"frames_per_second": 24.93, "announced_frames_per_second": 25.0}
    labels = {"bed": "bed-1", "camera": "c", "codec": "H.264", "size": "1280x720", "decoder": "vah264dec"}
    assert value(metrics, "camera_decode_info", rate="25", **labels) == 1
    rates = {"frames_per_second": 25.11}
    assert value(metrics, "camera_decode_info", rate="", **labels) == 1
    metrics.add_camera("bed-1", "c", status)
    assert not [name for name, _ in scrape(metrics) if "decode_info" in name], "nothing is decoded yet"


def test_an_observation_that_grows_old_vanishes(metrics, clock) -> None:
    metrics.observe("bed-1", observation(), face_visible=True)
    clock.advance(2)
    assert value(metrics, "face_visible", bed="bed-1") == 1
    clock.advance(3)
    assert value(metrics, "face_age_seconds", bed="bed-1") == pytest.approx(5.1)
    assert value(metrics, "face_visible", bed="bed-1") == 0, "nobody has looked since"
    clock.advance(6)
    assert [name for name, labels in scrape(metrics) if ("bed", "bed-1") in labels] == []


def test_a_condition_shows_while_it_is_signalled(metrics) -> None:
    labels = {"bed": "bed-1", "code": "pain_sign", "kind": "physiological"}
    metrics.transition("bed-1", make_transition())
    assert value(metrics, "alarm_condition", priority="low", **labels) == 1
    metrics.transition("bed-1", make_transition(phase=Phase.ESCALATE, priority=Priority.MEDIUM))
    assert value(metrics, "alarm_condition", priority="low", **labels) is None
    assert value(metrics, "alarm_condition", priority="medium", **labels) == 1
    latched = make_transition(phase=Phase.UPDATE, condition_present=False, signal=Signal.LATCHED)
    metrics.transition("bed-1", latched)
    assert value(metrics, "alarm_condition", priority="low", **labels) == 0
    metrics.transition("bed-1", make_transition(phase=Phase.END))
    assert value(metrics, "alarm_condition", priority="low", **labels) is None
    for phase in Phase:
        assert value(metrics, "alarm_transitions_total", bed="bed-1", code="pain_sign", phase=phase) == 1


def test_the_first_alarm_of_a_bed_is_an_increase(metrics) -> None:
    metrics.add_camera("bed-1", "bed-1-camera", status)
    assert value(metrics, "alarm_transitions_total", bed="bed-1", code="pain_sign", phase="start") == 0


def test_episodes_and_their_bouts_are_counted_and_a_restart_counts_none_again(metrics) -> None:
    metrics.add_camera("bed-1", "bed-1-camera", status)
    labels = {"bed": "bed-1", "code": "pain_sign"}
    assert (value(metrics, "alarm_episodes_total", **labels), value(metrics, "alarm_bouts_total", **labels)) == (0, 0)
    metrics.transition("bed-1", make_transition("before", phase=Phase.UPDATE, bouts=7))
    assert value(metrics, "alarm_bouts_total", **labels) == 0
    metrics.transition("bed-1", make_transition("before", phase=Phase.UPDATE, bouts=9))
    metrics.transition("bed-1", make_transition("new", phase=Phase.START))
    metrics.transition("bed-1", make_transition("new", phase=Phase.END))
    assert (value(metrics, "alarm_episodes_total", **labels), value(metrics, "alarm_bouts_total", **labels)) == (1, 3)


def test_an_empty_bed_shows_itself_as_such_and_has_no_coverage(metrics) -> None:
    metrics.show_occupancy("bed-1", Occupancy.EMPTY)
    empty = observation(level=None, coverage=0.0, validity=Validity.INVALID, occupancy=Occupancy.EMPTY)
    metrics.observe("bed-1", empty, face_visible=False)
    shown = {word: value(metrics, "bed_occupancy", bed="bed-1", occupancy=word) for word in Occupancy}
    assert shown == {Occupancy.OCCUPIED: 0, Occupancy.EMPTY: 1, Occupancy.STANDBY: 0}
    assert value(metrics, "face_coverage_ratio", bed="bed-1") is None


def test_camera_metrics_come_from_its_status(metrics) -> None:
    labels = {"bed": "bed-1", "camera": "bed-1-camera"}
    metrics.add_camera("bed-1", "bed-1-camera", status)
    assert value(metrics, "camera_up", **labels) == 1
    assert value(metrics, "frames_dropped_total", cause="sampling", **labels) == 70
    assert value(metrics, "camera_reconnects_total", **labels) == 2
    assert value(metrics, "camera_frame_age_seconds", **labels) == 0.05
    metrics.add_camera("bed-1", "bed-1-camera", lambda: status(state=CameraState.CONNECTING, seconds_since_frame=None))
    assert value(metrics, "camera_up", **labels) == 0
    assert value(metrics, "camera_frame_age_seconds", **labels) is None


@pytest.mark.parametrize("state", [state for state in CameraState if state is not CameraState.PLAYING])
def test_a_camera_that_sends_nothing_has_a_picture_that_is_neither_moving_nor_light(metrics, state) -> None:
    labels = {"bed": "bed-1", "camera": "bed-1-camera"}
    names = ("camera_picture_frozen", "camera_picture_dark")
    metrics.add_camera("bed-1", "bed-1-camera", status)
    assert [value(metrics, name, **labels) for name in names] == [0, 0]
    metrics.add_camera("bed-1", "bed-1-camera", lambda: status(state=state))
    assert [value(metrics, name, **labels) for name in names] == [None, None]
    # A frozen picture stays frozen through a short reconnect.
    metrics.add_camera("bed-1", "bed-1-camera", lambda: status(state=state, frozen_since_seconds=990.0))
    assert [value(metrics, name, **labels) for name in names] == [1, None]


def test_a_removed_camera_takes_all_its_series_with_it(metrics) -> None:
    before = set(scrape(metrics))
    metrics.add_camera("bed-1", "bed-1-camera", status)
    metrics.observe("bed-1", observation(), face_visible=True)
    metrics.frame_analysed("bed-1", "bed-1-camera", age_seconds=0.1, detection_seconds=0.1, classification_seconds=0.1)
    metrics.transition("bed-1", make_transition())
    metrics.show_occupancy("bed-1", Occupancy.OCCUPIED)
    assert set(scrape(metrics)) > before
    metrics.remove_camera("bed-1", "bed-1-camera")
    assert set(scrape(metrics)) == before


def test_a_model_that_is_exchanged_is_shown_once(metrics) -> None:
    metrics.show_model("classifier", "old", "a" * 64, "onnxruntime")
    metrics.show_model("classifier", "new", "b" * 64, "onnxruntime")
    shown = [dict(labels)["name"] for name, labels in scrape(metrics) if name == "nicu_monitor_model_info"]
    assert shown == ["new"]


def test_nothing_is_said_of_redis_before_the_first_attempt(metrics) -> None:
    metrics.watch_publisher(PublisherStats)
    assert value(metrics, "redis_up") is None
    assert value(metrics, "heartbeat_age_seconds") is None
    assert value(metrics, "publisher_backlog_alerts") == 0


def test_two_stations_in_one_process_do_not_share_anything(clock) -> None:
    first = StationMetrics("one", GenerationMode.TEST, clock)
    second = StationMetrics("two", GenerationMode.TEST, clock)
    first.published(0.1)
    assert value(second, "alert_publish_latency_seconds_count") == 0


def test_pain_that_is_over_and_that_nobody_saw_shows_as_signalled_until_somebody_acknowledges_it(
    metrics, clock
) -> None:
    alarms = BedAlarms(AlarmSettings(), map(str, itertools.count()).__next__)

    def show(seconds: float, score: float) -> None:
        for _ in range(int(seconds * 2)):
            clock.advance(0.5)
            for transition in alarms.observe(Sample(clock.monotonic(), score, Visibility.USABLE)).transitions:
                metrics.transition("bed-1", transition)

    labels = {"bed": "bed-1", "code": "pain_sign", "kind": "physiological", "priority": "low"}
    show(40, 0.95)
    assert value(metrics, "alarm_condition", **labels) == 1
    show(60, 0.02)
    assert value(metrics, "alarm_transitions_total", bed="bed-1", code="pain_sign", phase="end") == 1
    assert value(metrics, "alarm_condition", **labels) == 0
    for transition in alarms.acknowledge(None, "nurse 7", clock.monotonic()):
        metrics.transition("bed-1", transition)
    assert value(metrics, "alarm_condition", **labels) is None


@pytest.fixture
def prometheus(tmp_path, metrics) -> Iterator[LocalPrometheus]:
    server = StatusServer("127.0.0.1", 0, metrics.registry, lambda: Health(ok=True), lambda: Health(ok=True))
    server.start()
    with LocalPrometheus(tmp_path, f"127.0.0.1:{server.port}") as started:
        yield started
    server.stop()


def ask(prometheus: LocalPrometheus, expression: str) -> list[dict[str, object]]:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/query?{query}", timeout=5) as answer:
        return list(json.load(answer)["data"]["result"])


@pytest.mark.long
def test_a_real_prometheus_reads_them(metrics, prometheus) -> None:
    fill(metrics)
    wait_until(lambda: ask(prometheus, 'nicu_monitor_alarm_condition{bed="bed-1"} == 1'), 15, "the alarm in Prometheus")
    (level,) = ask(prometheus, "nicu_monitor_pain_level")
    assert level["metric"]["bed"] == "bed-1"
    assert float(level["value"][1]) == 0.7
    assert ask(prometheus, 'up{job="nicu-monitor"} == 1')
    quantile = "histogram_quantile(0.99, nicu_monitor_frame_age_at_decision_seconds_bucket)"
    assert 0.1 < float(ask(prometheus, quantile)[0]["value"][1]) <= 0.15
    assert ask(prometheus, "process_resident_memory_bytes > 0")
    metrics.transition("bed-1", make_transition(phase=Phase.END))
    wait_until(lambda: not ask(prometheus, 'nicu_monitor_alarm_condition{code="pain_sign"}'), 15, "the alarm's end")
    assert ask(prometheus, 'nicu_monitor_alarm_transitions_total{code="pain_sign",phase="end"} == 1')
