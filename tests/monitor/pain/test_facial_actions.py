"""Facial actions over the last half minute: shares of time, whatever the frame rate, and the bands of PIPP-R."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.facial_actions import ActionWindow, pipp_r_points
from monitor.pain.vocabulary import Code, FaceAction, Sample, Transition, Visibility

WINDOW = 30.0


def values(**strong: float) -> dict[FaceAction, float]:
    return {action: strong.get(action.value, 0.0) for action in FaceAction}


def read(window: ActionWindow, now: float) -> dict[FaceAction, tuple[float | None, float, int | None]]:
    return {one.action: (one.now, one.share, one.pipp_r) for one in window.read(now)}


@pytest.mark.parametrize(
    ("share", "points"),
    [(0.0, 0), (0.099, 0), (0.1, 1), (0.399, 1), (0.4, 2), (0.699, 2), (0.7, 3), (1.0, 3)],
)
def test_the_bands_of_pipp_r(share: float, points: int) -> None:
    assert pipp_r_points(share) == points


@given(rate=st.sampled_from([1.5, 2.0, 5.0, 12.0]), begin=st.floats(2.0, 25.0), length=st.floats(0.0, 20.0))
def test_a_share_is_of_time_and_not_of_frames(rate: float, begin: float, length: float) -> None:
    window = ActionWindow.of(WINDOW)
    times = [index / rate for index in range(int(WINDOW * rate) + 1)]
    for time in times:
        window.add(time, values(mouth_open=1.0 if begin <= time < begin + length else 0.2))
    expected = max(0.0, min(begin + length, WINDOW) - begin) / WINDOW
    now, share, points = read(window, times[-1])[FaceAction.MOUTH_OPEN]
    assert share == pytest.approx(expected, abs=1.0 / rate / WINDOW + 0.01)
    assert now == (1.0 if begin <= times[-1] < begin + length else 0.2)
    assert points is None


def test_time_without_a_face_counts_neither_way() -> None:
    window = ActionWindow.of(WINDOW)
    for index in range(50):
        window.add(index / 5, values(brow_lowered=0.8))
    for index in range(50, 100):
        window.add(index / 5, {})
    now, share, points = read(window, 20.0)[FaceAction.BROW_LOWERED]
    assert share == pytest.approx(1.0)
    assert (now, points) == (None, 3)
    assert window.read(20.0 + 2 * WINDOW) == ()


def test_too_little_time_says_nothing() -> None:
    window = ActionWindow.of(WINDOW)
    for index in range(14):
        window.add(index / 5, values(brow_lowered=0.8))
    assert window.read(2.6) == ()


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -0.1])
def test_a_value_that_is_no_share_is_not_taken(bad: float) -> None:
    window = ActionWindow.of(WINDOW)
    for index in range(50):
        window.add(index / 5, values(eyes_squeezed=bad))
    assert window.read(10.0) == ()


def test_a_pain_alert_says_what_the_face_did() -> None:
    bed = BedAlarms(AlarmSettings(), new_id=iter(map(str, range(9))).__next__)
    grimace = values(eyes_squeezed=0.9, brow_lowered=0.7, mouth_open=0.8)
    changes: list[Transition] = []
    for index in range(75):
        step = bed.observe(Sample(index / 5, 0.95, Visibility.USABLE, 1, actions=grimace))
        changes += step.transitions
    start = next(change for change in changes if change.code is Code.PAIN_SIGN)
    assert start.evidence is not None
    said = {one.action: one for one in start.evidence.actions}
    assert said[FaceAction.EYES_SQUEEZED].pipp_r == 3
    assert said[FaceAction.FURROW_DEEPENED].pipp_r == 0
    assert said[FaceAction.MOUTH_OPEN].share == pytest.approx(1.0)
    assert {one.action for one in step.observation.actions} == set(FaceAction)
