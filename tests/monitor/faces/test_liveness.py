"""What moves by itself and what does not: photographs under noise and light, and infants that only breathe."""

import cv2
import numpy as np
import pytest

from monitor.faces.geometry import OrientedBox
from monitor.faces.liveness import LivenessDetector
from monitor.synthetic import SyntheticBed
from monitor.video.reader import open_video

_RATE = 5.0


def _still_seconds(pictures, box: OrientedBox, rate: float = _RATE) -> float:
    """Return the longest time for which nothing was said to move."""
    detector, longest = LivenessDetector(), 0.0
    for number, picture in enumerate(pictures):
        detector.update(picture, box, number / rate)
        if detector.still_since_seconds is not None:
            longest = max(longest, number / rate - detector.still_since_seconds)
    return longest


def _sensor(picture: np.ndarray, rng: np.random.Generator, sigma: float, gain: float = 1.0) -> np.ndarray:
    noise = np.empty(picture.shape, np.float32)
    cv2.setRNGSeed(int(rng.integers(1 << 31)))
    cv2.randn(noise, 0.0, sigma)  # a quarter of NumPy's time, which was most of these tests'
    noisy = np.clip(picture * np.float32(gain) + noise, 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)


def _infrared(picture: np.ndarray, rng: np.random.Generator, sigma: float, gain: float) -> np.ndarray:
    """Return it grey and flat, as at night, with noise after the contrast was lost."""
    grey = cv2.cvtColor(np.asarray(picture, np.uint8), cv2.COLOR_RGB2GRAY)
    noise = np.empty(grey.shape, np.float32)
    cv2.setRNGSeed(int(rng.integers(1 << 31)))
    cv2.randn(noise, 0.0, sigma)
    return cv2.cvtColor(np.clip(grey * gain + 12 + noise, 0, 255).round().astype(np.uint8), cv2.COLOR_GRAY2RGB)


def _bed(seed: int) -> tuple[SyntheticBed, OrientedBox]:
    bed = SyntheticBed(seed, "calm", width_px=640, height_px=480)
    face = bed.frame(3.0)[1].face
    assert face is not None
    return bed, face.box


@pytest.mark.parametrize(("sigma", "swing"), [(3.0, 0.0), (8.0, 0.0), (3.0, 0.06)])
def test_a_photograph_shows_no_life_under_noise_and_flicker(sigma, swing):
    bed, box = _bed(2)
    still, rng = bed.frame(3.0)[0], np.random.default_rng(0)
    pictures = (_sensor(still, rng, sigma, 1.0 + swing * np.sin(3.0 * number / _RATE)) for number in range(110))
    assert _still_seconds(pictures, box) >= 20.0


@pytest.mark.parametrize("seed", [2, 5, 9])
def test_a_resting_synthetic_infant_is_never_still_for_long(seed):
    bed, box = _bed(seed)
    rng = np.random.default_rng(seed)
    pictures = (_sensor(bed.frame(3.0 + number / _RATE)[0], rng, 3.0) for number in range(150))
    assert _still_seconds(pictures, box) == 0.0


@pytest.mark.parametrize(("gain", "sigma"), [(0.25, 8.0), (0.15, 4.0)])
def test_a_resting_infant_is_never_still_in_a_flat_and_noisy_picture(gain, sigma):
    # The story: the room is dark, breathing changes the grey picture by less than its noise; no alarm may follow.
    bed, box = _bed(9)
    rng = np.random.default_rng(9)
    pictures = (_infrared(bed.frame(3.0 + number / _RATE)[0], rng, sigma, gain) for number in range(110))
    assert _still_seconds(pictures, box) == 0.0


def test_a_resting_infant_is_never_still_after_the_room_is_darkened():
    bed, box = _bed(9)
    rng = np.random.default_rng(9)
    pictures = (
        _infrared(bed.frame(3.0 + number / _RATE)[0], rng, 4.0, 1.0 if number < 40 else 0.15) for number in range(160)
    )
    assert _still_seconds(pictures, box) == 0.0


@pytest.mark.parametrize(("gain", "sigma"), [(0.5, 4.0), (0.25, 2.0)])
def test_a_photograph_shows_no_life_in_a_flat_picture_with_little_noise(gain, sigma):
    bed, box = _bed(2)
    still, rng = bed.frame(3.0)[0], np.random.default_rng(0)
    assert _still_seconds((_infrared(still, rng, sigma, gain) for _ in range(110)), box) >= 20.0


@pytest.mark.parametrize("rate", [0.9, 1.0, 1.5, 2.0])
def test_a_photograph_shows_no_life_and_an_infant_does_where_pictures_come_slowly(rate):
    # The story: calm beds are analysed less often, and a photograph before the camera is calm.
    bed, box = _bed(2)
    still, rng = bed.frame(3.0)[0], np.random.default_rng(0)
    count = int(50 * rate)
    assert _still_seconds((_sensor(still, rng, 3.0) for _ in range(count)), box, rate) >= 20.0
    live = (_sensor(bed.frame(3.0 + number / rate)[0], rng, 3.0) for number in range(count))
    assert _still_seconds(live, box, rate) == 0.0


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_what_was_said_of_a_photograph_does_not_outlast_it_where_pictures_come_slowly(rate):
    bed, box = _bed(2)
    still, rng, detector = bed.frame(3.0)[0], np.random.default_rng(0), LivenessDetector()
    for number in range(150):
        detector.update(_sensor(still, rng, 3.0), box, number / _RATE)
    assert detector.still_since_seconds is not None
    # At one picture in two seconds it cannot be known any more whether anything moves.
    for number in range(1, int(30 * rate)):
        detector.update(_sensor(bed.frame(33.0 + number / rate)[0], rng, 3.0), box, 30.0 + number / rate)
    assert detector.still_since_seconds is None


def test_a_picture_that_stands_still_is_said_to_do_so_without_a_break_when_the_rate_falls():
    bed, box = _bed(2)
    still, rng, detector = bed.frame(3.0)[0], np.random.default_rng(0), LivenessDetector()
    for number in range(150):
        detector.update(_sensor(still, rng, 3.0), box, number / _RATE)
    for seconds in range(31, 71):
        detector.update(_sensor(still, rng, 3.0), box, float(seconds))
        assert detector.still_since_seconds is not None


@pytest.mark.media
@pytest.mark.parametrize(("sigma", "seconds", "rate"), [(0.0, 90, _RATE), (8.0, 30, _RATE), (8.0, 60, 1.0)])
def test_a_sleeping_infant_is_never_called_lifeless(shared_media, sigma, seconds, rate):
    """Played forwards and backwards, so that no jump stands for a movement."""
    with open_video(shared_media / "evm_baby.mp4", rate) as reader:
        clip = [np.asarray(frame.image) for frame in reader]
    rng, box = np.random.default_rng(0), OrientedBox(330.0, 190.0, 130.0, 130.0, 90.0)
    pictures = ((clip + clip[::-1])[number % (2 * len(clip))] for number in range(int(seconds * rate)))
    assert _still_seconds((_sensor(each, rng, sigma) if sigma else each for each in pictures), box, rate) == 0.0


@pytest.mark.media
@pytest.mark.parametrize(
    ("gain", "sigma", "rate"),
    [(0.5, 4.0, _RATE), (0.25, 2.0, _RATE), (0.25, 4.0, _RATE), (0.15, 2.0, _RATE), (0.25, 2.0, 1.0), (0.15, 4.0, 1.0)],
)
def test_a_sleeping_infant_is_never_called_lifeless_at_night(shared_media, gain, sigma, rate):
    with open_video(shared_media / "evm_baby.mp4", rate) as reader:
        clip = [np.asarray(frame.image) for frame in reader]
    rng, box = np.random.default_rng(0), OrientedBox(293.0, 207.0, 82.0, 120.0, 100.0)
    pictures = ((clip + clip[::-1])[number % (2 * len(clip))] for number in range(int(30 * rate) if rate > 1.0 else 60))
    assert _still_seconds((_infrared(each, rng, sigma, gain) for each in pictures), box, rate) == 0.0


def test_noise_that_would_hide_breathing_is_not_called_lifeless():
    bed, box = _bed(2)
    still, rng = bed.frame(3.0)[0], np.random.default_rng(0)
    pictures = (_sensor(still, rng, 40.0) for _ in range(110))
    assert _still_seconds(pictures, box) == 0.0


def test_a_face_that_is_lost_or_elsewhere_begins_anew():
    bed, box = _bed(2)
    still, rng, detector = bed.frame(3.0)[0], np.random.default_rng(0), LivenessDetector()
    for number in range(110):
        detector.update(_sensor(still, rng, 3.0), box, number / _RATE)
    assert detector.still_since_seconds is not None
    detector.update(still, None, 110 / _RATE + 5.0)
    assert detector.still_since_seconds is None


@pytest.mark.parametrize("size_px", [1.0, 12.0, 400.0])
def test_faces_of_any_size_in_small_pictures(size_px):
    detector = LivenessDetector()
    for number in range(80):
        detector.update(
            np.full((60, 80, 3), 128, np.uint8), OrientedBox(40.0, 30.0, size_px, size_px, 0.0), number / _RATE
        )
