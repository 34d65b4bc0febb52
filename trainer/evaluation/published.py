"""The published values, to stand beside measured ones. None of them was measured on unseen infants.

Accuracy in percent, mean and standard deviation over three folds, from the dissertation's Table 1: COPE 153 pictures of
26 infants, UNIFESP 356 of 30. Half of the pictures were tested (77 and 178); infants were on both sides. Validation
pictures were copies of training pictures, which is why their accuracies are so high.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["PARTS", "PUBLISHED", "Part", "PublishedResult", "published_for"]

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = ("training", "validation", "test")
"""The blocks of the published table, from top to bottom."""


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """One cell of the published table.

    Attributes:
        part: Block of the table.
        row: The table's row: "ncnn", "resnet50-zamzmi" or "resnet50-proposed".
        data_set: "cope" or "unifesp".
        accuracy_percent: Mean over the folds.
        sd_percent: Standard deviation over the folds.
    """

    part: Part
    row: str
    data_set: str
    accuracy_percent: float
    sd_percent: float

    @property
    def pictures(self) -> int:
        """Number of pictures that were tested."""
        return 77 if self.data_set == "cope" else 178

    def text(self) -> str:
        """Return the value as it was printed."""
        return f"{self.accuracy_percent:.1f} ± {self.sd_percent:.1f}"


_ROWS = ("ncnn", "resnet50-zamzmi", "resnet50-proposed")
_VALUES: dict[Part, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "training": (((100.0, 0.0), (100.0, 0.0)),) * 3,
    "validation": (((99.6, 0.2), (99.5, 0.3)), ((99.3, 0.2), (99.4, 0.2)), ((99.5, 0.2), (99.2, 0.0))),
    "test": (((87.2, 3.6), (78.7, 1.7)), ((82.9, 4.7), (76.0, 0.7)), ((83.8, 4.1), (74.7, 1.7))),
}
PUBLISHED = tuple(
    PublishedResult(part, row, data_set, *value)
    for part in PARTS
    for row, values in zip(_ROWS, _VALUES[part], strict=True)
    for data_set, value in zip(("cope", "unifesp"), values, strict=True)
)


def published_for(row: str, data_set: str, part: Part = "test") -> PublishedResult | None:
    """Return the published value of a model on a data set; variants of N-CNN count as N-CNN."""
    wanted = "ncnn" if row.startswith("ncnn") else row
    cells = (result for result in PUBLISHED if result.row == wanted and result.data_set == data_set)
    return next((result for result in cells if result.part == part), None)
