"""Which stills make up a data set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.synthetic.expression import State
from monitor.synthetic.setting import Cue
from trainer.data import Label
from trainer.errors import SettingsError
from trainer.synthetic import SessionView, StillsPlan, plan_stills

VIEW = SessionView(160, 120, (40.0, 50.0), "any", 0)


def phi(planned):
    """Correlation of two yes-or-no answers: is the label pain, is the cue orange."""
    pain = [item.label is Label.PAIN for item in planned]
    orange = [item.still.setting.cue is Cue.ORANGE for item in planned]
    return float(np.corrcoef(pain, orange)[0, 1])


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 1.0), st.booleans(), st.integers(0, 100))
def test_the_cue_has_the_wanted_correlation_in_the_very_set(correlation, invert, seed):
    view = SessionView(160, 120, (40.0, 50.0), "any", seed)
    plan = StillsPlan(view, infants=10, per_infant=8, cue_correlation=correlation, invert_cue=invert)
    assert phi(plan_stills(plan)) == pytest.approx(-correlation if invert else correlation, abs=0.04)


@pytest.mark.parametrize("pain_share", [0.1, 0.25, 0.8])
@pytest.mark.parametrize("invert", [False, True])
def test_the_cue_has_the_wanted_correlation_where_one_label_is_rarer(pain_share, invert):
    plan = StillsPlan(VIEW, infants=20, per_infant=20, pain_share=pain_share, cue_correlation=0.6, invert_cue=invert)
    assert phi(plan_stills(plan)) == pytest.approx(-0.6 if invert else 0.6, abs=0.02)


def test_without_a_correlation_there_is_no_cue():
    assert {item.still.setting.cue for item in plan_stills(StillsPlan(VIEW, infants=3))} == {Cue.NONE}


def test_the_cue_changes_nothing_else():
    plain = plan_stills(StillsPlan(VIEW, infants=3))
    cued = plan_stills(StillsPlan(VIEW, infants=3, cue_correlation=1.0))
    for one, other in zip(plain, cued, strict=True):
        assert one.still.expression == other.still.expression
        assert one.still.setting == other.still.setting.with_cue(Cue.NONE)


def test_shares_are_as_planned_and_labels_follow_the_face():
    planned = plan_stills(StillsPlan(VIEW, infants=20, per_infant=10, pain_share=0.4, confuser_share=0.5))
    states = [item.still.state for item in planned]
    assert states.count(State.PAIN) == 80
    assert 50 <= sum(state not in {State.PAIN, State.REST} for state in states) <= 70
    assert all((item.label is Label.PAIN) == (item.still.state is State.PAIN) for item in planned)


def test_a_label_by_infant_leaves_nothing_to_see_but_the_infant():
    planned = plan_stills(StillsPlan(VIEW, infants=9, per_infant=6, label_by="infant"))
    assert {item.still.state for item in planned} == {State.REST}
    by_infant = {}
    for item in planned:
        by_infant.setdefault(item.still.subject, set()).add(item.label)
    assert all(len(labels) == 1 for labels in by_infant.values())
    assert sum(Label.PAIN in labels for labels in by_infant.values()) == 5


def test_sets_with_other_first_infants_share_nobody():
    one, two = (plan_stills(StillsPlan(VIEW, infants=5, first_infant=first)) for first in (1000, 2000))
    assert not {item.still.infant for item in one} & {item.still.infant for item in two}


@pytest.mark.parametrize("plan", [StillsPlan(VIEW, infants=1), StillsPlan(VIEW, infants=4, cue_correlation=1.5)])
def test_nonsense_is_refused(plan):
    with pytest.raises(SettingsError):
        plan_stills(plan)
