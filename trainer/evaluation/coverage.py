"""How often the intervals hold the truth: `python -m trainer.evaluation.coverage` prints the table of the docs.

Simulated infants have a logit offset of their own; pictures of an infant share it. The truth is the metric of a very
large sample. For each number of infants the share of samples whose interval holds it is counted, for the percentile
bootstrap of earlier versions and for what the program prints now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.bootstrap import interval_of, resamples
from trainer.evaluation.intervals import CONFIDENCE, Interval
from trainer.evaluation.metrics import SCALES, classifier_metrics

__all__ = ["METRICS", "CoverageRow", "Population", "main", "simulate_coverage"]

METRICS = ("accuracy", "sensitivity", "auc", "brier", "loss")

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """What the simulated infants are like.

    Attributes:
        pictures: Of each infant, half of them pain.
        distance: Between the mean logits of pain and of no pain.
        infant_deviation: Standard deviation of the infants' own offsets.
        picture_deviation: Standard deviation of the pictures about it.
    """

    pictures: int = 8
    distance: float = 2.5
    infant_deviation: float = 0.7
    picture_deviation: float = 1.0

    def sample(self, infants: int, random: np.random.Generator) -> tuple[Numbers, Numbers, NDArray[np.str_]]:
        """Return labels, logits and subjects of some infants, each of shape (n,)."""
        labels = np.tile(np.arange(self.pictures) % 2, infants).astype(np.float64)
        offsets = np.repeat(random.normal(0.0, self.infant_deviation, infants), self.pictures)
        logits = self.distance * (labels - 0.5) + offsets + random.normal(0.0, self.picture_deviation, len(labels))
        return labels, logits, np.repeat(np.arange(infants).astype(str), self.pictures)


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How often the intervals of one metric held the truth.

    Attributes:
        infants: In each sample.
        metric: Its name.
        percentile: Share for the percentile bootstrap.
        student: Share for Student's t on the metric's scale.
        samples: How many were simulated.
    """

    infants: int
    metric: str
    percentile: float
    student: float
    samples: int


def simulate_coverage(
    infants: int, population: Population, repetitions: int, count: int, seed: int = 0
) -> Iterator[CoverageRow]:
    """Yield the coverage of each metric for one number of infants.

    Args:
        infants: In each sample.
        population: What they are like.
        repetitions: Samples.
        count: Resamples of the infants within a sample.
        seed: Of the simulation.
    """
    random = np.random.default_rng(seed)
    labels, logits, _ = population.sample(50_000, random)
    truth = classifier_metrics(labels, logits, with_line=False)
    held: Mapping[str, list[tuple[bool, bool]]] = {name: [] for name in METRICS}
    for _ in range(repetitions):
        labels, logits, subjects = population.sample(infants, random)
        value = classifier_metrics(labels, logits, with_line=False)
        drawn = [
            classifier_metrics(labels[rows], logits[rows], with_line=False)
            for rows in resamples(subjects, count, int(random.integers(1 << 31)))
        ]
        for name in METRICS:
            numbers = [entry[name] for entry in drawn]
            ours = interval_of(value[name], numbers, infants, SCALES[name])
            held[name].append((_holds(_percentile(value[name], numbers), truth[name]), _holds(ours, truth[name])))
    for name in METRICS:
        percentile, student = np.mean(np.array(held[name], np.float64), axis=0)
        yield CoverageRow(infants, name, float(percentile), float(student), repetitions)


def _percentile(value: float, numbers: list[float]) -> Interval:
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.nanquantile(numbers, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


@click.command()
@click.option("--repetitions", default=1000, show_default=True, help="Simulated samples for each number of infants.")
@click.option("--resamples", "count", default=200, show_default=True, help="Of the infants, within a sample.")
@click.option("--infants", multiple=True, type=int, default=(5, 8, 12, 26, 50), show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(repetitions: int, count: int, infants: tuple[int, ...], seed: int) -> None:
    """Print how often nominal 95 % intervals hold the truth."""
    click.echo("| infants | metric | percentile bootstrap | Student's t on the metric's scale |")
    click.echo("|---|---|---|---|")
    for number in infants:
        for row in simulate_coverage(number, Population(), repetitions, count, seed):
            click.echo(f"| {row.infants} | {row.metric} | {row.percentile:.3f} | {row.student:.3f} |")


if __name__ == "__main__":
    main()
