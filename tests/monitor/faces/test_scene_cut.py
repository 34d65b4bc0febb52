import cv2
import numpy as np
import pytest

from monitor.faces.scene_cut import SceneCutDetector
from monitor.synthetic import SyntheticBed


def pictures(seed: int, scenario: str, times: list[float]) -> list[np.ndarray]:
    bed = SyntheticBed(seed, scenario, width_px=640, height_px=480)
    return [bed.frame(time)[0] for time in times]


@pytest.mark.parametrize("scenario", ["pain", "calm", "carer-pain"])
def test_a_moving_infant_and_a_carer_who_leans_in_are_no_cut(scenario):
    cuts = SceneCutDetector()
    assert not any(cuts.is_cut(image) for image in pictures(3, scenario, [n * 0.5 for n in range(60)]))


def test_light_that_changes_is_no_cut():
    (image,) = pictures(3, "calm", [1.0])
    cuts = SceneCutDetector()
    shown = [image, (image * 0.4).astype(np.uint8), np.clip(image.astype(int) + 60, 0, 255).astype(np.uint8), image]
    assert [cuts.is_cut(each) for each in shown] == [False] * 4


def test_another_bed_or_a_camera_that_was_turned_is_a_cut():
    first, other = pictures(3, "calm", [1.0])[0], pictures(8, "calm", [1.0])[0]
    shifted = cv2.warpAffine(first, np.float32([[1, 0, 260], [0, 1, 150]]), (640, 480), borderMode=cv2.BORDER_REFLECT)
    cuts = SceneCutDetector()
    assert [cuts.is_cut(image) for image in (first, other, first, shifted, shifted)] == [False, True, True, True, False]


def test_a_black_picture_is_no_scene():
    cuts = SceneCutDetector()
    black = np.zeros((480, 640, 3), np.uint8)
    assert [cuts.is_cut(image) for image in (pictures(3, "calm", [1.0])[0], black, black)] == [False] * 3
