"""Live beds: what they show follows from scenario, seed and time alone."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import VideoError
from monitor.synthetic import SCENARIOS, BedOptions, SyntheticBed
from monitor.synthetic.expression import NFCS_ITEMS, State

SIZE = {"width_px": 320, "height_px": 240}


def digest(bed: SyntheticBed, *times: float) -> str:
    return hashlib.sha256(b"".join(bed.frame(time)[0].tobytes() for time in times)).hexdigest()


def test_a_picture_does_not_depend_on_those_before():
    times = (12.0, 3.0, 9.2, 30.0)
    forwards, backwards = SyntheticBed(3, "pain", **SIZE), SyntheticBed(3, "pain", **SIZE)
    first = {time: forwards.frame(time)[0] for time in times}
    for time in reversed(times):
        assert np.array_equal(backwards.frame(time)[0], first[time])


def test_another_process_with_another_number_of_threads_draws_the_same_picture():
    code = (
        "import hashlib; from monitor.synthetic import SyntheticBed;"
        "b = SyntheticBed(5, 'pain', width_px=320, height_px=240);"
        "print(hashlib.sha256(b.frame(2.0)[0].tobytes() + b.frame(14.0)[0].tobytes()).hexdigest())"
    )
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment)
    assert other.stdout.strip() == digest(SyntheticBed(5, "pain", **SIZE), 2.0, 14.0)


def test_two_seeds_are_two_infants():
    one, two = SyntheticBed(1, **SIZE), SyntheticBed(2, **SIZE)
    assert digest(one, 1.0) != digest(two, 1.0)
    assert one.frame(1.0)[1].infant != two.frame(1.0)[1].infant


def test_a_minute_of_pain_holds_one_whole_episode_and_rest_after_it():
    bed = SyntheticBed(1, "pain", **SIZE)
    for seed in range(6):
        bed = SyntheticBed(seed, "pain", width_px=64, height_px=48)
        truths = [bed.frame(time)[1] for time in np.arange(0.0, 60.0, 1.0)]
        pain = [truth.time_seconds for truth in truths if truth.is_pain]
        assert 7.0 <= pain[0] <= 11.0
        assert 16.0 <= len(pain) <= 26.0
        assert {truth.episode for truth in truths if truth.is_pain} == {1}
        # The level's time constant (5 s), the clearing time (10 s) and some patience fit before the next onset.
        assert all(truth.state is State.REST for truth in truths if pain[-1] < truth.time_seconds <= pain[-1] + 20.0)


@pytest.mark.parametrize(
    "scenario", ["calm", "cry", "confusers", "carer", "occluded", "dark", "empty", "frozen", "yawn"]
)
def test_only_pain_is_called_pain(scenario):
    bed = SyntheticBed(4, scenario, width_px=64, height_px=48)
    assert not any(bed.frame(time)[1].is_pain for time in np.arange(0.0, 90.0, 0.5))


def test_crying_opens_the_mouth_as_wide_as_pain_but_leaves_the_brow():
    pain, cry = (SyntheticBed(6, scenario, **SIZE) for scenario in ("pain", "cry"))
    seen = {}
    for bed in (pain, cry):
        truths = [truth for truth in (bed.frame(t)[1] for t in np.arange(0.0, 40.0, 0.5)) if truth.episode == 1]
        height = [truth for truth in truths if truth.state is not State.REST]
        seen[bed.scenario] = {name: np.mean([truth.intensities[name] for truth in height]) for name in NFCS_ITEMS}
        widths = [np.linalg.norm(t.face.landmarks[4] - t.face.landmarks[3]) for t in height]
        iods = [np.linalg.norm(t.face.landmarks[1] - t.face.landmarks[0]) for t in height]
        seen[bed.scenario]["width"] = float(np.mean(np.array(widths) / np.array(iods)))
    assert seen["pain"]["brow_bulge"] > seen["cry"]["brow_bulge"] + 0.25
    assert abs(seen["pain"]["width"] - seen["cry"]["width"]) < 0.05


def test_the_light_goes_out_and_the_picture_freezes_when_they_should():
    dark = SyntheticBed(1, "dark", **SIZE)
    assert dark.frame(5.0)[0].mean() > 60.0
    assert dark.frame(7.0)[0].mean() < 20.0
    frozen = SyntheticBed(1, "frozen", **SIZE)
    assert digest(frozen, 4.0) != digest(frozen, 5.0)
    assert digest(frozen, 7.0) == digest(frozen, 70.0)


def test_a_hand_covers_the_face_and_a_carer_brings_a_second_one():
    occluded = SyntheticBed(2, "occluded", **SIZE)
    assert occluded.frame(3.0)[1].visible_share == 1.0
    assert occluded.frame(12.0)[1].visible_share < 0.5
    carer = SyntheticBed(2, "carer", **SIZE)
    assert carer.frame(3.0)[1].carer is None
    assert carer.frame(12.0)[1].carer is not None


def test_an_empty_cot_has_no_face():
    truth = SyntheticBed(1, "empty", **SIZE).frame(1.0)[1]
    assert (truth.face, truth.infant, truth.state, truth.intensities) == (None, None, None, {})


@settings(max_examples=20, deadline=None)
@given(st.floats(-180.0, 180.0), st.floats(60.0, 120.0), st.integers(0, 50))
def test_the_five_points_lie_upright_in_the_turned_box(orientation, face_px, seed):
    options = BedOptions(orientation_deg=orientation, face_px=face_px)
    face = SyntheticBed(seed, **SIZE, options=options).frame(1.0)[1].face
    angle = np.deg2rad(face.orientation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    center = np.array([face.box.center_x_px, face.box.center_y_px])
    left_eye, right_eye, nose, left_mouth, right_mouth = (face.landmarks - center) @ turn.T
    assert left_eye[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    half = np.array([face.box.width_px, face.box.height_px]) / 2
    assert (np.abs([left_eye, right_eye, nose, left_mouth, right_mouth]) < half).all()
    assert face.box.width_px == pytest.approx(face_px, rel=0.02)


def test_turning_goes_once_around_in_a_minute():
    bed = SyntheticBed(1, "turning", **SIZE)
    orientations = [bed.frame(time)[1].face.orientation_deg for time in range(0, 60, 5)]
    assert len({round(value / 60.0) for value in orientations}) >= 6


def test_a_camera_takes_pictures_at_its_own_rate():
    bed = SyntheticBed(1, fps=5.0, **SIZE)
    assert digest(bed, 1.0) == digest(bed, 1.19)
    assert digest(bed, 1.0) != digest(bed, 1.2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "sleepy"}, "no synthetic scenario 'sleepy'"),
        ({"width_px": 16, "height_px": 16}, "at least 32 px"),
        ({"fps": 0.0}, "rate must be above 0"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(VideoError, match=sentence):
        SyntheticBed(1, **arguments)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_every_scenario_gives_pictures_and_json(scenario):
    bed = SyntheticBed(8, scenario, width_px=96, height_px=64)
    image, truth = bed.frame(8.5)
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    assert set(truth.as_json()) >= {"time_s", "state", "episode", "is_pain", "intensities", "face", "carer", "cue"}
