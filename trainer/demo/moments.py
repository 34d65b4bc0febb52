"""Which moments of a synthetic infant's day the demo model learns from."""

from dataclasses import dataclass

import numpy as np

from monitor.synthetic import BedOptions, SyntheticBed

__all__ = ["Moment", "make_bed", "pick_moments"]

_SCENARIOS = ("mixed", "mixed", "mixed", "confusers", "pain")
_PICTURES = ((640, 480), (640, 360), (960, 540), (1280, 720))
_DURATION_SECONDS = 300.0
_PER_EPISODE = {"pain": 4, "cry": 5, "friction": 3, "yawn": 3, "air": 4, "sneeze": 2}
_REST_MOMENTS = 16
_REST_LEVEL = 0.02


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment.

    Attributes:
        seconds: In the bed's scenario.
        state: "rest", or what the infant goes through at the height of it.
    """

    seconds: float
    state: str


def make_bed(seed: int) -> SyntheticBed:
    """Return an infant's bed: lying at any angle, near or far, before any of several cameras."""
    random = np.random.default_rng([seed, 0xBED])
    size = _PICTURES[int(random.integers(len(_PICTURES)))]
    options = BedOptions(
        orientation_deg=float(random.uniform(-180.0, 180.0)),
        face_px=float(np.exp(random.uniform(np.log(70.0), np.log(0.42 * size[1])))),
        noise=float(random.uniform(0.5, 5.0)),
    )
    scenario = _SCENARIOS[int(random.integers(len(_SCENARIOS)))]
    return SyntheticBed(seed, scenario, width_px=size[0], height_px=size[1], options=options)


def pick_moments(bed: SyntheticBed) -> list[Moment]:
    """Return moments at the height of every episode, and at rest between them; nothing in between.

    In the order of time. Half a grimace has no right label, so it is left out; the filter of the monitor bridges it.
    """
    random = np.random.default_rng([bed.seed, 0x3013])
    episodes = bed.episodes(_DURATION_SECONDS)
    moments = []
    for episode in episodes:
        if not episode.shows:
            continue
        begin, end = episode.onset_seconds + episode.rise_seconds, episode.plateau_end_seconds
        count = min(_PER_EPISODE[episode.state.value], max(2, int(3.0 * (end - begin))))
        moments += [Moment(float(seconds), episode.state.value) for seconds in random.uniform(begin, end, count)]
    resting = [
        float(seconds)
        for seconds in random.uniform(0.0, _DURATION_SECONDS, 400)
        if all(episode.level(seconds) <= _REST_LEVEL for episode in episodes)
    ]
    moments += [Moment(seconds, "rest") for seconds in resting[:_REST_MOMENTS]]
    return sorted(moments, key=lambda moment: moment.seconds)
