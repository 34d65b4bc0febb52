"""Frozen and dark pictures, after real encoders: what they do to a still is what makes this hard.

Run the slow ones with `pytest -m slow tests/monitor/video`.
"""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.synthetic import SyntheticBed
from monitor.video.freeze_dark_detector import FreezeDarkDetector, luma_grid
from monitor.video.reader import open_video

_RATE = 5.0


def _noisy_scene() -> np.ndarray:
    """Return one picture of blurred shapes with a sensor's noise in it."""
    rng = np.random.default_rng(0)
    shapes = cv2.GaussianBlur(rng.integers(0, 255, (480, 640, 3)).astype(np.float64), (0, 0), 12.0)
    scene = 128.0 + (shapes - shapes.mean()) * 10.0
    return np.clip(scene + rng.normal(0.0, 2.5, scene.shape), 0, 255).astype(np.uint8)


def _longest_freeze(frames) -> float:
    check, longest = FreezeDarkDetector(), 0.0
    for time_seconds, image in frames:
        check.update(image, time_seconds)
        if check.frozen_since_seconds is not None:
            longest = max(longest, time_seconds - check.frozen_since_seconds)
    return longest


def _encoded(run_encoder, tmp_path, options: str) -> list:
    path, still = tmp_path / "still.mp4", tmp_path / "still.png"
    cv2.imwrite(str(still), _noisy_scene())
    run_encoder(
        f"filesrc location={still} ! pngdec ! imagefreeze num-buffers=360 ! videoconvert"
        f" ! video/x-raw,format=I420,framerate=30/1 ! x264enc speed-preset=ultrafast tune=zerolatency {options}"
        f" ! h264parse ! mp4mux ! filesink location={path}"
    )
    with open_video(path, _RATE) as reader:
        return [(frame.time_seconds, frame.image) for frame in reader]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param("bitrate=800 key-int-max=30", marks=pytest.mark.slow),
        pytest.param("bitrate=3000 key-int-max=30", marks=pytest.mark.slow),
        "bitrate=400 key-int-max=60",
        "bitrate=2000 key-int-max=15",
    ],
)
def test_still_that_is_encoded_again_counts_as_frozen(run_encoder, tmp_path, options):
    frames = _encoded(run_encoder, tmp_path, options)
    assert _longest_freeze(frames) >= 8.0


def test_exactly_equal_pictures_count_as_frozen():
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    check = FreezeDarkDetector()
    for number in range(60):
        check.update(image, 100.0 + number / _RATE)
        if number / _RATE < 2.9:
            assert check.frozen_since_seconds is None
    assert check.frozen_since_seconds == 100.0
    check.update(255 - image, 112.0)
    assert check.frozen_since_seconds is None


def test_running_clock_in_the_picture_does_not_hide_that_it_is_frozen():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    frames = []
    for number in range(60):
        picture = image.copy()
        picture[10:40, 10:150] = rng.integers(0, 2, (30, 140, 1)) * 255
        frames.append((number / _RATE, picture))
    assert _longest_freeze(frames) >= 8.0


@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_noise_of_a_sensor_keeps_a_still_scene_alive(sigma):
    rng = np.random.default_rng(0)
    scene = rng.integers(60, 180, (480, 640, 3)).astype(np.float64)
    frames = [
        (number / _RATE, np.clip(scene + rng.normal(0, sigma, scene.shape), 0, 255).astype(np.uint8))
        for number in range(60)
    ]
    assert _longest_freeze(frames) < 4.0


@pytest.mark.parametrize("scenario", ["calm", "empty"])
def test_synthetic_beds_are_alive(scenario):
    bed = SyntheticBed(3, scenario, width_px=640, height_px=480)
    assert _longest_freeze((number / _RATE, bed.frame(number / _RATE)[0]) for number in range(50)) < 4.0


def test_frozen_synthetic_bed_is_seen_within_ten_seconds():
    bed = SyntheticBed(3, "frozen", width_px=640, height_px=480)
    check = FreezeDarkDetector()
    for number in range(80):
        check.update(bed.frame(number / _RATE)[0], number / _RATE)
    assert check.frozen_since_seconds == pytest.approx(6.0, abs=0.3)


def test_sleeping_infant_is_not_frozen(shared_media):
    """The hardest real clip at hand: only breathing moves."""
    with open_video(shared_media / "evm_baby.mp4", _RATE) as reader:
        assert _longest_freeze((frame.time_seconds, frame.image) for frame in reader) < 4.0


@pytest.mark.slow
def test_real_clips_are_neither_frozen_nor_dark(shared_media):
    paths = sorted([*shared_media.glob("*.mp4"), *shared_media.glob("*.mkv")])
    assert paths
    for path in paths:
        check = FreezeDarkDetector()
        with open_video(path, _RATE) as reader:
            for frame in reader:
                check.update(frame.image, frame.time_seconds)
                assert check.dark_since_seconds is None, path
                assert check.frozen_since_seconds is None, path


def test_dark_synthetic_bed_is_seen():
    bed = SyntheticBed(3, "dark", width_px=640, height_px=480)
    check = FreezeDarkDetector()
    for number in range(40):
        check.update(bed.frame(number / _RATE)[0], number / _RATE)
        if number / _RATE < 6.0:
            assert check.dark_since_seconds is None
    assert check.dark_since_seconds == pytest.approx(6.0, abs=0.3)


@given(level=st.integers(0, 255), spread=st.integers(0, 3))
def test_covered_lens_of_any_grey_is_seen(level, spread):
    rng = np.random.default_rng(0)
    image = np.clip(level + rng.integers(-spread, spread + 1, (240, 320, 3)), 0, 255).astype(np.uint8)
    check = FreezeDarkDetector()
    check.update(image, 5.0)
    assert check.dark_since_seconds == 5.0


@given(st.integers(1, 400), st.integers(1, 400))
def test_pictures_of_any_size(width, height):
    check = FreezeDarkDetector()
    image = np.full((height, width, 3), 128, np.uint8)
    check.update(image, 0.0)
    check.update(image, 1.0)
    assert luma_grid(image).min() == luma_grid(image).max() == 128


def test_change_of_size_is_a_change_of_the_picture():
    check = FreezeDarkDetector()
    for number in range(40):
        check.update(np.full((240, 320, 3), 128, np.uint8), number / _RATE)
    assert check.frozen_since_seconds == 0.0
    check.update(np.full((480, 640, 3), 128, np.uint8), 8.0)
    assert check.frozen_since_seconds is None


def _flapping(picture_at, *, connected_seconds: float, gap_seconds: float, seconds: float) -> FreezeDarkDetector:
    """Return a detector that saw connections of a length with gaps between."""
    check, time_seconds = FreezeDarkDetector(), 0.0
    while time_seconds < seconds:
        for _ in range(int(connected_seconds * _RATE)):
            check.update(picture_at(time_seconds), time_seconds)
            time_seconds += 1.0 / _RATE
        check.disconnect()
        time_seconds += gap_seconds
    return check


@pytest.mark.parametrize(("connected_seconds", "gap_seconds"), [(3.5, 0.5), (3.5, 2.0), (1.0, 1.0), (6.0, 7.0)])
def test_a_still_that_reconnects_is_frozen_since_the_first_connection(connected_seconds, gap_seconds):
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    check = _flapping(
        lambda _: image, connected_seconds=connected_seconds, gap_seconds=gap_seconds, seconds=20.0 + gap_seconds
    )
    assert check.frozen_since_seconds == 0.0


def test_a_slate_at_the_start_of_each_connection_does_not_hide_the_still():
    rng = np.random.default_rng(0)
    image, black = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8), np.zeros((240, 320, 3), np.uint8)
    check = _flapping(
        lambda now: black if now % 4.0 < 0.7 else image, connected_seconds=3.4, gap_seconds=0.6, seconds=20.0
    )
    assert check.frozen_since_seconds is not None
    assert check.frozen_since_seconds <= 1.0


def test_a_still_after_a_long_gap_begins_anew():
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    check = _flapping(lambda _: image, connected_seconds=2.0, gap_seconds=60.0, seconds=150.0)
    assert check.frozen_since_seconds is None


def test_a_live_bed_that_reconnects_is_not_frozen():
    bed = SyntheticBed(3, "calm", width_px=640, height_px=480)
    check = _flapping(lambda now: bed.frame(now)[0], connected_seconds=3.5, gap_seconds=1.0, seconds=30.0)
    assert check.frozen_since_seconds is None
