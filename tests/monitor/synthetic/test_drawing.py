"""Drawing one head: what each action changes, and where."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.synthetic.canvas import Grid, ellipse
from monitor.synthetic.expression import Expression, State, sample_expression
from monitor.synthetic.identity import adult, infant
from monitor.synthetic.layout import Turn, lay_out
from monitor.synthetic.portrait import Dress, Portrait
from monitor.synthetic.skin import Light

CALM = Expression()
STRAIGHT = Turn()


def changed_rows(action: str) -> tuple[float, float]:
    """Return the mean height (face y) of what an action changes, and how much it changes."""
    portrait = Portrait(infant(3), Dress(), 48.0)
    before = portrait.draw(CALM, STRAIGHT, Light()).sprite
    after = portrait.draw(replace(CALM, **{action: 1.0}), STRAIGHT, Light()).sprite
    rows = min(before.image.shape[0], after.image.shape[0])
    columns = min(before.image.shape[1], after.image.shape[1])
    difference = np.abs(after.image[:rows, :columns].astype(int) - before.image[:rows, :columns]).sum(axis=(1, 2))
    y = (np.arange(rows) + 0.5) / 48.0 + before.grid.top
    return float((difference * y).sum() / max(1, difference.sum())), float(difference.mean())


@pytest.mark.parametrize(
    ("action", "top", "bottom"),
    [
        ("brow_bulge", -0.6, 0.0),
        ("eye_squeeze", -0.2, 0.4),
        ("eyes_closed", -0.15, 0.2),
        ("nasolabial_furrow", 0.3, 0.9),
        ("open_lips", 0.7, 1.2),
        ("horizontal_stretch", 0.7, 1.1),
        ("lip_purse", 0.7, 1.1),
        ("tongue_protrusion", 0.8, 1.2),
        ("vertical_stretch", 0.6, 1.5),
    ],
)
def test_an_action_changes_its_part_of_the_face(action, top, bottom):
    height, amount = changed_rows(action)
    assert amount > 5.0
    assert top <= height <= bottom


@pytest.mark.parametrize(
    ("state", "low", "high"),
    [(State.REST, 0.70, 0.82), (State.PAIN, 0.80, 0.90), (State.CRY, 0.79, 0.88), (State.AIR, 0.71, 0.83)],
)
def test_mouth_widths_are_those_measured_on_newborns(state, low, high):
    widths = []
    for seed in range(60):
        expression = replace(sample_expression(state, np.random.default_rng(seed)), lip_purse=0.0)
        points = lay_out(infant(seed), expression, STRAIGHT).five_points
        widths.append(np.linalg.norm(points[4] - points[3]))
    assert low <= float(np.mean(widths)) <= high


def test_a_dropped_jaw_makes_the_box_grow_downwards():
    rest = lay_out(infant(1), CALM, STRAIGHT).box
    cry = lay_out(infant(1), Expression(vertical_stretch=1.0, open_lips=1.0), STRAIGHT).box
    assert cry[:3] == rest[:3]
    assert cry[3] > rest[3] + 0.2


def test_a_turned_head_shifts_the_nose_by_the_offset_and_the_mouth_by_less():
    straight, turned = (lay_out(infant(1), CALM, Turn(sideways)) for sideways in (0.0, 0.2))
    shift = turned.five_points - straight.five_points
    assert shift[2, 0] == pytest.approx(0.2)
    assert 0.05 < shift[3:, 0].mean() < 0.2
    assert np.allclose(shift[:2], 0.0)


def test_a_carer_does_not_resemble_an_infant():
    ages = [np.mean([who(seed).chin for seed in range(20)]) for who in (infant, adult)]
    assert ages[1] > ages[0] + 0.3


def test_shapes_stay_in_position_below_a_pixel():
    grid = Grid.of_picture(40, 40)
    for x in (20.0, 20.25, 20.5):
        mask = grid.fill(ellipse(x, 20.0, 8.0, 8.0))
        assert (mask * grid.x[None]).sum() / mask.sum() == pytest.approx(x, abs=0.05)
