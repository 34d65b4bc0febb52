"""What a machine can do is measured while it does it, and said before more is asked of it."""

import json

import pytest
from click.testing import CliRunner

from monitor.clock import ManualClock
from monitor.commands.check import command
from monitor.config import StationConfig
from monitor.station.measured_capacity import CapacityMeter, capacity_warning, describe_setup, read_capacity

BUSY, IDLE = 0.99, 0.5


def _config(directory, beds=4, rate=5.0, **models):
    return StationConfig.model_validate(
        {
            "beds": [{"id": f"b{n}", "camera": {"url": f"rtsp://10.0.0.{n + 1}/x"}} for n in range(beds)],
            "spool": {"directory": str(directory)},
            "analysis": {"frames_per_second": rate},
            "models": models,
        }
    )


def _run(config, *, frames_per_second, busy, seconds=40.0):
    """Let a station of one run analyse evenly; return its meter."""
    clock = ManualClock()
    meter = CapacityMeter(config, clock)
    for tick in range(int(seconds * 4)):
        meter.update(int(tick / 4 * frames_per_second), len(config.beds), busy)
        clock.advance(0.25)
    return meter


def test_a_saturated_half_minute_is_the_capacity_and_is_there_at_the_next_start(tmp_path):
    _run(_config(tmp_path), frames_per_second=12.0, busy=BUSY)
    measured = read_capacity(_config(tmp_path))
    assert measured.frames_per_second == pytest.approx(12.0, rel=0.05)
    assert measured.beds == 4


@pytest.mark.parametrize("seconds", [10.0, 29.0])
def test_a_short_burst_measures_nothing(tmp_path, seconds):
    _run(_config(tmp_path), frames_per_second=12.0, busy=BUSY, seconds=seconds)
    assert read_capacity(_config(tmp_path)) is None


def test_what_is_analysed_with_time_to_spare_is_no_capacity(tmp_path):
    assert _run(_config(tmp_path), frames_per_second=12.0, busy=IDLE).measured is None


def test_spare_time_at_a_higher_rate_raises_an_old_value_and_a_lower_rate_leaves_it(tmp_path):
    _run(_config(tmp_path), frames_per_second=10.0, busy=BUSY)
    _run(_config(tmp_path), frames_per_second=4.0, busy=IDLE)
    assert read_capacity(_config(tmp_path)).frames_per_second == pytest.approx(10.0, rel=0.05)
    _run(_config(tmp_path), frames_per_second=20.0, busy=IDLE)
    assert read_capacity(_config(tmp_path)).frames_per_second == pytest.approx(20.0, rel=0.05)


def test_a_machine_that_has_become_slower_is_believed(tmp_path):
    _run(_config(tmp_path), frames_per_second=40.0, busy=BUSY)
    _run(_config(tmp_path), frames_per_second=15.0, busy=BUSY)
    assert read_capacity(_config(tmp_path)).frames_per_second == pytest.approx(15.0, rel=0.05)


def test_the_value_of_other_models_says_nothing(tmp_path):
    _run(_config(tmp_path), frames_per_second=12.0, busy=BUSY)
    assert read_capacity(_config(tmp_path, classifier="another")) is None
    assert read_capacity(_config(tmp_path, classifier_engine="openvino")) is None
    assert read_capacity(_config(tmp_path, classifier_engine="auto")) is not None


def test_a_capacity_is_not_believed_after_what_it_depends_on_has_changed(tmp_path):
    config = _config(tmp_path)
    _run(config, frames_per_second=12.0, busy=BUSY)
    assert read_capacity(_config(tmp_path)) is not None
    assert read_capacity(_config(tmp_path, cpu_precision="int8")) is None
    smaller = config.faces.model_copy(update={"detection_size_px": 320})
    assert read_capacity(config.model_copy(update={"faces": smaller})) is None


def test_the_setup_names_one_engine_where_both_models_have_the_same(tmp_path):
    """Also so that what earlier versions measured is still believed."""
    assert describe_setup(_config(tmp_path)).endswith("workers, retinaface and face-actions on auto")
    setup = describe_setup(_config(tmp_path, classifier_engine="openvino"))
    assert setup.endswith("retinaface and face-actions on auto (detector), openvino (classifier)")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"frames_per_second": -1}', '{"frames_per_second": NaN}', "\x00"])
def test_a_damaged_file_is_no_measurement(tmp_path, text):
    (tmp_path / "capacity.json").write_text(text, encoding="utf-8")
    assert read_capacity(_config(tmp_path)) is None


def test_beds_that_fit_get_no_warning_and_more_get_one_with_the_number_that_fits(tmp_path):
    measured = _run(_config(tmp_path), frames_per_second=40.0, busy=BUSY).measured
    assert capacity_warning(_config(tmp_path, beds=13), measured) is None
    warning = capacity_warning(_config(tmp_path, beds=16), measured)
    assert "40 frames a second" in warning
    assert "2.5 times a second, not 5" in warning
    assert "leave it 13" in warning
    assert "delays of the alarms" not in warning
    assert "too seldom for the delays of the alarms" in capacity_warning(_config(tmp_path, beds=50), measured)


def test_check_warns_of_more_beds_than_were_measured_and_the_file_stays_right(tmp_path):
    file = tmp_path / "station.yaml"
    file.write_text(json.dumps(json.loads(_config(tmp_path, beds=16).model_dump_json(include={"beds", "spool"}))))
    assert "warning" not in CliRunner().invoke(command, [str(file)], standalone_mode=False).output
    _run(_config(tmp_path), frames_per_second=20.0, busy=BUSY)
    result = CliRunner().invoke(command, [str(file)], standalone_mode=False)
    assert result.return_value == 0
    assert "warning: this machine has analysed 20 frames a second" in result.stderr
