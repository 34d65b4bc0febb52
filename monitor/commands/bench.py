"""`nicu-monitor bench`: a whole station on real streams, measured."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from monitor.bench.capacity import find_capacity, measure_growth
from monitor.bench.clips import draw_clip
from monitor.bench.process import run_in_new_process
from monitor.bench.pure import measure_pure_costs
from monitor.bench.report import capacity_lines, growth_lines, run_lines, step_line
from monitor.bench.run import Plan
from monitor.config import (
    MAXIMUM_BEDS,
    AnalysisSettings,
    BedSettings,
    CameraSettings,
    FaceSettings,
    LogSettings,
    ModelSettings,
    StationConfig,
)
from monitor.errors import VideoError
from monitor.logs import configure
from monitor.video.writer import CameraEncoding

__all__ = ["command"]

_CLIP_SECONDS = 8.0
_EPILOG = """\b
Examples:
  nicu-monitor bench --cameras 4 --seconds 30
  nicu-monitor bench --cameras 2 --seconds 20 --size 1080 --json
  nicu-monitor bench --cameras 2 --camera-like
  nicu-monitor bench --find-capacity --seconds 20 --clip bed.mp4
  nicu-monitor bench --growth 1,2,4,8,16,32 --rate 1 --seconds 10
"""


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Read numbers of cameras with commas between them."""
    if value is None:
        return ()
    try:
        numbers = tuple(int(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1,2,4") from error
    if not all(1 <= number <= MAXIMUM_BEDS for number in numbers):
        raise click.BadParameter(f"each number of cameras lies in [1, {MAXIMUM_BEDS}]")
    return numbers


@click.command(epilog=_EPILOG)
@click.option(
    "--cameras", type=click.IntRange(1, MAXIMUM_BEDS), default=1, show_default=True, help="How many; or where to begin."
)
@click.option(
    "--seconds", type=click.FloatRange(min=1.0), default=20.0, show_default=True, help="To measure, after settling."
)
@click.option(
    "--source", type=click.Choice(["rtsp", "file"]), default="rtsp", show_default=True, help="Of the streams."
)
@click.option("--clip", type=click.Path(path_type=Path), help="What the cameras show; a synthetic infant when absent.")
@click.option("--size", type=click.Choice(["720", "1080"]), help="Height of the synthetic pictures; 720 when absent.")
@click.option(
    "--camera-like",
    is_flag=True,
    help="Synthetic clip as a camera encodes it: sensor noise, High profile, 4 Mbit/s, a key frame in 50 pictures.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.0, 60.0, min_open=True),
    default=5.0,
    show_default=True,
    help="Frames/s to analyse.",
)
@click.option("--calm-rate", type=click.FloatRange(1.0, 60.0), help="Of calm beds: analysis.calm_frames_per_second.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "onnxruntime", "onnxruntime-cuda", "openvino", "tensorrt", "tensorrt-rtx"]),
    default="auto",
    show_default=True,
    help="What runs the models.",
)
@click.option("--whole-pictures", is_flag=True, help="Look at whole pictures always (faces.track_guided off).")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--find-capacity", "search", is_flag=True, help="Raise the number of cameras until a bed suffers.")
@click.option(
    "--largest", type=click.IntRange(1, MAXIMUM_BEDS), default=64, show_default=True, help="Where the search stops."
)
@click.option("--growth", callback=_numbers, metavar="N,N,...", help="Measure each of these numbers of cameras.")
def command(
    cameras: int,
    seconds: float,
    source: Literal["rtsp", "file"],
    clip: Path | None,
    size: str | None,
    rate: float,
    calm_rate: float | None,
    engine: Literal["auto", "onnxruntime", "onnxruntime-cuda", "openvino", "tensorrt", "tensorrt-rtx"],
    largest: int,
    growth: tuple[int, ...],
    *,
    camera_like: bool,
    whole_pictures: bool,
    as_json: bool,
    search: bool,
) -> None:
    """Measure a whole station: frame rate, age, drops, CPU time a stage, memory, efficiency.

    The cameras are real RTSP streams from another process, or a file. Efficiency is what decoder and models cost by
    themselves over the CPU time that the station used. A number of cameras is too large when 1 % of the frames are
    older than 500 ms, or when a bed is analysed less than half as often as wanted. --growth shows what each further bed
    costs; choose a --rate at which the largest number still fits.
    """
    if search and growth:
        raise click.UsageError("--find-capacity chooses the numbers of cameras itself; leave --growth out")
    if clip is not None and size is not None:
        raise click.UsageError("--size is for the synthetic clip; a clip of your own has its size")
    if clip is not None and camera_like:
        raise click.UsageError("--camera-like is for the synthetic clip; a clip of your own is sent as it is")
    if clip is not None and not clip.is_file():
        raise VideoError(f"{clip} is no file; name a video with H.264, H.265 or MJPEG")
    configure(LogSettings(level="error"))
    with tempfile.TemporaryDirectory(prefix="nicu-bench-clip-") as directory:
        if clip is None:
            clip = Path(directory) / f"{'camera-like' if camera_like else 'synthetic'}-{size or 720}.mp4"
            click.echo("drawing the clip ...", err=True)
            draw_clip(clip, int(size or 720), _CLIP_SECONDS, CameraEncoding() if camera_like else None)
        base = StationConfig(
            beds=(BedSettings(id="bed-1", camera=CameraSettings(url=str(clip.absolute()))),),
            models=ModelSettings(engine=engine),
            faces=FaceSettings(track_guided=not whole_pictures),
            analysis=AnalysisSettings(frames_per_second=rate, calm_frames_per_second=calm_rate),
        )
        click.echo("measuring decoder and models alone ...", err=True)
        plan = Plan(clip, cameras, seconds, source, base, measure_pure_costs(clip, base))
        if search:
            found = find_capacity(plan, largest, on_step=lambda step: click.echo(step_line(step), err=True))
            lines, record = list(capacity_lines(found)), asdict(found)
        elif growth:
            grown = measure_growth(plan, growth, on_step=lambda step: click.echo(step_line(step), err=True))
            lines, record = list(growth_lines(grown)), asdict(grown)
        else:
            result = run_in_new_process(plan)
            lines, record = list(run_lines(result)), asdict(result)
    click.echo(json.dumps(record, indent=2) if as_json else "\n".join(lines))
