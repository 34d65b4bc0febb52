"""Who the patient is: stories of infants, carers and faces that come and go."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.patient import PatientSelector
from monitor.faces.tracking import Track
from monitor.faces.viewport import ImageRegion

COT = ImageRegion(0.0, 0.0, 600.0, 400.0)


def face(x: float, y: float = 200.0, size: float = 80.0, orientation: float = 90.0) -> Face:
    return Face(OrientedBox(x, y, size, size, orientation), np.zeros((5, 2)), 0.9)


def track(track_id: int, x: float, first: float, last: float, frames_seen: int = 9, **position: float) -> Track:
    return Track(track_id, face(x, **position), first, last, frames_seen, first)


def settled() -> PatientSelector:
    """Return a chooser that has known track 1 at x = 200 px for ten seconds."""
    chooser = PatientSelector()
    for now in range(11):
        choice = chooser.choose([track(1, 200.0, 0.0, float(now))], COT, float(now))
        assert choice.track is not None
        assert not choice.ambiguous
    return chooser


def test_a_single_face_in_the_region_is_the_patient_at_once():
    choice = PatientSelector().choose([track(1, 200.0, 0.0, 0.0, frames_seen=1)], COT, 0.0)
    assert choice.track is not None
    assert not choice.ambiguous


def test_a_face_outside_the_region_is_nobodys_patient_however_large():
    choice = PatientSelector().choose([track(1, 700.0, 0.0, 9.0, size=300.0)], COT, 9.0)
    assert choice.track is None


def test_a_new_face_lies_within_the_region_to_a_pixel_and_a_chosen_one_may_lean_over_its_edge():
    assert PatientSelector().choose([track(1, 600.5, 0.0, 0.0)], COT, 0.0).track is None
    assert PatientSelector().choose([track(1, 600.0, 0.0, 0.0)], COT, 0.0).track is not None
    assert settled().choose([track(1, 600.5, 0.0, 11.0)], COT, 11.0).track is not None


def test_a_larger_carer_who_leans_in_does_not_become_the_patient_but_makes_it_questionable():
    chooser = settled()
    tracks = [track(1, 200.0, 0.0, 11.0), track(2, 400.0, 10.5, 11.0, size=220.0, orientation=0.0)]
    choice = chooser.choose(tracks, COT, 11.0)
    assert choice.track is tracks[0]
    assert choice.ambiguous
    alone = chooser.choose(tracks[:1], COT, 14.0)
    assert alone.track is tracks[0]
    assert not alone.ambiguous


def test_a_carer_beside_the_region_a_tiny_face_or_a_flicker_casts_no_doubt():
    for other in (
        track(2, 700.0, 10.5, 11.0, size=220.0),
        track(2, 400.0, 5.0, 11.0, size=30.0),
        track(2, 400.0, 11.0, 11.0, frames_seen=1),
    ):
        choice = settled().choose([track(1, 200.0, 0.0, 11.0), other], COT, 11.0)
        assert choice.track is not None
        assert choice.track.track_id == 1
        assert not choice.ambiguous


def test_while_the_patients_track_lives_the_carer_does_not_become_the_patient():
    chooser = settled()
    # The patient was not seen for 1.5 s; its track still lives.
    tracks = [track(1, 200.0, 0.0, 10.0), track(2, 400.0, 10.5, 11.5)]
    choice = chooser.choose(tracks, COT, 11.5)
    assert choice.track is tracks[0]


def test_when_the_patient_is_gone_the_carer_who_stays_is_questionable_for_a_while():
    chooser = settled()
    chooser.choose([track(1, 200.0, 0.0, 11.0), track(2, 400.0, 10.5, 11.0)], COT, 11.0)
    for now in (13.0, 20.0, 39.0):
        choice = chooser.choose([track(2, 400.0, 10.5, now)], COT, now)
        assert choice.track is not None
        assert choice.ambiguous
    assert not chooser.choose([track(2, 400.0, 10.5, 60.0)], COT, 60.0).ambiguous


def test_a_face_that_comes_back_where_the_patient_was_is_the_patient_beside_a_longer_seen_carer():
    chooser = settled()
    carer = track(2, 450.0, 9.0, 15.0, orientation=0.0)
    chooser.choose([carer], COT, 14.0)
    back = track(3, 210.0, 14.5, 15.0)
    # The carer stays the patient while its track lives; once both are chosen again, the position decides.
    chooser.choose([], COT, 14.6)
    choice = chooser.choose([carer, back], COT, 15.0)
    assert choice.track is back


def test_a_face_that_comes_back_elsewhere_is_questionable_and_near_its_last_position_it_is_not():
    assert not settled().choose([track(2, 250.0, 20.0, 20.0)], COT, 20.0).ambiguous
    assert settled().choose([track(2, 450.0, 20.0, 20.0)], COT, 20.0).ambiguous
    assert settled().choose([track(2, 210.0, 20.0, 20.0, size=200.0)], COT, 20.0).ambiguous
    assert settled().choose([track(2, 210.0, 20.0, 20.0, orientation=-60.0)], COT, 20.0).ambiguous


def test_the_patient_may_wander_a_little_over_the_edge_but_not_away():
    chooser = settled()
    assert chooser.choose([track(1, 610.0, 0.0, 11.0)], COT, 11.0).track is not None
    assert chooser.choose([track(1, 640.0, 0.0, 12.0)], COT, 12.0).track is None
    assert chooser.choose([track(1, 610.0, 0.0, 13.0)], COT, 13.0).track is None


def test_a_face_that_comes_back_exactly_at_a_limit_is_the_patient_and_beyond_it_is_not():
    for at, beyond in (
        ({"size": 144.0}, {"size": 145.0}),  # 1.8 times as large
        ({"x": 320.0}, {"x": 321.0}),  # 1.5 of its sizes away
        ({"orientation": 15.0}, {"orientation": 14.0}),  # turned by 75 degrees
    ):
        assert not settled().choose([track(2, first=20.0, last=20.0, **{"x": 210.0} | at)], COT, 20.0).ambiguous
        assert settled().choose([track(2, first=20.0, last=20.0, **{"x": 210.0} | beyond)], COT, 20.0).ambiguous


def test_a_patient_is_remembered_for_half_a_minute_and_no_longer():
    assert settled().choose([track(2, 450.0, 40.0, 40.0)], COT, 40.0).ambiguous
    assert not settled().choose([track(2, 450.0, 40.1, 40.1)], COT, 40.1).ambiguous


def test_a_face_that_was_seen_twice_is_no_flicker():
    twice = track(2, 400.0, 10.8, 11.0, frames_seen=2)
    assert settled().choose([track(1, 200.0, 0.0, 11.0), twice], COT, 11.0).ambiguous


@given(st.permutations([1, 2, 3]))
def test_the_choice_does_not_depend_on_the_order_of_the_tracks(order):
    tracks = [track(i, 150.0 * i, 1.0, 5.0) for i in order]
    choice = PatientSelector().choose(tracks, COT, 5.0)
    assert choice.track is not None
    assert choice.track.track_id == 1
    assert choice.ambiguous
