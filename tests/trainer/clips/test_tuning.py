"""Alarm settings are chosen for few false alarms that end, on infants with pain and without, never on those tested."""

from pathlib import Path

import numpy as np
import pytest

from monitor.config import AlarmSettings
from trainer.clips import Clip, FrameScores
from trainer.clips.counting import Episode, Watched, count_video
from trainer.clips.measures import measures
from trainer.clips.tuning import candidates, tune_alarms
from trainer.errors import DataError

RESTLESS = AlarmSettings(on_level=0.5, off_level=0.3)
HONEST = AlarmSettings(on_level=0.8, off_level=0.6)


def watched(infant, *, calm=3600.0, in_alarm=0.0, false=0, found=4, episodes=4):
    """A video of one infant, as an alarm left it."""
    spans = tuple(
        Episode(
            100.0 * n,
            100.0 * n + 30,
            5.0 if n < found else None,
            was_on_already=False,
            is_carried_over=False,
            spells=int(n < found),
            infant=infant,
            coverage=1.0,
        )
        for n in range(episodes)
    )
    return Watched(infant, 3600.0, 3600.0, calm, in_alarm, spans, (1.0,) * false, {}, {})


def test_an_alarm_that_is_on_already_finds_no_episode():
    clips = [Clip(Path("v.mp4"), "a", begin, begin + 30.0, is_pain=True, stimulus="lance") for begin in (50.0, 150.0)]

    none = np.full(300, np.nan)
    seen = np.zeros(300, int)
    frames = FrameScores(np.arange(300.0), np.full(300, 0.9), seen, none, none, np.array(300.0), seen)

    found = count_video(clips, frames, [(20.0, 155.0), (160.0, 300.0)])

    first, second = found.episodes
    assert (first.delay, first.spells, first.was_on_already) == (None, 0, True)
    assert (second.delay, second.spells, second.was_on_already) == (10.0, 1, True)
    measured = measures([found], 1.0)
    assert (measured["found"], measured["episodes_with_alarm_on_already"]) == (1, 2)


def test_an_alarm_that_never_ends_is_not_chosen_though_it_is_false_only_once():
    """It begins in an episode and stays on: no false alarm at all."""

    def count(settings):
        restless = settings is RESTLESS
        return [
            watched(
                name, in_alarm=3000.0 if restless else 100.0, false=0 if restless else 1, found=4 if restless else 3
            )
            for name in "abcdef"
        ]

    tuned = tune_alarms(count, [RESTLESS, HONEST], 2.0)

    assert tuned.settings is HONEST
    assert tuned.is_within_limit
    assert measures(tuned.held_out, 1.0)["alarm_time_outside_pain"]["value"] == pytest.approx(100 / 3600)
    assert tune_alarms(count, [RESTLESS, HONEST], 2.0, 0.9).settings is RESTLESS


def test_where_no_settings_keep_the_time_in_alarm_those_nearest_to_it_are_chosen_and_said_to_exceed_it():
    def count(settings):
        restless = settings is RESTLESS
        return [watched(name, in_alarm=3000.0 if restless else 800.0, false=0 if restless else 4) for name in "abcdef"]

    tuned = tune_alarms(count, [RESTLESS, HONEST], 2.0)

    assert tuned.settings is HONEST
    assert not tuned.is_within_limit


def test_nobodys_settings_are_chosen_on_infants_without_time_free_of_pain():
    """Only a and f have any; as every fifth of the names they would be one group."""

    def count(settings):
        return [
            watched(name, calm=100.0 if name in "af" else 0.0, false=50 if name in "af" and settings is RESTLESS else 0)
            for name in "abcdef"
        ]

    tuned = tune_alarms(count, [RESTLESS, HONEST], 2.0)

    assert {choice["on_level"] for choice in tuned.choices} == {0.8}
    assert sorted(name for choice in tuned.choices for name in choice["infants"]) == list("abcdef")
    assert not any(video.false_alarms for video in tuned.held_out)


@pytest.mark.parametrize(
    ("episodes", "words"),
    [
        ({"a": 1}, "at least two infants with an episode of pain are needed, and there are 1"),
        ({}, "at least two infants with an episode of pain are needed, and there are 0"),
        # a has both, g pain only: dealt out to five groups they meet.
        ({"a": 1, "g": 1}, "the alarm settings for a, g would be chosen on infants who have only one of them"),
    ],
)
def test_a_choice_without_pain_to_find_is_refused(episodes, words):
    def count(_):
        return [watched(n, episodes=episodes.get(n, 0), calm=0.0 if n == "g" else 9.0) for n in "abcdeg"]

    with pytest.raises(DataError, match=words):
        tune_alarms(count, candidates(AlarmSettings()), 1.0)
