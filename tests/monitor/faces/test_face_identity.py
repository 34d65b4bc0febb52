"""Whether a face was followed without a break, on synthetic infants and carers whose position is known exactly."""

import dataclasses

import cv2
import numpy as np
import pytest

from monitor.config import FaceSettings
from monitor.faces.face_identity import FOLLOWED_SECONDS, FaceIdentity, _tone_counts
from monitor.faces.geometry import OrientedBox
from monitor.faces.patient_tracker import PatientTracker
from monitor.faces.scene_cut import scene_cells
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.sampling import Sampler

STEP_SECONDS = 0.2


def test_tones_are_counted_as_a_histogram_counts_them():
    tones = np.concatenate([np.arange(256), [95, 96, 191, 192, 192, 193]]).astype(np.uint8).reshape(2, -1)
    assert np.array_equal(_tone_counts(tones), np.histogram(tones, bins=12, range=(96, 192))[0])


def sights(seed, scenario="pain", seconds=20.0, of="face"):
    """Return (picture, box) of an infant or a carer, five times a second."""
    bed = SyntheticBed(seed, scenario, width_px=320, height_px=240, fps=10.0)
    shown = (bed.frame(number * STEP_SECONDS) for number in range(int(seconds / STEP_SECONDS)))
    return [(image, getattr(truth, of).box) for image, truth in shown if getattr(truth, of) is not None]


def play(identity, shown, begin_seconds=0.0, stream=0, track_id=1):
    """Return the identity after each frame."""
    return [
        identity.update(
            Frame(image, begin_seconds + number * STEP_SECONDS, None, number, stream),
            scene_cells(image),
            None if box is None else track_id,
            box,
        )
        for number, (image, box) in enumerate(shown)
    ]


def laid_over(image, box, other, other_box):
    """Return the picture with another picture's face exactly where its own face is: nothing else changes."""
    matrix = cv2.getAffineTransform(other_box.corners()[:3].astype(np.float32), box.corners()[:3].astype(np.float32))
    moved = cv2.warpAffine(other, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(box.corners()).astype(np.int32)], 1)
    return np.where(mask[..., None] == 1, moved, image).astype(np.uint8)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_an_infant_in_pain_and_out_of_it_stays_the_same(seed):
    assert set(play(FaceIdentity(), sights(seed, seconds=60.0))) == {1}


@pytest.mark.parametrize(("step_seconds", "is_followed"), [(1.0, True), (1.4, True), (1.6, True), (2.6, False)])
def test_a_bed_whose_frames_come_seldom_is_followed_up_to_a_bound(step_seconds, is_followed):
    image, box = sights(1, seconds=0.4)[0]
    identity = FaceIdentity()
    found = [
        identity.update(Frame(image, number * step_seconds, None, number), scene_cells(image), 1, box)
        for number in range(20)
    ]
    # The first intervals are not known yet.
    assert (len(set(found[6:])) == 1) is is_followed


@pytest.mark.parametrize("rate", [1.5, 2.0, 2.5, 3.0])
def test_a_slowed_bed_is_followed_though_its_pictures_come_in_clusters(rate):
    """Each group's first pictures are analysed; one in twenty shows no face, and all come up to 0.05 s late."""
    image, box = sights(1, seconds=0.4)[0]
    identity, sampler, rng = FaceIdentity(), Sampler(5.0), np.random.default_rng(0)
    sampler.frames_per_second = rate
    found = set()
    for number in range(15_000):
        now = 0.04 * number + float(rng.uniform(0.0, 0.05))
        if number % 50 == 0:
            sampler.begin_group(now, 2.05)
        if sampler.due(now):
            seen = rng.random() >= 0.05
            frame, track_id = Frame(image, now, None, number), 1 if seen else None
            found.add(identity.update(frame, scene_cells(image), track_id, box if seen else None))
    assert len(found - {None}) <= 10, "in ten minutes; where 1.2 s were allowed it was more than twenty"


@pytest.mark.parametrize("step_seconds", [0.2, 1.4])
def test_one_gap_between_frames_allows_no_longer_one(step_seconds):
    image, box = sights(1, seconds=0.4)[0]
    identity = FaceIdentity()
    for number in range(12):
        before = identity.update(Frame(image, number * step_seconds, None, number), scene_cells(image), 1, box)
    assert identity.update(Frame(image, 11 * step_seconds + 2.5, None, 12), scene_cells(image), 1, box) != before


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_face_missed_for_a_moment_stays_the_same_and_one_lost_for_longer_does_not(seed):
    shown = sights(seed)
    identity = FaceIdentity()
    missed = int(FOLLOWED_SECONDS / STEP_SECONDS) - 1
    blank = [(image, None) for image, _ in shown]
    assert set(play(identity, [*shown[:30], *blank[30 : 30 + missed], *shown[30 + missed : 60]])) == {1}
    identities = play(identity, [*blank[:10], *shown[10:20]], 12.0)
    assert identities[9] is None
    assert set(identities[10:]) == {2}


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_another_infant_at_the_same_position_is_another_face(seed):
    """The whole picture changes, as when cables are swapped behind a recorder: no frame is missing."""
    own, image_box = sights(seed, seconds=2.0), sights(seed + 10, "calm", seconds=4.0)
    identities = play(FaceIdentity(), [*own, *image_box])
    assert identities[: len(own)] == [1] * len(own)
    assert set(identities[len(own) :]) == {2}


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_carers_face_over_the_infants_is_another_face(seed):
    """Only the face changes, from one frame to the next, at the very same position."""
    carer = next((shown for carer in range(seed, 60) if (shown := sights(carer, "carer", 30.0, of="carer"))), None)
    if carer is None:
        pytest.skip("no carer leans in within half a minute of any seed")
    own = sights(seed, seconds=4.0)
    other, other_box = carer[len(carer) // 2]
    covered = [(laid_over(image, box, other, other_box), box) for image, box in own[10:]]
    identities = play(FaceIdentity(), [*own[:10], *covered])
    assert identities[:10] == [1] * 10
    assert 1 not in identities[10:]


@pytest.mark.parametrize(
    "change",
    [
        {"center_x_px": 90.0},
        {"width_px": 1.5, "height_px": 1.5},
        {"orientation_deg": 70.0},
    ],
)
def test_what_a_face_cannot_do_between_two_frames_makes_it_another(change):
    image, box = sights(1)[0]
    values = dataclasses.asdict(box)
    values = {
        name: value * change[name]
        if name in change and name.endswith(("width_px", "height_px"))
        else value + change.get(name, 0.0)
        for name, value in values.items()
    }
    assert play(FaceIdentity(), [(image, box), (image, box), (image, OrientedBox(**values))]) == [1, 1, 2]


def test_another_connection_or_another_track_is_another_face():
    identity, shown = FaceIdentity(), sights(2)[:5]
    assert set(play(identity, shown)) == {1}
    assert set(play(identity, shown, 1.0, stream=1)) == {2}
    assert set(play(identity, shown, 2.0, stream=1, track_id=7)) == {3}
    identity.lose()
    assert set(play(identity, shown, 3.0, stream=1, track_id=7)) == {4}


def test_a_black_picture_and_an_identity_are_never_given_twice(marker_faces, marker_detector):
    tracker = PatientTracker(FaceSettings(minimum_face_px=20.0))
    image = marker_faces.draw(400, 300, marker_faces.Drawing(OrientedBox(200, 150, 70, 84, 0.0)))
    identities = []
    for number in range(6):
        if number % 2 == 0:
            tracker.reset()
        identities.append(tracker.update(marker_faces.frame(image, number / 5, number), marker_detector).face_id)
    assert identities == [1, 1, 2, 2, 3, 3]
    black = Frame(np.zeros_like(image), 10.0, None, 10)
    assert tracker.update(black, marker_detector).face_id is None


@pytest.mark.parametrize("light", [(1.0, 1.0, 1.0), (0.2, 0.0, 1.0), (1.0, 0.0, 0.0)])
def test_a_face_is_followed_under_light_without_green(light):
    shown = [((image * np.array(light)).astype(np.uint8), box) for image, box in sights(2, seconds=4.0)]
    assert set(play(FaceIdentity(), shown)) == {1}
