"""What a sample is worth, and how what it hides is said."""

import math

from monitor.pain.vocabulary import Region, Sample, Visibility

__all__ = ["covered_words", "scored"]


def scored(sample: Sample) -> tuple[Visibility, float | None]:
    """Return what a sample is worth: a score that is missing or no probability is a model that failed."""
    if sample.visibility not in {Visibility.USABLE, Visibility.AMBIGUOUS}:
        return sample.visibility, None
    score = sample.score
    if score is not None and math.isfinite(score) and 0.0 <= score <= 1.0:
        return sample.visibility, float(score)
    if score is None and sample.visibility is Visibility.AMBIGUOUS:
        return sample.visibility, None
    return Visibility.NO_SCORE, None


def covered_words(hidden: tuple[Region, ...]) -> str:
    """Return one sentence on what is hidden."""
    names = " and ".join(str(region) for region in hidden)
    if not names:
        return ""
    return f"The {names} {'is' if hidden == (Region.MOUTH,) else 'are'} covered: pain cannot be determined."
