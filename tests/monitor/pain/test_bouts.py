"""Pain in short bouts: declared although the level never stays up, and no flood of alarms where it comes all day."""

import itertools

import pytest

from monitor.pain import Code, Phase, Signal


def bouts(watched, pain, rest, seconds):
    """Let bouts of pain come; a rest comes first. Return what changed."""
    changed = []
    for _ in range(int(seconds / (pain + rest))):
        changed += watched.show(rest, 0.05)
        changed += watched.show(pain, 0.95)
    return changed


def starts(changed, code=Code.PAIN_SIGN):
    return [t for t in changed if t.code is code and t.phase is Phase.START]


@pytest.mark.parametrize(("pain", "rest"), [(3, 3), (4, 5), (5, 7), (6, 7), (8, 10)])
@pytest.mark.parametrize("rate", [2.0, 5.0, 25.0])
def test_short_bouts_with_rests_are_declared_within_half_a_minute(watch, pain, rest, rate):
    """The story: an hour of such grimaces raised nothing, for the level never stood high for three seconds."""
    watched = watch(rate=rate)
    watched.show(30, 0.05)
    began = starts(bouts(watched, pain, rest, 80))
    assert len(began) == 1
    assert began[0].determined_seconds <= 30 + 36
    assert not [t for t in watched.transitions if t.phase is Phase.END]
    assert [t.phase for t in watched.show(60, 0.05) if t.code is Code.PAIN_SIGN] == [Phase.END]


def test_a_twitch_after_an_alarm_ended_is_not_declared(watched):
    watched.show(20, 0.05)
    watched.show(16, 0.95)
    assert watched.show(16, 0.05)[-1].phase is Phase.END
    assert watched.show(0.4, 0.95) + watched.show(20, 0.05) == []


@pytest.mark.parametrize(("pain", "rest"), [(8, 16), (10, 75), (20, 100)])
def test_a_restless_day_is_a_few_episodes_an_hour_with_counted_bouts(watch, pain, rest):
    watched = watch(rate=2.0)
    changed = bouts(watched, pain, rest, 4 * 3600)
    for code in (Code.PAIN_SIGN, Code.PAIN_SUSTAINED):
        assert len(starts(changed, code)) <= 4 * 4
    back = [t for t in changed if t.phase is Phase.UPDATE and t.condition_present and t.bouts > 1]
    assert all(t.signal is Signal.ON and f"{t.bouts} bouts in" in t.detail for t in back), "a return is signalled"
    for one, other in itertools.pairwise(back):
        if one.alert_id == other.alert_id and one.code is other.code:
            assert other.bouts >= one.bouts
            assert one.evidence is not other.evidence, "each bout has its own evidence"


def test_coalescing_hides_neither_the_first_alarm_nor_an_escalation(watch):
    watched = watch(rate=2.0)
    assert starts(bouts(watched, 10, 75, 170))
    bouts(watched, 10, 75, 1800)
    watched.show(60, 0.05)
    worse = watched.show(60, 0.95)
    assert starts(worse, Code.PAIN_SUSTAINED)
    assert [t.signal for t in worse if t.phase is Phase.ESCALATE] == [Signal.ON]
