"""The words on a tile. The hazard: a bed that nobody can assess reads as a bed without pain."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.board import BedReadings, BedState, describe_bed
from monitor.pain import BedOccupancy, Occupancy, Region
from monitor.pain.vocabulary import Code, Observation, Phase, Signal, Validity
from monitor.video.status import CameraState

CALM = {BedState.NO_SIGN, BedState.LEVEL_RAISED}
PAIN = {BedState.PAIN_SIGN, BedState.PAIN_SUSTAINED}


def facts(observation=None, *, age=0.2, known=600.0, camera=CameraState.PLAYING, alerts=()):
    return BedReadings(observation, None if observation is None else age, known, camera, tuple(alerts), on_level=0.6)


def test_a_calm_bed_reads_as_no_sign_seen(observation):
    status = describe_bed(facts(observation(0.1)))
    assert (status.state, status.words, status.can_see) == (BedState.NO_SIGN, "No sign of pain seen", True)


def test_a_high_level_before_its_alarm_does_not_read_as_no_sign(observation):
    assert describe_bed(facts(observation(0.8))).state is BedState.LEVEL_RAISED
    assert describe_bed(facts(observation(0.1, display_level=0.8))).state is BedState.LEVEL_RAISED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": None, "seconds_since_face": 12.0}, "No face for 12 s."),
        ({"level": None, "seconds_since_face": 600.0}, "No face for 10 min."),
        ({"level": None, "seconds_since_face": 1.0}, "The face was seen too little to be assessed."),
        ({"level": None, "seconds_since_face": None}, "No face has been seen yet."),
        ({"level": None, "seconds_since_face": 60.0, "hidden": (Region.MOUTH,)}, "Mouth covered."),
        ({"level": None, "seconds_since_face": 60.0, "hidden": (Region.EYES,)}, "Eyes covered."),
        ({"level": 0.1, "validity": Validity.QUESTIONABLE}, "It is not certain whose face is seen."),
        (
            {"level": 0.1, "validity": Validity.QUESTIONABLE, "seconds_since_face": 3.0},
            "The face was seen too little to be assessed.",
        ),
    ],
)
def test_what_cannot_be_assessed_says_why(observation, changes, words):
    status = describe_bed(facts(observation(**changes)))
    assert (status.state, status.detail, status.can_see) == (BedState.CANNOT_SEE, words, False)


def test_a_bed_out_of_the_watch_is_neither_calm_nor_urgent(observation, alert):
    empty = BedOccupancy(Occupancy.EMPTY, "nurse-7", 10.0)
    away = BedOccupancy(Occupancy.STANDBY, "nurse-7", 10.0, "bath", 700.0, until_face=True)
    for occupancy, state, detail in (
        (empty, BedState.EMPTY, "Not watched until an infant is admitted."),
        (
            away,
            BedState.STANDBY,
            "By nurse-7, until a face returns, 10 min left. Pain is not watched. Reason: bath.",
        ),
    ):
        seen = dataclasses.replace(facts(observation(0.1)), occupancy=occupancy, now_seconds=100.0)
        status = describe_bed(seen)
        assert (status.state, status.detail, status.can_see) == (state, detail, False)
        assert status.rank > describe_bed(facts(observation(0.1))).rank
    lost = alert(code=Code.CAMERA_LOST)
    seen = dataclasses.replace(facts(alerts=[lost]), occupancy=away, now_seconds=100.0)
    assert describe_bed(seen).detail.endswith("Reason: bath. No picture comes from the camera.")


def test_an_old_observation_says_nothing_about_now(observation):
    status = describe_bed(facts(observation(0.1), age=5.1))
    assert (status.words, status.detail) == ("Cannot see", "No picture has been analysed for 5 s.")
    assert describe_bed(facts(observation(0.1), age=math.nan)).state is BedState.CANNOT_SEE


def test_starting_does_not_last(observation):
    assert describe_bed(facts(known=3.0)).state is BedState.STARTING
    assert describe_bed(facts(known=31.0)).state is BedState.CANNOT_SEE


@pytest.mark.parametrize(("camera", "state"), [
    (CameraState.LOST, BedState.CAMERA_LOST),
    (CameraState.ENDED, BedState.CANNOT_SEE),
    (CameraState.STOPPED, BedState.CANNOT_SEE),
])  # fmt: skip
def test_a_camera_without_pictures_outweighs_the_last_observation(observation, camera, state):
    assert describe_bed(facts(observation(0.1), camera=camera)).state is state


def test_a_pain_alarm_stays_when_nobody_can_see_and_says_so(observation, alert):
    status = describe_bed(facts(observation(None, seconds_since_face=20.0), alerts=[alert()]))
    assert (status.state, status.can_see) == (BedState.PAIN_SIGN, False)
    assert status.detail == "Cannot be confirmed now. No face for 20 s."


def test_the_graver_pain_alarm_is_the_headline_and_acknowledging_the_lesser_does_not_hide_it(observation, alert):
    lesser = alert("a1", signal=Signal.ACKNOWLEDGED)
    graver = alert("a2", Code.PAIN_SUSTAINED)
    status = describe_bed(facts(observation(0.9), alerts=[lesser, graver]))
    assert (status.words, status.is_acknowledged) == ("Sustained pain", False)


def test_a_latched_alarm_asks_for_an_acknowledgement_without_claiming_pain_now(observation, alert):
    past = alert(phase=Phase.END, condition_present=False, signal=Signal.LATCHED)
    status = describe_bed(facts(observation(0.1), alerts=[past]))
    assert (status.state, status.needs_acknowledgement) == (BedState.PAIN_LATCHED, True)
    assert (status.words, status.since) == ("Earlier pain", past.onset_at)
    assert "nobody has acknowledged" in status.detail


def test_latched_pain_comes_before_what_cannot_be_seen_and_says_both(observation, alert):
    past = alert(phase=Phase.END, condition_present=False, signal=Signal.LATCHED)
    lost = alert("a2", Code.CAMERA_LOST)
    hidden = describe_bed(facts(observation(0.1), alerts=[past, lost]))
    assert (hidden.state, hidden.can_see) == (BedState.PAIN_LATCHED, False)
    assert hidden.detail.endswith("No picture comes from the camera.")
    technical = describe_bed(facts(observation(0.1), alerts=[lost]))
    assert hidden.rank < technical.rank
    assert technical.since == lost.onset_at


def test_an_alarm_whose_level_has_fallen_is_easing_and_still_pain(observation, alert):
    present = alert(code=Code.PAIN_SUSTAINED)
    easing = describe_bed(facts(observation(0.3), alerts=[present]))
    assert (easing.state, easing.words, easing.is_easing) == (BedState.PAIN_SUSTAINED, "Sustained pain", True)
    assert easing.detail.startswith("Easing")
    assert not describe_bed(facts(observation(0.8), alerts=[present])).is_easing
    assert not describe_bed(facts(observation(None), alerts=[present])).is_easing


def test_a_station_that_cannot_keep_up_says_so_at_the_bed(observation, alert):
    slow = alert("a2", Code.OVERLOAD)
    status = describe_bed(facts(observation(0.1), age=8.0, alerts=[slow]))
    assert status.detail == "The station cannot keep up: no picture has been analysed for 8 s."


def test_pain_comes_first_and_blindness_before_calm(observation, alert):
    ranks = [
        describe_bed(facts(observation(0.9), alerts=[alert(code=Code.PAIN_SUSTAINED)])).rank,
        describe_bed(facts(observation(0.9), alerts=[alert()])).rank,
        describe_bed(facts(observation(None))).rank,
        describe_bed(facts(known=1.0)).rank,
        describe_bed(facts(observation(0.1))).rank,
    ]
    assert ranks == sorted(set(ranks))


_floats = st.floats(allow_nan=True, allow_infinity=True)
_observations = st.builds(
    Observation,
    time_seconds=st.just(0.0),
    score=st.none() | _floats,
    level=st.none() | _floats,
    display_level=st.none() | _floats,
    coverage=_floats,
    on_share=st.none() | _floats,
    validity=st.sampled_from(Validity),
    seconds_since_face=st.none() | _floats,
)
# fmt: off
_alarms = st.lists(st.tuples(
    st.sampled_from(Code), st.booleans(), st.sampled_from(Signal), st.sampled_from(Validity),
), max_size=4)
# fmt: on


@given(
    seen=st.none() | _observations,
    age=_floats,
    known=_floats,
    camera=st.none() | st.sampled_from(CameraState),
    alarms=_alarms,
)
def test_no_sign_is_said_only_of_a_fresh_valid_low_level(seen, age, known, camera, alarms, alert_maker):
    alerts = [
        alert_maker(str(n), code, condition_present=present, signal=signal, validity=validity)
        for n, (code, present, signal, validity) in enumerate(alarms)
    ]
    status = describe_bed(facts(seen, age=age, known=known, camera=camera, alerts=alerts))
    present = {alert.code for alert in alerts if alert.condition_present}
    if status.state in CALM:
        assert seen is not None
        assert seen.validity is Validity.VALID
        assert seen.level is not None
        assert age <= 5.0
        assert camera not in {CameraState.LOST, CameraState.ENDED, CameraState.STOPPED}
        assert not present & {Code.PAIN_SIGN, Code.PAIN_SUSTAINED, Code.CAMERA_LOST, Code.PICTURE_FROZEN,
                              Code.PICTURE_DARK, Code.FACE_NOT_VISIBLE, Code.MODEL_DEGRADED}  # fmt: skip
        assert status.can_see
    if status.state is BedState.NO_SIGN:
        assert 0.0 <= seen.level < 0.6
    if present & {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}:
        assert status.state in PAIN
    assert ("no sign" in status.words.lower()) == (status.state is BedState.NO_SIGN)
