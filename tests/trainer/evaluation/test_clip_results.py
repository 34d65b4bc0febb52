"""What evaluate-clips wrote, in a report's tables, in the card's metrics, and refused where it is of something else."""

import json
from types import SimpleNamespace

import pytest

from trainer.errors import DataError, SettingsError
from trainer.evaluation.clip_results import clips_tables, read_clip_results
from trainer.experiments.card import clip_metrics
from trainer.experiments.fitting import _check_clips
from trainer.reporting.sections.videos import videos_section


def interval(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


CONTENT = {
    "model": "run strict, each infant by the fold that did not see it",
    "evaluated": {"kind": "run", "name": "strict", "sha256": "f" * 64},
    "person_seconds": 60.0,
    "infants": 7,
    "videos": 12,
    "hours": 3.5,
    "hours_without_pain": 3.25,
    "episodes": 9,
    "found": 6,
    "episodes_with_alarm_on_already": 3,
    "episodes_found_by_the_alarm_before": 2,
    "false_alarms": 13,
    "sensitivity": interval(6 / 9, 0.31, 0.9),
    "sensitivity_on_usable_time": interval(6 / 8, 0.4, 0.93),
    "false_alarms_per_hour": interval(4.0, 2.13, 6.84),
    "false_alarms_by_stimulus": {"cry": {"hours": 0.5, "false_alarms": 9, "per_hour": interval(18.0, 8.2, 34.2)}},
    "delay": {"median_s": 7.25},
    "alarm_time_outside_pain": interval(0.02, 0.01, 0.05),
    "coverage": interval(0.81, 0.7, 0.9),
    "positive_predictive_value": interval(0.14, 0.05, 0.3) | {"episodes_per_hour": 1.0},
    "clip_auc": {"mean": interval(0.8, 0.6, 0.9)},
    "tuned": {
        "on_other_infants": {
            "sensitivity": interval(0.5),
            "sensitivity_on_usable_time": interval(0.5),
            "false_alarms_per_hour": interval(1.5, 0.4, 3.8),
            "alarm_time_outside_pain": interval(0.01),
            "coverage": interval(0.81),
            "positive_predictive_value": interval(0.25) | {"episodes_per_hour": 1.0},
            "delay": {"median_s": None},
        }
    },
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips.json").write_text(json.dumps(CONTENT))
    return tmp_path


def test_the_tables_say_what_the_file_says(folder):
    measures, by_stimulus = clips_tables(read_clip_results(folder))

    rows = {row[0]: row[1:] for row in measures.rows}
    assert rows["episodes found"] == ["0.667 [0.310, 0.900]", "0.500"]
    assert rows["false alarms an hour"] == ["4.000 [2.130, 6.840]", "1.500 [0.400, 3.800]"]
    assert rows["share of the time without pain in alarm"] == ["0.020 [0.010, 0.050]", "0.010"]
    assert rows["median delay, misses censored (s)"] == ["7.2", "-"]
    assert by_stimulus.rows == [["cry", "0.50", "9", "18.000 [8.200, 34.200]"]]
    assert "12 videos of 7 infants, 3.50 h, 9 episodes" in measures.note
    assert "still sounds and that ended at most 30 s ago (2 of the 3 that began when an alarm was on)" in measures.note
    assert "acknowledged by a person 60 s later" in measures.note


def test_the_card_carries_rates_with_their_intervals_and_infants(folder):
    metrics = {metric.name: metric for metric in clip_metrics(read_clip_results(folder))}

    rate = metrics["false alarms an hour"]
    assert (rate.value, rate.low, rate.high, rate.subjects, rate.samples) == (4.0, 2.13, 6.84, 7, 12)
    assert metrics["share of time without pain in alarm"].value == 0.02
    assert metrics["episodes found by an alarm"].value == pytest.approx(6 / 9)
    assert "labelled videos, whole monitor: run strict" in rate.data


def test_a_model_does_not_carry_what_another_run_reached(folder):
    clips = read_clip_results(folder)

    _check_clips(clips, SimpleNamespace(all_networks_sha256=lambda: "f" * 64))
    for other in (None, SimpleNamespace(all_networks_sha256=lambda: "e" * 64)):
        with pytest.raises(SettingsError, match="not the cross-validation whose metrics"):
            _check_clips(clips, other)


def test_other_files_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="`nicu-trainer evaluate-clips` writes one"):
        read_clip_results(tmp_path)
    (tmp_path / "clips.json").write_text('{"model": "x"}')
    with pytest.raises(DataError, match="is not what `nicu-trainer evaluate-clips` writes"):
        read_clip_results(tmp_path)
    earlier = {name: value for name, value in CONTENT.items() if name != "episodes_found_by_the_alarm_before"}
    (tmp_path / "clips.json").write_text(json.dumps(earlier))
    with pytest.raises(
        DataError, match="of an earlier version, which counted otherwise; run `nicu-trainer evaluate-cl"
    ):
        read_clip_results(tmp_path)


def test_a_report_without_videos_says_so_and_one_with_them_shows_both_tables(folder):
    [nothing] = videos_section(SimpleNamespace(clips=())).blocks
    assert "No evaluation of videos was given" in nothing.text

    _, measures, by_stimulus = videos_section(SimpleNamespace(clips=(read_clip_results(folder),))).blocks
    assert measures.table.title == f"Labelled videos: {CONTENT['model']}"
    assert by_stimulus.table.rows[0][0] == "cry"
