"""A procedure marks an event. It silences, delays and hides nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.procedure import PROCEDURE_TITLES, ProcedureKind
from monitor.pain.vocabulary import Code, Kind, Phase, Sample, Signal, Visibility


def bed():
    numbers = iter(range(1, 1_000))
    return BedAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")


def show(watched, begin, end, score):
    changed = []
    for n in range(int((end - begin) * 2)):
        changed += watched.observe(Sample(begin + n / 2, score, Visibility.USABLE)).transitions
    return changed


def of(changed, code=Code.PROCEDURE):
    return [transition for transition in changed if transition.code is code]


def test_it_is_a_record_from_begin_to_end_in_the_name_of_who_said_so():
    watched = bed()
    show(watched, 0, 10, 0.05)
    (begun,) = watched.begin_procedure("anna", 10.0, ProcedureKind.HEEL_LANCE, 60.0, "left foot")
    assert (begun.kind, begun.phase, begun.signal) == (Kind.TECHNICAL, Phase.START, Signal.ACKNOWLEDGED)
    assert begun.acknowledged_by == "anna"
    assert begun.detail == "Heel lance (left foot), by anna: pain is to be expected, and is alarmed as ever."
    assert of(show(watched, 10, 69, 0.05)) == []
    (over,) = of(show(watched, 69, 75, 0.05))
    assert (over.phase, over.alert_id, over.determined_seconds) == (Phase.END, begun.alert_id, 70.0)


@settings(max_examples=12, deadline=None)
@given(score=st.floats(0.0, 1.0), duration=st.floats(1.0, 3_600.0), kind=st.sampled_from(list(ProcedureKind)))
def test_the_alarms_are_the_same_with_and_without_it(score, duration, kind):
    def story(*, marked):
        watched = bed()
        changed = show(watched, 0, 10, 0.05)
        if marked:
            changed += watched.begin_procedure("anna", 10.0, kind, duration)
        changed += show(watched, 10, 40, score) + show(watched, 40, 80, 0.05)
        return [
            (one.code, one.phase, one.signal, one.priority, one.onset_seconds, one.determined_seconds)
            for one in changed
            if one.code is not Code.PROCEDURE
        ]

    assert story(marked=True) == story(marked=False)


def test_another_one_ends_the_first():
    watched = bed()
    show(watched, 0, 1, 0.05)
    watched.begin_procedure("anna", 1.0, ProcedureKind.INJECTION)
    over, begun = watched.begin_procedure("ben", 2.0, ProcedureKind.SUCTIONING)
    assert (over.phase, begun.phase) == (Phase.END, Phase.START)
    assert over.alert_id != begun.alert_id


def test_it_ends_with_the_infant():
    watched = bed()
    show(watched, 0, 1, 0.05)
    watched.begin_procedure("anna", 1.0, ProcedureKind.INJECTION)
    assert [one.phase for one in of(watched.admit("anna", 2.0))] == [Phase.END]
    watched.begin_procedure("anna", 3.0, ProcedureKind.INJECTION)
    assert [one.phase for one in of(watched.discharge("anna", 4.0))] == [Phase.END]
    with pytest.raises(ValueError, match="admit an infant first"):
        watched.begin_procedure("anna", 5.0, ProcedureKind.INJECTION)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3_601.0, float("nan")])
def test_a_time_that_is_too_long_is_refused(seconds):
    with pytest.raises(ValueError, match="at most 3600 s"):
        bed().begin_procedure("anna", 1.0, ProcedureKind.INJECTION, seconds)


def test_it_outlives_a_restart():
    watched = bed()
    show(watched, 0, 10, 0.05)
    (begun,) = watched.begin_procedure("anna", 10.0, ProcedureKind.HEEL_LANCE, 60.0)
    again = bed()
    again.restore(watched.snapshot(), 1_000.0, away_seconds=5.0)
    assert [one.alert_id for one in again.active() if one.code is Code.PROCEDURE] == [begun.alert_id]
    (over,) = of(again.tick(1_060.0).transitions)
    assert over.determined_seconds == pytest.approx(1_055.0, abs=0.3)


def test_no_title_begins_with_another():
    titles = list(PROCEDURE_TITLES.values())
    assert len(titles) == len(set(titles)) == len(ProcedureKind)
    assert not [(one, other) for one in titles for other in titles if one != other and one.startswith(other)]
