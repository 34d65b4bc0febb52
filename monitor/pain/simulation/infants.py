"""Simulated infants: calibrated scores with episodes of pain, grimaces that are none, and a face that gets lost.

The logit of a frame's score is Gaussian, with the same spread in pain and at rest and means so far apart that single
frames separate the two with a given area under the curve; it is calibrated for equal odds. Neighbouring frames are
alike: the residual is an AR(1) process, of which a share `offset_share` of the variance is a fixed trait of the infant.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["InfantSettings", "SimulatedInfant", "simulate_infant"]


@dataclass(frozen=True, slots=True)
class InfantSettings:
    """What the simulated infants are like.

    Attributes:
        frames_per_second: Rate at which frames are analysed.
        area_under_curve: Of single frames.
        residual_tau_seconds: Correlation time of the residual.
        offset_share: Share in [0, 1] of the residual's variance that is the infant's own fixed offset.
        episodes_per_hour: Of pain.
        episode_median_seconds: Lengths are lognormal.
        episode_log_sigma: Standard deviation of the logarithm of the lengths.
        grimaces_per_hour: Times at which a face at rest resembles pain.
        grimace_median_seconds: Lengths are lognormal.
        grimace_log_sigma: Standard deviation of the logarithm of the lengths.
        dropout: Share of frames without a face.
    """

    frames_per_second: float = 10.0
    area_under_curve: float = 0.898
    residual_tau_seconds: float = 1.5
    offset_share: float = 0.0
    episodes_per_hour: float = 2.0
    episode_median_seconds: float = 30.0
    episode_log_sigma: float = 0.5
    grimaces_per_hour: float = 15.0
    grimace_median_seconds: float = 2.5
    grimace_log_sigma: float = 0.5
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class SimulatedInfant:
    """One infant's frames.

    Attributes:
        times: Shape (n,), seconds.
        scores: Shape (n,), calibrated probability of pain in [0, 1]; NaN where no face was found.
        episodes: (begin, end) of each episode of pain, in seconds, disjoint and in order.
    """

    times: NDArray[np.float64]
    scores: NDArray[np.float64]
    episodes: tuple[tuple[float, float], ...]


def simulate_infant(settings: InfantSettings, hours: float, seed: int) -> SimulatedInfant:
    """Return one infant, the same for the same seed."""
    generator = np.random.default_rng(seed)
    seconds = hours * 3600.0
    count = int(seconds * settings.frames_per_second)
    times = np.arange(count) / settings.frames_per_second
    episodes = tuple(
        _spells(
            generator,
            seconds,
            settings.episodes_per_hour,
            settings.episode_median_seconds,
            settings.episode_log_sigma,
        )
    )
    grimaces = _spells(
        generator, seconds, settings.grimaces_per_hour, settings.grimace_median_seconds, settings.grimace_log_sigma
    )
    resembles_pain = np.zeros(count, dtype=bool)
    for begin, end in (*episodes, *grimaces):
        resembles_pain[np.searchsorted(times, begin) : np.searchsorted(times, end)] = True
    separation = math.sqrt(2.0) * NormalDist().inv_cdf(settings.area_under_curve)
    residual = math.sqrt(settings.offset_share) * generator.standard_normal() + math.sqrt(
        1.0 - settings.offset_share
    ) * _correlated(generator, count, 1.0 / (settings.frames_per_second * settings.residual_tau_seconds))
    # The log-likelihood ratio of two unit Gaussians at +-separation/2.
    logit = separation * (np.where(resembles_pain, separation / 2, -separation / 2) + residual)
    scores = 1.0 / (1.0 + np.exp(-logit))
    scores[generator.random(count) < settings.dropout] = np.nan
    return SimulatedInfant(times, scores, episodes)


def _spells(
    generator: np.random.Generator, seconds: float, per_hour: float, median_seconds: float, log_sigma: float
) -> Iterator[tuple[float, float]]:
    """Yield disjoint (begin, end) of something that comes at random."""
    time = generator.exponential(3600.0 / per_hour)
    while time < seconds:
        end = time + median_seconds * math.exp(log_sigma * generator.standard_normal())
        yield float(time), float(min(end, seconds))
        time = end + generator.exponential(3600.0 / per_hour)


def _correlated(generator: np.random.Generator, count: int, steps: float) -> NDArray[np.float64]:
    """Return an AR(1) process of unit variance; `steps` is the time between two values per correlation time."""
    keep = math.exp(-steps)
    noise = generator.standard_normal(count) * math.sqrt(1.0 - keep * keep)
    values = np.empty(count)
    value = float(generator.standard_normal())
    for number, shock in enumerate(noise.tolist()):
        value = keep * value + shock
        values[number] = value
    return values
