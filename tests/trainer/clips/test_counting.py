"""Alarms on planted scores: what was planted is found, and every measure is recomputed by hand."""

import itertools
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

from monitor.config import AlarmSettings, StationConfig
from monitor.pain.simulation import InfantSettings, run_alarms, simulate_infant
from trainer.clips import Clip, ClipSettings, FrameScores, evaluate_clips, read_clips
from trainer.clips.alarms import PERSON_SECONDS, alarm_spells
from trainer.clips.counting import count_video
from trainer.clips.measures import measures
from trainer.clips.tuning import candidates, tune_alarms
from trainer.errors import DataError
from trainer.evaluation.survival import kaplan_meier

STATION = StationConfig.model_validate({"beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}]})


def frames_of(scores, rate=5.0):
    """Return scores at an even rate as they come from a video of one face; not a number: no face."""
    scores = np.asarray(scores, float)
    times = np.arange(len(scores)) / rate
    none = np.full(len(scores), np.nan)
    visibility = np.where(np.isnan(scores), 1, 0)
    return FrameScores(times, scores, visibility, none, none, np.array(len(scores) / rate), np.zeros(len(scores), int))


def planted(spans, seconds=300, rate=5.0, high=0.95, low=0.05):
    """Return scores that are high in some spans, given in seconds."""
    times = np.arange(int(seconds * rate)) / rate
    inside = np.zeros(len(times), bool)
    for begin, end in spans:
        inside |= (times >= begin) & (times < end)
    return frames_of(np.where(inside, high, low), rate)


def clip(tmp_path, begin, end, name="a", stimulus="lance", *, pain=True):
    return Clip(tmp_path / f"{name}.mp4", name, begin, end, pain, stimulus)


def test_a_planted_miss_a_hit_and_a_false_alarm_are_counted(tmp_path):
    clips = [
        clip(tmp_path, 50, 80),
        clip(tmp_path, 150, 170),
        clip(tmp_path, 200, 240, stimulus="cry", pain=False),
    ]
    frames = planted([(55, 80), (210, 225)])

    found = count_video(clips, frames, alarm_spells(frames, AlarmSettings()))

    first, second = found.episodes
    assert 5 < first.delay < 20
    assert second.delay is None
    assert len(found.false_alarms) == 1
    assert found.false_by_stimulus == {"cry": 1, "unlabelled": 0}
    assert found.calm_seconds == pytest.approx(300 - 35 - 25)
    assert found.calm_by_stimulus == {"cry": pytest.approx(40), "unlabelled": pytest.approx(200)}
    spells = alarm_spells(frames, AlarmSettings())
    by_hand = sum(
        1 for t in np.arange(0, 300, 0.1) if any(a <= t < b for a, b in spells) and not (50 <= t < 85 or 150 <= t < 175)
    )
    assert found.alarm_calm_seconds == pytest.approx(by_hand / 10, abs=0.3)


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ([(10_000, 30_000, True)], "from 10000 to 30000 s lies outside of the video, which lasts 300.0 s"),
        ([(10, 310, True)], "from 10 to 310 s lies outside"),
        ([(300, None, False)], "from 300 s lies outside"),
        ([(50, 80, True), (60, None, False)], "60 to 80 s are labelled pain and no pain"),
    ],
)
def test_times_that_cannot_be_are_named(tmp_path, clips, words):
    listed = [clip(tmp_path, begin, end, pain=pain) for begin, end, pain in clips]
    with pytest.raises(DataError, match=re.escape(words)):
        count_video(listed, planted([]), [])


def test_settings_that_no_other_infant_could_have_chosen_are_refused(tmp_path):
    frames = planted([(30, 60)], 130, 2.0)
    with pytest.raises(DataError, match="at least two infants with time free of pain are needed, and there are 1"):
        tune_alarms(lambda _: [count_video([clip(tmp_path, 30, 60)], frames, [])], candidates(AlarmSettings()), 1.0)


def test_an_alarm_whose_face_was_lost_lasts_until_a_person_comes():
    frames = planted([(50, 80)])
    faces = np.where((frames.times < 60) | (frames.times >= 90), 0, 1)
    [(on, off)] = alarm_spells(frames, AlarmSettings())
    assert 50 < on < 60
    assert 80 < off < 110

    [spell] = alarm_spells(replace(frames, face_ids=faces), AlarmSettings())
    assert spell == (on, pytest.approx(60 + PERSON_SECONDS, abs=2))
    assert spell[1] > off

    short = frames.times < 100
    cut = {name: getattr(frames, name)[short] for name in ("times", "scores", "visibility")}
    none = np.full(short.sum(), np.nan)
    left = FrameScores(
        **cut, frozen_since=none, dark_since=none, duration_seconds=np.array(100.0), face_ids=faces[short]
    )
    assert alarm_spells(left, AlarmSettings()) == [(on, 100.0)]


def test_pain_that_no_face_can_end_is_an_alarm_again_after_a_person_came():
    frames = planted([(50, 200)])
    restless = replace(frames, face_ids=(frames.times // 7).astype(int))

    spells = alarm_spells(restless, AlarmSettings())

    assert [off - on for on, off in spells] == pytest.approx([PERSON_SECONDS] * 3, abs=1)
    assert all(again - off < 10 for (_, off), (again, _) in itertools.pairwise(spells))


def test_the_measures_are_their_definitions(tmp_path):
    videos = []
    for number in range(6):
        name = f"i{number}"
        frames = planted([(50, 80), (200, 215)] if number < 4 else [(200, 215)])
        clips = [clip(tmp_path, 48, 80, name), clip(tmp_path, 120, 140, name)]
        videos.append(count_video(clips, frames, alarm_spells(frames, AlarmSettings())))

    found = measures(videos, 2.0)

    assert (found["episodes"], found["found"], found["false_alarms"]) == (12, 4, 6)
    assert found["sensitivity"]["value"] == pytest.approx(4 / 12)
    hours = 6 * (300 - 37 - 25) / 3600
    assert found["false_alarms_per_hour"]["value"] == pytest.approx(6 / hours)
    assert found["positive_predictive_value"]["value"] == pytest.approx(2 / 3 / (2 / 3 + 6 / hours))
    assert found["coverage"]["value"] == 1.0
    delays = [e.delay for v in videos for e in v.episodes]
    assert found["delay"]["median_s"] is None  # fewer than half were found
    assert found["delay"]["waiting"][-1] == pytest.approx(8 / 12)
    assert sorted(found["delay"]["times_s"]) == sorted({d for d in delays if d is not None})


def test_kaplan_and_meier_by_hand():
    times = np.array([2.0, 3, 3, 5, 8, 8])
    found = np.array([True, True, False, True, False, True])

    curve = kaplan_meier(times, found)

    assert curve.times == (2.0, 3.0, 5.0, 8.0)
    steps = [5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3, 5 / 6 * 4 / 5 * 2 / 3 / 2]
    assert curve.waiting == pytest.approx(steps)
    assert curve.quantile(0.5) == 5.0
    greenwood = 1 / 30 + 1 / 20 + 1 / 6
    exponent = math.exp(1.959964 * math.sqrt(greenwood) / math.log(steps[2]))
    assert curve.low[2] == pytest.approx(min(steps[2] ** exponent, steps[2] ** (1 / exponent)), abs=1e-5)
    assert all(low <= share <= high for low, share, high in zip(curve.low, curve.waiting, curve.high, strict=True))


def test_the_upper_end_of_a_median_is_unknown_where_no_upper_end_falls_to_a_half():
    """Three episodes, all found, after 1, 2 and 3 s: R's survfit gives 2 (1 to NA)."""
    curve = kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([True, True, True]))

    assert (curve.quantile(0.5), curve.quantile_interval(0.5)) == (2.0, (1.0, None))
    assert (curve.low[-1], curve.high[-1]) == (0.0, curve.high[-2])
    assert curve.high[-1] == pytest.approx(0.774, abs=1e-3)
    lone = kaplan_meier(np.array([4.0]), np.array([True]))
    assert (lone.quantile(0.5), lone.quantile_interval(0.5)) == (4.0, (4.0, None))


def test_simulated_infants_with_planted_episodes_are_counted_as_the_simulation_counts_them(tmp_path):
    """Both count by the same code: the very same numbers come from a simulation and from labelled videos."""
    infants = [simulate_infant(InfantSettings(frames_per_second=5.0, episodes_per_hour=12.0), 0.2, n) for n in range(8)]
    expected = run_alarms(infants, AlarmSettings())

    videos = []
    for number, infant in enumerate(infants):
        frames = frames_of(infant.scores)
        clips = [clip(tmp_path, begin, end, f"i{number}") for begin, end in infant.episodes]
        clips = clips or [clip(tmp_path, 0, 1, f"i{number}", pain=False)]
        videos.append(count_video(clips, frames, alarm_spells(frames, AlarmSettings())))
    found = measures(videos, 1.0)

    assert found["episodes"] == expected.episodes > 8
    assert (found["found"], found["false_alarms"]) == (expected.found, expected.false_alarms)
    assert found["false_alarms_per_hour"]["value"] == pytest.approx(expected.false_alarms_per_hour, rel=0.01)
    assert found["hours_without_pain"] * 3600 == pytest.approx(expected.seconds_without_pain, rel=0.01)
    in_alarm = expected.seconds_on_without_pain / expected.seconds_without_pain
    assert found["alarm_time_outside_pain"]["value"] == pytest.approx(in_alarm, rel=0.01)
    delays = [e.delay for v in videos for e in v.episodes if e.delay is not None]
    assert np.median(delays) == expected.median_latency_seconds


def test_pain_in_two_bouts_with_one_alarm_is_found_twice_and_delayed_once(tmp_path):
    frames = planted([(50, 80), (88, 120)])
    clips = [clip(tmp_path, 50, 80), clip(tmp_path, 88, 120)]
    [spell] = alarm_spells(frames, AlarmSettings())
    assert 50 < spell[0] < 80
    assert spell[1] > 88

    measured = measures([count_video(clips, frames, [spell])], 1.0)

    assert (measured["episodes"], measured["found"], measured["episodes_found_by_the_alarm_before"]) == (2, 2, 1)
    assert measured["delay"]["times_s"] == [spell[0] - 50]
    assert measured["delay"]["waiting"] == [0.0]


def test_settings_are_chosen_without_the_infants_that_they_are_tested_on(tmp_path):
    """One infant alone has grimaces of 9 s: only the choices that were made with it are strict."""
    scores = {f"i{n}": planted([(30, 60)] + ([(90, 101)] if n == 0 else []), 130, 2.0) for n in range(5)}
    options = [
        entry for entry in candidates(AlarmSettings()) if (entry.clear_seconds, entry.hold_seconds) == (5.0, 3.0)
    ]

    def count(alarms):
        return [count_video([clip(tmp_path, 30, 60, n)], f, alarm_spells(f, alarms)) for n, f in scores.items()]

    tuned = tune_alarms(count, options, 0.0)

    assert tuned.is_within_limit
    assert sum(len(video.false_alarms) for video in count(tuned.settings)) == 0
    held = {video.infant: video for video in tuned.held_out}
    assert set(held) == set(scores)
    assert held["i0"].false_alarms  # chosen on infants without grimaces
    assert not any(held[f"i{n}"].false_alarms for n in range(1, 5))
    assert all(video.episodes[0].delay is not None for video in tuned.held_out)


def test_everything_is_written_and_the_chosen_settings_are_a_stations(tmp_path):
    clips = [clip(tmp_path, 20, 40, f"i{n}") for n in range(6)]
    clips += [clip(tmp_path, 50, 70, f"i{n}", "rest", pain=False) for n in range(6)]
    asked = []

    def score(video, infant):
        asked.append(infant)
        return planted([(22, 45)], 75, 1.0)

    settings = ClipSettings(most_false_alarms_per_hour=1.0, resamples=100)
    results = evaluate_clips(clips, STATION, score, tmp_path / "out", "planted", settings)

    assert sorted(asked) == [f"i{n}" for n in range(6)]  # every video once
    assert json.loads((tmp_path / "out" / "clips.json").read_text()) == results
    assert results["sensitivity"]["value"] == 1.0
    assert results["sensitivity"]["low"] == pytest.approx(0.025 ** (1 / 6))
    assert results["clip_auc"]["mean"]["value"] == 1.0
    assert len(results["strips"]) == 6
    assert (tmp_path / "out" / results["strips"][0]).read_text().startswith("<?xml")
    levels = [point["sensitivity"]["value"] for point in results["free_response"]]
    assert levels[0] >= levels[-1]
    chosen = yaml.safe_load((tmp_path / "out" / "tuned-alarms.yaml").read_text()) or {}
    AlarmSettings.model_validate(chosen["alarms"])
    assert results["tuned"]["on_other_infants"]["found"] == 6
    assert results["tuned"]["most_alarm_time"] == 0.05
    comment = (tmp_path / "out" / "tuned-alarms.yaml").read_text()
    assert "at most 1 false alarms an hour and at most 5 % of\n# the time without pain in alarm, on 6" in comment
    share = results["tuned"]["on_other_infants"]["alarm_time_outside_pain"]["value"]
    assert f"# share of the time without pain in alarm {share:.2f}" in comment
    assert all("alarm_time_outside_pain" in point for point in results["free_response"])


def test_a_table_is_read_and_its_mistakes_are_named_by_line(tmp_path):
    table = tmp_path / "clips.csv"
    head = "file,infant,start_s,end_s,label,stimulus,nfcs\n"
    table.write_text(head + "a.mp4,i1,5,12.5,pain,lance,4\na.mp4,i1,,,0,rest,\n")

    first, second = read_clips(table)

    assert first == Clip(tmp_path / "a.mp4", "i1", 5.0, 12.5, is_pain=True, stimulus="lance", nfcs=4.0)
    assert (second.start_seconds, second.end_seconds, second.is_pain) == (0.0, None, False)
    for line, word in (
        ("a.mp4,i1,9,3,pain,lance,", "line 2"),
        ("a.mp4,i1,x,3,pain,lance,", "start_s"),
        ("a.mp4,i1,1,3,perhaps,lance,", "line 2"),
        ("a.mp4,i1,1,3,pain,lance,\na.mp4,i2,5,6,pain,lance,", "i1 and i2"),
    ):
        table.write_text(head + line + "\n")
        with pytest.raises(DataError, match=word):
            read_clips(table)


def test_a_folder_with_icopevids_names_is_read_alike(tmp_path):
    for name in ("S025_Rest_1_[0]_20s.avi", "S025_Pain_1_[0]_20s.avi", "S031_Friction_2_[1]_20s.avi"):
        (tmp_path / name).touch()

    clips = read_clips(tmp_path)

    assert {(entry.infant, entry.stimulus, entry.is_pain) for entry in clips} == {
        ("S025", "rest", False),
        ("S025", "pain", True),
        ("S031", "friction", False),
    }
