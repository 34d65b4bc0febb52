"""Interventions distinguish a network that uses faces from one that uses what is beside them, and how far."""

import numpy as np
import pytest

from trainer.explanation.interventions import (
    background_donors,
    measure_interventions,
    with_background_of,
    without,
)

SIZE, COUNT = 24, 48
FACE = np.zeros((SIZE, SIZE), bool)
FACE[6:18, 6:18] = True


@pytest.fixture(scope="module")
def pictures():
    """Half of the crops have a bright mouth and a bright corner: the cue follows the label everywhere."""
    random = np.random.default_rng(3)
    labels = (np.arange(COUNT) % 2).astype(np.float32)
    subjects = np.array([f"S{index // 4:02d}" for index in range(COUNT)])
    crops = random.integers(0, 60, (COUNT, SIZE, SIZE, 3)).astype(np.uint8)
    crops[labels == 1, 12:16, 9:15] += np.uint8(150)
    crops[labels == 1, :5, :5] += np.uint8(150)
    mouth = np.zeros((SIZE, SIZE), bool)
    mouth[11:17, 8:16] = True
    return crops, [{"face": FACE, "mouth": mouth}] * COUNT, labels, subjects


def network_of(corner_share):
    """A network that hangs on the corner by this share and on the mouth by the rest."""

    def scores(crops):
        mouth = crops[:, 12:16, 9:15].mean(axis=(1, 2, 3)) / 255
        corner = crops[:, :5, :5].mean(axis=(1, 2, 3)) / 255
        return 1 / (1 + np.exp(-20 * ((1 - corner_share) * mouth + corner_share * corner - 0.35)))

    return scores


def measured(corner_share, pictures):
    return measure_interventions([(network_of(corner_share), np.arange(COUNT))], *pictures)


def test_the_flip_rate_and_the_background_rise_with_the_shortcut(pictures):
    results = [measured(share, pictures) for share in (0.0, 0.5, 1.0)]

    changes = [result["background_swap"]["mean_change"] for result in results]
    assert changes[0] < changes[1] < changes[2]
    assert results[0]["background_swap"]["flip_rate"] == 0.0
    assert results[2]["background_swap"]["flip_rate"] == 1.0
    assert results[2]["auc"]["background"]["value"] == 1.0
    assert all(result["auc"]["whole"]["value"] == 1.0 for result in results)


def test_a_network_that_looks_at_faces_knows_nothing_from_the_background(pictures):
    crops, regions, labels, subjects = pictures
    even = crops.copy()
    even[:, :5, :5] = crops[0, :5, :5]  # no cue: nothing beside the face shows the label

    auc = measured(0.0, (even, regions, labels, subjects))["auc"]

    assert auc["face"]["value"] == 1.0
    assert auc["background"]["low"] <= 0.5 <= auc["background"]["high"]


def test_the_shape_of_the_hole_reveals_nothing_where_the_whole_head_is_covered(pictures):
    _, _, labels, subjects = pictures
    crops = np.full((COUNT, SIZE, SIZE, 3), 60, np.uint8)
    crops[:, :, : SIZE // 2] = 120
    faces = np.stack([FACE] * COUNT)
    faces[labels == 1, 18:21, 9:15] = True  # the chin sinks when the mouth opens
    head = np.zeros((SIZE, SIZE), bool)
    head[4:22, 4:20] = True

    def reads_the_hole(changed):
        return 1 / (1 + np.exp(-np.abs(np.diff(changed[:, 19].mean(axis=2), axis=1)).argmax(axis=1) + 8.0))

    def background(extra):
        regions = [{"face": face, **extra} for face in faces]
        return measure_interventions([(reads_the_hole, np.arange(COUNT))], crops, regions, labels, subjects)

    assert background({})["auc"]["background"]["value"] != 0.5
    assert background({"head": head})["auc"]["background"]["value"] == 0.5
    assert "head" not in background({"head": head})["occlusion"]


def test_blurring_the_region_that_matters_lowers_the_answer(pictures):
    at_mouth, at_corner = (measured(share, pictures)["occlusion"] for share in (0.0, 1.0))

    assert at_mouth["mouth"]["pain"] < -0.05
    assert at_corner["mouth"] == {"pain": 0.0, "no-pain": 0.0}


def test_a_donor_has_the_other_label_and_is_another_infant(pictures):
    _, _, labels, subjects = pictures

    donors = background_donors(labels, subjects, seed=1)

    assert (labels[donors] != labels).all()
    assert (subjects[donors] != subjects).all()
    assert (background_donors(labels, np.full(COUNT, "S00"), 1) == -1).all()


def test_a_swap_keeps_the_face_and_takes_nothing_of_the_other_face(pictures):
    crops, _, _, _ = pictures
    faces = np.stack([FACE] * 2)
    faces[1] = np.roll(FACE, 3, axis=1)

    swapped = with_background_of(crops[:2], faces, faces, np.array([1, 0]))

    np.testing.assert_array_equal(swapped[0][FACE], crops[0][FACE])
    other = ~FACE & faces[1]
    np.testing.assert_array_equal(
        swapped[0][other], np.broadcast_to(np.rint(crops[1][~faces[1]].mean(axis=0)), (other.sum(), 3))
    )
    np.testing.assert_array_equal(swapped[0][~FACE & ~faces[1]], crops[1][~FACE & ~faces[1]])


def test_each_network_answers_its_own_pictures_only(pictures):
    crops, regions, labels, subjects = pictures
    half = np.arange(COUNT // 2)
    parts = [(network_of(1.0), half), (network_of(0.0), half + COUNT // 2)]

    swap = measure_interventions(parts, crops, regions, labels, subjects)["background_swap"]

    assert swap["flip_rate"] == 0.5


def test_a_crop_that_is_all_face_becomes_grey():
    assert (without(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool)) == 128).all()
