"""When the whole picture is scanned, and that small scans miss nobody who matters."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import FaceSettings, RegionOfInterest
from monitor.faces.detection_passes import FrameDetector
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import OrientedBox, normalise_deg, turn_between_deg
from monitor.faces.patient_tracker import PatientTracker
from monitor.faces.scan_schedule import RejectedRegions, ScanSchedule
from monitor.faces.tracking import Tracker
from monitor.faces.viewport import ImageRegion
from monitor.pain.vocabulary import Visibility
from monitor.synthetic import BedOptions, SyntheticBed

LARGE_TURNS = (0.0, 180.0, 90.0, -90.0)
LONGEST_ROUND_SECONDS = 15.0


def turns(schedule, base_deg, *, small, rate=5.0, seconds=60.0):
    """Return when, and in which turn relative to the patient, the whole picture is scanned."""
    found = []
    for index in range(int(seconds * rate)):
        turn_deg = schedule.next_deg(index / rate, base_deg, small=small, changed=True)
        if turn_deg is not None:
            found.append((index / rate, normalise_deg(turn_deg - base_deg)))
    return found


@given(base=st.floats(-180.0, 180.0), small=st.booleans(), phase=st.floats(0.0, 0.99), rate=st.floats(2.0, 30.0))
def test_every_side_is_seen_within_a_round(base, small, phase, rate):
    seen = turns(ScanSchedule(guided=True, phase=phase), base, small=small, rate=rate)
    # A scan waits for the next frame, so that a round of six or ten scans takes as many frames longer at most.
    longest = LONGEST_ROUND_SECONDS + 10.0 / rate
    sides = [45.0 * side for side in range(8)] if small else LARGE_TURNS
    for side in sides:
        times = [seconds for seconds, turn in seen if turn_between_deg(turn, side) < 1e-6]
        gaps = np.diff([0.0, *times])
        assert gaps.max() <= longest
    as_the_patient_lies = [seconds for seconds, turn in seen if turn_between_deg(turn, 0.0) < 1e-6]
    assert np.diff(as_the_patient_lies).max() <= 5.0 + 4.0 / rate


@given(first=st.floats(0.0, 0.99), second=st.floats(0.0, 0.99), small=st.booleans())
def test_beds_that_begin_together_scan_apart(first, second, small):
    period = 1.25 if small else 2.5
    times = [
        turns(ScanSchedule(guided=True, phase=phase), 0.0, small=small, rate=200.0)[1][0] for phase in (first, second)
    ]
    assert times[0] - times[1] == pytest.approx((second - first) * period, abs=0.011)


@pytest.mark.parametrize(("width", "can"), [(640, True), (1280, True), (1600, False)])
def test_small_scans_are_for_faces_that_they_can_show(marker_faces, width, can):
    frame = marker_faces.frame(np.zeros((width * 9 // 16, width, 3), np.uint8), 0.0)
    detector = FaceDetector(marker_faces.MarkerEngine(640), marker_faces.MarkerEngine(320))
    area = ImageRegion.of_picture(frame.image)
    frame_detector = FrameDetector(frame, detector, FaceSettings(), area, Tracker(2.0, 16), RejectedRegions(2.0))
    assert frame_detector.can_scan_small(130.0) is can


def test_one_model_for_everything_has_no_small_scans(marker_faces, markers):
    frame = marker_faces.frame(np.zeros((100, 100, 3), np.uint8), 0.0)
    area = ImageRegion.of_picture(frame.image)
    frame_detector = FrameDetector(
        frame, FaceDetector(markers), FaceSettings(), area, Tracker(2.0, 16), RejectedRegions(2.0)
    )
    assert not frame_detector.can_scan_small(90.0)


@pytest.mark.parametrize(
    ("changed_px", "scans"),
    [
        ((500, 30), 4),  # in another bed's part of the picture
        ((150, 30), 16),  # in this bed's, a second face's width beside the first
        ((210, 310), 16),  # cheek to cheek
    ],
)
def test_what_changes_in_the_searched_part_brings_scans_and_what_changes_elsewhere_does_not(
    marker_faces, changed_px, scans
):
    """One camera watches two beds: this one has the left half of the picture."""
    box = OrientedBox(140, 240, 120, 120, 0)
    alone = marker_faces.draw(640, 480, marker_faces.Drawing(box))
    alone[alone.sum(axis=2) == 0] = 90
    alone[::40], alone[:, ::40] = 60, 60
    detector = FaceDetector(marker_faces.MarkerEngine(640), marker_faces.MarkerEngine(320))
    patient_tracker = PatientTracker(FaceSettings(), RegionOfInterest(right=0.5))
    count = 0
    for index in range(4 * 40):
        image = alone.copy()
        x, y = changed_px
        image[y - 25 : y + 25, x - 25 : x + 25] += np.uint8(index % 2 * 60)
        frame_faces = patient_tracker.update(marker_faces.frame(image, index / 4, index), detector)
        assert frame_faces.visibility is Visibility.USABLE
        count += frame_faces.scan_passes if index >= 4 * 20 else 0
    assert count == scans


def beside(patient_seed, rival_seed, rival_deg, share):
    """Return a picture without and one with a second infant's face of this share of the first one's size."""
    bed = SyntheticBed(patient_seed, "calm", width_px=1280, height_px=720, fps=30, options=BedOptions(face_px=270.0))
    alone, truth = bed.frame(0.0)
    box = truth.face.box
    options = BedOptions(face_px=270.0 * share, orientation_deg=rival_deg)
    other, other_truth = SyntheticBed(rival_seed, "calm", width_px=640, height_px=480, fps=30, options=options).frame(
        0.0
    )
    rival = other_truth.face.box
    half = 0.8 * rival.size_px
    positions = [(x, y) for x in (half + 8, 1272 - half) for y in (half + 8, 712 - half)]
    x, y = max(positions, key=lambda position: math.dist(position, (box.center_x_px, box.center_y_px)))
    rows, columns = np.indices(alone.shape[:2])
    inside = np.hypot(columns - x, rows - y) < half
    both = alone.copy()
    from_rows = np.clip(np.round(rows - y + rival.center_y_px).astype(int), 0, other.shape[0] - 1)
    from_columns = np.clip(np.round(columns - x + rival.center_x_px).astype(int), 0, other.shape[1] - 1)
    both[inside] = other[from_rows[inside], from_columns[inside]]
    return alone, both, OrientedBox(x, y, rival.width_px, rival.height_px, rival_deg)


@pytest.mark.parametrize(
    ("rival_deg", "seeds"), [(0.0, (21, 24)), (70.0, (23, 26)), (160.0, (25, 28)), (-100.0, (29, 30))]
)
def test_a_second_face_of_half_the_size_is_noticed_by_small_scans(open_detector, marker_faces, rival_deg, seeds):
    # The story: a face of half the patient's size has 30 px in a small scan, and scores far below a sure answer there.
    alone, both, rival = beside(*seeds, rival_deg, 0.55)
    patient_tracker, detector = PatientTracker(FaceSettings()), open_detector(640)
    small = large = 0
    for index in range(4 * 15):
        frame_faces = patient_tracker.update(
            marker_faces.frame(alone if index < 4 else both, index / 4, index), detector
        )
        assert frame_faces.patient is not None
        small, large = small + frame_faces.scan_passes, large + (frame_faces.full_passes if index else 0)
        if frame_faces.visibility is Visibility.AMBIGUOUS:
            break
    assert frame_faces.visibility is Visibility.AMBIGUOUS
    assert any(seen.face.box.distance_px(rival) < 0.3 * rival.size_px for seen in frame_faces.faces)
    assert small > 0
    assert large == 0
