"""The page about engines shows the limits that the gate uses."""

import re
from dataclasses import astuple, fields
from pathlib import Path

from export.verification.limits import LIMITS, Limits

_PAGE = Path(__file__).parents[3] / "docs" / "engines.md"
_ROWS = {
    "band": "decisions may flip",
    "score_maximum": "largest difference of a pain score",
    "score_p99": "99 % of the differences",
    "detector_score_maximum": "largest difference of a face's score",
    "minimum_iou": "smallest overlap",
    "landmark_error": "largest landmark error",
    "level_maximum": "largest difference of the level",
    "logit_maximum": "largest difference of the log-odds",
    "mesh_point_px": "largest distance of a mesh point",
    "visibility_maximum": "largest difference of the probability that a region is visible",
}


def test_the_page_shows_every_limit_of_every_precision() -> None:
    assert [field.name for field in fields(Limits)] == list(_ROWS)
    page = _PAGE.read_text(encoding="utf-8")
    shown = []
    for start in _ROWS.values():
        (cells,) = re.findall(rf"^\| {re.escape(start)}[^|]*\|(.+)\|$", page, flags=re.MULTILINE)
        shown.append([float(cell) for cell in cells.split("|")])
    assert list(LIMITS) == ["fp32", "fp16", "int8"]
    assert shown == [list(values) for values in zip(*(astuple(limits) for limits in LIMITS.values()), strict=True)]
