import math

import cv2
import numpy as np
import pytest

from monitor.faces.geometry import OrientedBox
from monitor.faces.scene_cut import SceneChangeDetector, SceneCutDetector, scene_cells
from monitor.synthetic import SyntheticBed


def pictures(seed: int, scenario: str, times: list[float]) -> list[np.ndarray]:
    bed = SyntheticBed(seed, scenario, width_px=640, height_px=480)
    return [bed.frame(time)[0] for time in times]


@pytest.mark.parametrize("scenario", ["pain", "calm", "carer-pain"])
def test_a_moving_infant_and_a_carer_who_leans_in_are_no_cut(scenario):
    cuts = SceneCutDetector()
    assert not any(cuts.is_cut(scene_cells(image)) for image in pictures(3, scenario, [n * 0.5 for n in range(60)]))


def test_light_that_changes_is_no_cut():
    (image,) = pictures(3, "calm", [1.0])
    cuts = SceneCutDetector()
    shown = [image, (image * 0.4).astype(np.uint8), np.clip(image.astype(int) + 60, 0, 255).astype(np.uint8), image]
    assert [cuts.is_cut(scene_cells(each)) for each in shown] == [False] * 4


def test_another_bed_or_a_camera_that_was_turned_is_a_cut():
    first, other = pictures(3, "calm", [1.0])[0], pictures(8, "calm", [1.0])[0]
    shifted = cv2.warpAffine(first, np.float32([[1, 0, 260], [0, 1, 150]]), (640, 480), borderMode=cv2.BORDER_REFLECT)
    cuts = SceneCutDetector()
    assert [cuts.is_cut(scene_cells(image)) for image in (first, other, first, shifted, shifted)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_black_picture_is_no_scene():
    cuts = SceneCutDetector()
    black = np.zeros((480, 640, 3), np.uint8)
    assert [cuts.is_cut(scene_cells(image)) for image in (pictures(3, "calm", [1.0])[0], black, black)] == [False] * 3


def changes(images, boxes):
    """Return, picture by picture, whether something beside the face has changed."""
    detector = SceneChangeDetector()
    return [
        detector.has_changed(scene_cells(image), box, image.shape) for image, box in zip(images, boxes, strict=True)
    ]


def seen(seed, scenario, times, noise_levels=0.0):
    """Return pictures of a synthetic bed with a sensor's noise, and the infant's box in each."""
    bed, rng = SyntheticBed(seed, scenario, width_px=1280, height_px=720), np.random.default_rng(seed)
    frames = [bed.frame(time) for time in times]
    images = [
        np.clip(image + rng.normal(0.0, noise_levels, image.shape), 0, 255).astype(np.uint8) for image, _ in frames
    ]
    return images, [truth.face.box for _, truth in frames]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_calm_infant_changes_next_to_nothing_beside_its_face(seed):
    images, boxes = seen(seed, "calm", [n * 0.5 for n in range(40)], noise_levels=3.0)
    assert sum(changes(images, boxes)) <= 4


def test_a_carer_who_leans_in_is_a_change_at_once_and_so_is_that_they_leave():
    times = [n * 0.2 for n in range(100)]
    images, boxes = seen(3, "carer", times)
    changed = [time for time, is_changed in zip(times, changes(images, boxes), strict=True) if is_changed]
    came_after, gone_before = 6.0, 16.5
    assert changed[0] == 0.0
    assert all(came_after < time < gone_before for time in changed[1:])
    assert len(changed) > 10


def test_a_slow_change_adds_up():
    (image,), (box,) = seen(3, "calm", [0.0])
    corner, steps = (slice(0, 90), slice(0, 160)), 60
    images = []
    for step in range(steps):
        images.append(image.copy())
        images[-1][corner] = np.clip(images[-1][corner].astype(int) + step, 0, 255)
    changed = changes(images, [box] * steps)
    assert not any(changed[1:4])
    assert any(changed[4:])


def test_light_that_changes_everywhere_is_no_change():
    (image,), (box,) = seen(3, "calm", [0.0])
    image = (image * 0.9).astype(np.uint8)
    assert changes([image, image + 10, image], [box] * 3) == [True, False, False]


def test_where_nothing_can_be_compared_everything_may_have_changed():
    (image,), (box,) = seen(3, "calm", [0.0])
    everywhere = OrientedBox(640, 360, 1600, 1600, 0)
    black = np.zeros_like(image)
    assert changes([image] * 3, [everywhere] * 3) == [True] * 3
    assert changes([black] * 3, [box] * 3) == [True] * 3


def with_another_face(image, size_px, x, y):
    """Return the picture with another infant's face of that size in it, its centre at x, y."""
    (other,), (other_box,) = seen(8, "calm", [0.0])
    half = round(0.5 * other_box.size_px)
    other_x, other_y = round(other_box.center_x_px), round(other_box.center_y_px)
    part = other[other_y - half : other_y + half, other_x - half : other_x + half]
    left, top = round(x - size_px / 2), round(y - size_px / 2)
    both = image.copy()
    both[top : top + size_px, left : left + size_px] = cv2.resize(
        part, (size_px, size_px), interpolation=cv2.INTER_AREA
    )
    return both


@pytest.mark.parametrize("gain", [1.0, 0.35, 0.25])
@pytest.mark.parametrize("screen_px", [128, 384, 512])
def test_a_face_in_a_dim_bed_beside_a_bright_screen_is_a_change(gain, screen_px):
    """The screen's contrast is not the bed's: measured by it, a parent who bends in at night is nothing."""
    (image,), (box,) = seen(3, "calm", [0.0])
    pictures = [(each * gain).astype(np.uint8) for each in (image, with_another_face(image, 150, 95, 95))]
    for picture in pictures:
        picture[:, -screen_px:] = 255
    assert changes(pictures, [box] * 2) == [True, True]


@pytest.mark.parametrize("right", [-1, 1])
@pytest.mark.parametrize("down", [-1, 1])
def test_a_face_cheek_to_cheek_with_the_patients_is_a_change(right, down):
    (image,), (box,) = seen(3, "calm", [0.0])
    aside = 0.65 * math.sqrt(0.5) * box.size_px
    x, y = box.center_x_px + right * aside, box.center_y_px + down * aside
    assert changes([image, with_another_face(image, round(0.55 * box.size_px), x, y)], [box] * 2) == [True, True]
