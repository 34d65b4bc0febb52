"""One strip for each infant: scores over time, labelled pain, and alarms."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from trainer.clips.labels import Clip
from trainer.clips.scores import FrameScores
from trainer.errors import CheckpointError

__all__ = ["draw_strips"]

_WIDTH_IN, _HEIGHT_IN = 9.0, 1.6


def draw_strips(
    clips: Mapping[Path, Sequence[Clip]],
    frames: Mapping[Path, FrameScores],
    spells: Mapping[Path, Sequence[tuple[float, float]]],
    folder: Path,
) -> list[Path]:
    """Draw an SVG file for each infant, one row a video: score (line), pain (band), alarm (bar).

    Args:
        clips: The labels of each video.
        frames: The scores of each video.
        spells: The alarms of each video.
        folder: Gets the folder `strips`.

    Raises:
        CheckpointError: A file cannot be written.
    """
    by_infant: dict[str, list[Path]] = {}
    for file, labelled in clips.items():
        by_infant.setdefault(labelled[0].infant, []).append(file)
    written = []
    for number, (infant, files) in enumerate(sorted(by_infant.items())):
        figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * len(files)), layout="constrained")
        FigureCanvasSVG(figure)
        for row, file in enumerate(files, start=1):
            axis = figure.add_subplot(len(files), 1, row)
            scored, length = frames[file], float(frames[file].duration_seconds)
            for clip in clips[file]:
                if clip.is_pain:
                    end = length if clip.end_seconds is None else clip.end_seconds
                    axis.axvspan(clip.start_seconds, end, color="#d55e00", alpha=0.25, lw=0)
            axis.plot(scored.times, scored.scores, color="#0072b2", lw=0.8)
            for on, off in spells[file]:
                axis.plot([on, off], [1.06, 1.06], color="#b3003c", lw=4, solid_capstyle="butt")
            axis.set(xlim=(0.0, max(length, 1.0)), ylim=(0.0, 1.12), ylabel="score")
            axis.set_title(file.name, fontsize=8, parse_math=False)
        axis.set_xlabel("seconds; band: labelled pain, bar: alarm")
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", infant)
        path = folder / "strips" / f"{number:03d}-{name}.svg"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, metadata={"Date": None})
        except OSError as error:
            raise CheckpointError(f"{path} cannot be written ({error.strerror})") from error
        written.append(path)
    return written
