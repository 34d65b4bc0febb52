"""What counts as an episode, as found, as delayed and as a false alarm: planted cases, and laws for any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.pain.alarm_counting import (
    CARRIED_SECONDS,
    GRACE_SECONDS,
    count_alarms,
    joined_spans,
    overlap_seconds,
    spans_without,
)

LENGTH = 400.0


@st.composite
def spans(draw, most=8):
    """Return disjoint spans of whole seconds within the length, none touching another."""
    ends = sorted(draw(st.sets(st.integers(0, int(LENGTH)), max_size=2 * most)))
    return [(float(a), float(b)) for a, b in zip(ends[::2], ends[1::2], strict=False)]


@pytest.mark.parametrize(
    ("pain", "spells", "found", "delays", "false"),
    [
        pytest.param([(50, 80)], [(58, 90)], [True], [8], [], id="begins in it"),
        pytest.param([(50, 80)], [(85, 99)], [True], [35], [], id="begins 5 s after it"),
        pytest.param([(50, 80)], [(86, 99)], [False], [None], [86], id="begins later"),
        pytest.param([(50, 80)], [(49, 99)], [False], [None], [49], id="begins before it"),
        pytest.param([(50, 80)], [(40, 60), (65, 99)], [True], [15], [40], id="a false one ends, a true one begins"),
        pytest.param([(50, 80), (90, 120)], [(58, 130)], [True] * 2, [8, None], [], id="told before"),
        pytest.param([(50, 80), (90, 120)], [(58, 88)], [True, False], [8, None], [], id="silent again"),
        pytest.param([(50, 80), (90, 120)], [(40, 130)], [False] * 2, [None] * 2, [40], id="a false one tells nothing"),
        pytest.param([(50, 80), (110, 120)], [(58, 130)], [True] * 2, [8, None], [], id="30 s later"),
        pytest.param([(50, 80), (111, 120)], [(58, 130)], [True, False], [8, None], [], id="31 s later"),
        pytest.param([(50, 60), (80, 90), (110, 120)], [(55, 300)], [True] * 3, [5, None, None], [], id="three bouts"),
        pytest.param(
            [(50, 60), (80, 90)], [(55, 82), (85, 99)], [True] * 2, [5, None], [], id="told before, and again"
        ),
        pytest.param([(50, 60), (60, 80)], [(65, 90)], [True], [15], [], id="those that touch are one"),
    ],
)
def test_an_episode_is_found_by_an_alarm_that_tells_of_it(pain, spells, found, delays, false):
    counted = count_alarms(pain, spells, LENGTH)

    assert [episode.is_found for episode in counted.episodes] == found
    assert [episode.delay for episode in counted.episodes] == delays
    assert list(counted.false_alarms) == false


@given(spans(), spans())
def test_the_definition_is_recomputed(pain, spells):
    """Which alarms tell of each episode, and second by second what is calm and what sounds."""
    counted = count_alarms(pain, spells, LENGTH)

    belongs = {
        spell: [n for n, (begin, end) in enumerate(pain) if begin <= spell[0] <= end + GRACE_SECONDS]
        for spell in spells
    }
    assert sorted(counted.false_alarms) == sorted(spell[0] for spell in spells if not belongs[spell])
    told: list[set[tuple[float, float]]] = []
    for number, (begin, _) in enumerate(pain):
        before = told[-1] if told and begin - pain[number - 1][1] <= CARRIED_SECONDS else set()
        sounding = {(on, off) for on, off in spells if on < begin < off}
        told.append({spell for spell in spells if number in belongs[spell]} | (before & sounding))
    assert [episode.is_found for episode in counted.episodes] == [bool(entry) for entry in told]
    in_calm = [
        not any(begin <= second < end + GRACE_SECONDS for begin, end in pain)
        for second in (number + 0.5 for number in range(int(LENGTH)))
    ]
    assert counted.calm_seconds == sum(in_calm)
    sounds = [any(on <= number + 0.5 < off for on, off in spells) for number in range(int(LENGTH))]
    assert counted.alarm_calm_seconds == sum(a and b for a, b in zip(in_calm, sounds, strict=True))


@given(spans(), spans())
def test_laws_of_any_count(pain, spells):
    counted = count_alarms(pain, spells, LENGTH)

    for episode in counted.episodes:
        assert episode.is_found == (episode.delay is not None or episode.is_carried_over)
        assert episode.delay is None or 0.0 <= episode.delay <= episode.end - episode.begin + GRACE_SECONDS
        assert episode.was_on_already or not episode.is_carried_over
    # Every alarm is false or belongs to an episode, and silence finds nothing.
    assert len(counted.false_alarms) + sum(episode.spells for episode in counted.episodes) >= len(spells)
    assert bool(spells) or not any(episode.is_found for episode in counted.episodes)
    # It does not matter in which order pain is listed, nor into how many parts it is cut.
    halves = [part for begin, end in pain for part in ((begin, (begin + end) / 2), ((begin + end) / 2, end))]
    assert count_alarms(halves[::-1], spells, LENGTH) == counted
    # An alarm that sounds always finds nothing, but for pain from the first second on.
    always = count_alarms(pain, [(0.0, LENGTH)], LENGTH)
    assert not any(episode.is_found for episode in always.episodes) or pain[0][0] == 0.0
    assert always.alarm_calm_seconds == always.calm_seconds


@given(spans(), spans())
def test_an_alarm_in_a_silent_second_never_takes_an_episode_away(pain, spells):
    before = count_alarms(pain, spells, LENGTH)
    for number in range(0, int(LENGTH), 7):
        if not any(on <= number + 0.75 and number + 0.25 <= off for on, off in spells):
            after = count_alarms(pain, sorted([*spells, (number + 0.25, number + 0.75)]), LENGTH)
            pairs = zip(before.episodes, after.episodes, strict=True)
            assert all(new.is_found or not old.is_found for old, new in pairs)


@given(spans(), spans())
def test_spans_without_others_are_the_rest(first, second):
    rest = spans_without(first, second)

    assert overlap_seconds(rest, second) == 0.0
    length = sum(end - begin for begin, end in first)
    assert sum(end - begin for begin, end in rest) == length - overlap_seconds(first, second)
    assert joined_spans([*rest, *first]) == joined_spans(first)
