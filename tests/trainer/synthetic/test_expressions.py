"""The stand-in for public sets of expressions: small, grey, tight faces, half of them smiling."""

import csv

import cv2
import numpy as np
from click.testing import CliRunner

from trainer.commands.synthesize import command
from trainer.synthetic import draw_expression, plan_expressions


def test_half_smile_everybody_appears_once_and_in_the_hard_variant_only_the_mouths_corners_show_it():
    planned = plan_expressions(200, "hard", seed=3)
    smiling = [picture.still.expression for picture in planned if picture.is_smile]
    others = [picture.still.expression for picture in planned if not picture.is_smile]

    assert len(smiling) == len(others) == 100
    assert len({picture.subject for picture in planned}) == 200
    assert min(face.horizontal_stretch for face in smiling) > max(face.horizontal_stretch for face in others)
    for name in ("open_lips", "brow_bulge", "eye_squeeze", "vertical_stretch"):
        means = [np.mean([getattr(face, name) for face in faces]) for faces in (smiling, others)]
        assert abs(means[0] - means[1]) < 0.1


def test_a_picture_is_grey_small_and_always_the_same():
    first, second = plan_expressions(2, "hard", seed=1)

    picture = draw_expression(first)

    assert picture.shape == (64, 64)
    assert picture.dtype == np.uint8
    assert picture.std() > 5
    np.testing.assert_array_equal(picture, draw_expression(first))
    assert (picture != draw_expression(second)).any()


def test_the_command_writes_two_tables_that_share_nobody(tmp_path):
    folder = tmp_path / "smiles"
    options = ["expressions", "--out", str(folder), "--train", "6", "--test", "4", "--jobs", "1"]
    CliRunner().invoke(command, options, catch_exceptions=False)

    tables = [list(csv.DictReader((folder / f"{name}.csv").read_text().splitlines())) for name in ("train", "test")]

    assert [len(rows) for rows in tables] == [6, 4]
    assert not {row["subject"] for row in tables[0]} & {row["subject"] for row in tables[1]}
    assert {row["label"] for row in tables[0]} == {"smile", "neutral"}
    assert all(cv2.imread(str(folder / row["image"])).shape == (64, 64, 3) for rows in tables for row in rows)
