"""Episodes in time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.synthetic.episodes import SCENARIO_EPISODES, Episodes
from monitor.synthetic.expression import State

PLANS = st.sampled_from(sorted(SCENARIO_EPISODES))


@given(PLANS, st.integers(0, 1000), st.lists(st.floats(0.0, 900.0), min_size=1, max_size=12))
def test_an_answer_does_not_depend_on_earlier_questions(name, seed, times):
    asked = Episodes(SCENARIO_EPISODES[name], seed)
    answers = [asked.at(time) for time in times]
    for time, answer in zip(times, answers, strict=True):
        assert Episodes(SCENARIO_EPISODES[name], seed).at(time) == answer


@given(PLANS, st.integers(0, 1000))
def test_a_level_rises_holds_and_falls(name, seed):
    episode = Episodes(SCENARIO_EPISODES[name], seed).until(400.0)[0]
    if not episode.shows:
        return
    assert episode.level(episode.onset_seconds) == 0.0
    assert episode.level(episode.onset_seconds + episode.rise_seconds) == pytest.approx(1.0)
    assert episode.level(episode.plateau_end_seconds) == pytest.approx(1.0)
    later = [episode.level(episode.plateau_end_seconds + seconds) for seconds in np.linspace(0.0, 60.0, 50)]
    assert all(after <= before for before, after in pairwise(later))
    assert later[-1] == 0.0


def test_a_third_of_the_heel_lances_leave_the_face_unmoved():
    plan = SCENARIO_EPISODES["procedures"]
    episodes = [episode for seed in range(40) for episode in Episodes(plan, seed).until(2000.0)]
    assert len(episodes) > 400
    assert np.mean([episode.shows for episode in episodes]) == pytest.approx(0.64, abs=0.06)


def test_confusers_come_in_turn_and_air_is_over_soon():
    episodes = Episodes(SCENARIO_EPISODES["confusers"], 1).until(300.0)
    assert [episode.state for episode in episodes[:5]] == [
        State.YAWN,
        State.AIR,
        State.FRICTION,
        State.CRY,
        State.SNEEZE,
    ]
    assert all(episode.hold_seconds <= 2.0 for episode in episodes if episode.state is State.AIR)
