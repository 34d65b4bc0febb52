"""The published values, to stand beside measured ones. None of them was measured on unseen infants.

Test accuracy in percent over three folds, from the dissertation's Table 1: COPE 153 pictures of 26 infants, UNIFESP 356
of 30. Half of the pictures were tested (77 and 178); infants were on both sides. Standard deviations are given where
the source states them.
"""

from dataclasses import dataclass

__all__ = ["PUBLISHED", "VALIDATION", "PublishedResult", "published_for"]


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """One cell of the published table.

    Attributes:
        row: The table's row: "ncnn", "resnet50-zamzmi" or "resnet50-proposed".
        data_set: "cope" or "unifesp".
        accuracy_percent: Of the test pictures.
        sd_percent: Over the folds; None where it is not stated.
        pictures: That were tested.
    """

    row: str
    data_set: str
    accuracy_percent: float
    sd_percent: float | None
    pictures: int

    def text(self) -> str:
        """Return the value as it was printed."""
        spread = "" if self.sd_percent is None else f" ± {self.sd_percent:.1f}"
        return f"{self.accuracy_percent:.1f}{spread}"


PUBLISHED = (
    PublishedResult("ncnn", "cope", 87.2, 3.6, 77),
    PublishedResult("ncnn", "unifesp", 78.7, 1.7, 178),
    PublishedResult("resnet50-zamzmi", "cope", 82.9, None, 77),
    PublishedResult("resnet50-zamzmi", "unifesp", 76.0, None, 178),
    PublishedResult("resnet50-proposed", "cope", 83.8, None, 77),
    PublishedResult("resnet50-proposed", "unifesp", 74.7, None, 178),
)
VALIDATION = {("ncnn", "cope"): 99.6, ("ncnn", "unifesp"): 99.5}
"""The published validation accuracies in percent: copies of training pictures, which is why they are so high."""


def published_for(row: str, data_set: str) -> PublishedResult | None:
    """Return the published value of a model on a data set; variants of N-CNN count as N-CNN."""
    wanted = "ncnn" if row.startswith("ncnn") else row
    found = (result for result in PUBLISHED if result.row == wanted and result.data_set == data_set)
    return next(found, None)
