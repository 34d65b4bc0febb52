"""A stand-in for the iCOPEvid clips: 49 infants, 234 clips of 20 s, named as the originals.

A clip's label is the stimulus that was given: in a third of the pain clips the face does not answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.synthetic import BedOptions, SyntheticBed
from monitor.synthetic.expression import State
from trainer.synthetic.video import write_video

__all__ = ["Clip", "plan_icopevid", "write_clip"]

_INFANTS, _PAIN_CLIPS, _REST_CLIPS = 49, 49, 71
_OTHERS = {"Cry": 28, "Air": 43, "Friction": 43}
_FIRST_INFANT = 40_000
_FIRST_NUMBER = 1
_SIZE_PX = (640, 480)
_SCENARIOS = {"Pain": "procedures", "Rest": "calm", "Cry": "cry", "Air": "air", "Friction": "friction"}
# Clips begin shortly before the stimulus shows; a short clip less early, so that it still shows it.
_LEAD_SECONDS, _LEAD_SHARE = 4.0, 0.2
# Where a second clip of the same infant at rest begins, if not later: clips share no picture.
_TAKE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip.

    Attributes:
        name: File name.
        infant: Seed of the infant.
        stimulus: As in the name.
        take: Which clip of this infant and stimulus, from 1.
    """

    name: str
    infant: int
    stimulus: str
    take: int


def plan_icopevid(seed: int, infants: int = _INFANTS) -> list[Clip]:
    """Return the clips of the first `infants` of the 49 infants; all of them make 234 clips, 49 of pain."""
    rng = np.random.default_rng([seed, 401])
    stimuli: list[list[str]] = [["Pain", "Rest"] for _ in range(_INFANTS)]
    more_rest = rng.permutation(_INFANTS)[: _REST_CLIPS - _INFANTS]
    for index in more_rest:
        stimuli[int(index)].append("Rest")
    for stimulus, count in _OTHERS.items():
        for index in rng.permutation(_INFANTS)[:count]:
            stimuli[int(index)].append(stimulus)
    clips = []
    for index in range(min(infants, _INFANTS)):
        for position, stimulus in enumerate(stimuli[index]):
            take = 1 + stimuli[index][:position].count(stimulus)
            name = f"S{_FIRST_NUMBER + index:03d}_{stimulus}_{take}_[0]_20s.mp4"
            clips.append(Clip(name, _FIRST_INFANT + 1000 * seed + index, stimulus, take))
    return clips


def write_clip(
    clip: Clip, folder: Path, *, seconds: float, fps: float, progress: Callable[[int], None] = lambda _: None
) -> Path:
    """Write one clip with its ground truth.

    Raises:
        VideoError: It cannot be encoded.
        DataError: The ground truth cannot be written.
    """
    bed = SyntheticBed(
        clip.infant,
        _SCENARIOS[clip.stimulus],
        width_px=_SIZE_PX[0],
        height_px=_SIZE_PX[1],
        fps=fps,
        options=BedOptions(face_px=170.0),
    )
    start = max(_TAKE_SECONDS, seconds) * (clip.take - 1)
    first = next((e for e in bed.episodes(600.0) if e.onset_seconds >= start), None)
    if first is not None and first.state is not State.REST:
        start = max(0.0, first.onset_seconds - min(_LEAD_SECONDS, _LEAD_SHARE * seconds))
    return write_video(bed, folder / clip.name, seconds=seconds, fps=fps, start_seconds=start, progress=progress).video
