"""`nicu-monitor bench`: a whole station on real streams, measured."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

import click

from monitor.bench.capacity import find_capacity, measure_growth
from monitor.bench.clips import PICTURES_PER_SECOND, draw_clip, draw_sub_stream
from monitor.bench.pure import measure_pure_costs
from monitor.bench.report import capacity_lines, face_line, growth_lines, round_line, rounds_lines, step_line
from monitor.bench.result import RunResult, Step
from monitor.bench.rounds import measure_rounds
from monitor.bench.run import Plan
from monitor.cli_framework import NumberRange
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
from monitor.inference.engine_factory import EngineChoice
from monitor.logs import configure
from monitor.video.writer import CameraEncoding

__all__ = ["command"]

_Found = tuple[list[str], dict[str, Any]]
"""What is printed about one stream: lines to read, and the record of `--json`."""

_CLIP_SECONDS = 8.0
_EPILOG = """\b
Examples:
  nicu-monitor bench --cameras 4 --seconds 30
  nicu-monitor bench --cameras 2 --seconds 20 --size 1080 --json
  nicu-monitor bench --cameras 2 --camera-like --rounds 3
  nicu-monitor bench --cameras 2 --sub-stream
  nicu-monitor bench --find-capacity --camera-like --picture-rate 10
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
    "--seconds", type=NumberRange(min=1.0), default=20.0, show_default=True, help="To measure, after settling."
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
    "--sub-stream",
    is_flag=True,
    help="Camera-like in 1080p, and beside it what such a camera's sub-stream of 640 x 360 costs instead.",
)
@click.option(
    "--picture-rate",
    type=NumberRange(5.0, 60.0),
    help="Pictures/s that the cameras send, of the synthetic clip; 30 when absent.",
)
@click.option(
    "--rate",
    type=NumberRange(0.0, 60.0, min_open=True),
    default=5.0,
    show_default=True,
    help="Frames/s to analyse.",
)
@click.option("--calm-rate", type=NumberRange(1.0, 60.0), help="Of calm beds: analysis.calm_frames_per_second.")
@click.option(
    "--engine",
    type=click.Choice(get_args(EngineChoice)),
    default="auto",
    show_default=True,
    help="What runs the models.",
)
@click.option(
    "--camera-processes",
    type=click.IntRange(0, 64),
    help="analysis.camera_processes; by the number of cameras when absent, 0 with --growth.",
)
@click.option("--whole-pictures", is_flag=True, help="Look at whole pictures always (faces.track_guided off).")
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=1, show_default=True, help="Repeat, and give medians and ranges."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--find-capacity", "search", is_flag=True, help="Raise the number of cameras until a bed suffers; repeat."
)
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
    picture_rate: float | None,
    rate: float,
    calm_rate: float | None,
    engine: EngineChoice,
    camera_processes: int | None,
    rounds: int,
    largest: int,
    growth: tuple[int, ...],
    *,
    camera_like: bool,
    sub_stream: bool,
    whole_pictures: bool,
    as_json: bool,
    search: bool,
) -> None:
    """Measure a whole station: frame rate, age, drops, CPU time a stage, memory, efficiency.

    The cameras are real RTSP streams from another process, or a file. Efficiency is what decoder and models cost by
    themselves over the CPU time that the station used. A number of cameras is too large when 1 % of the frames are
    older than 500 ms, or when a bed is analysed less than half as often as wanted. --growth shows what each further bed
    costs; choose a --rate at which the largest number still fits. The search for the capacity is repeated until two
    searches find the same within 10 % or one bed, five times at most.
    """
    contradictions = (
        (search and bool(growth), "--find-capacity chooses the numbers of cameras itself; leave --growth out"),
        (search and rounds > 1, "--find-capacity repeats itself until it agrees; leave --rounds out"),
        (
            sub_stream and (bool(growth) or clip is not None or size is not None),
            "--sub-stream draws both streams itself; leave --clip, --size and --growth out",
        ),
        (clip is not None and size is not None, "--size is for the synthetic clip; a clip of your own has its size"),
        (
            clip is not None and picture_rate is not None,
            "--picture-rate is for the synthetic clip; a clip of your own is sent as it is",
        ),
        (
            clip is not None and camera_like,
            "--camera-like is for the synthetic clip; a clip of your own is sent as it is",
        ),
    )
    for sentence in (sentence for contradicts, sentence in contradictions if contradicts):
        raise click.UsageError(sentence)
    if clip is not None and not clip.is_file():
        raise VideoError(f"{clip} is no file; name a video with H.264, H.265 or MJPEG")
    configure(LogSettings(level="error"))
    with tempfile.TemporaryDirectory(prefix="nicu-bench-clip-") as directory:
        clips = (
            {"main": clip}
            if clip is not None
            else _draw(
                Path(directory),
                size,
                picture_rate or PICTURES_PER_SECOND,
                camera_like=camera_like,
                sub_stream=sub_stream,
            )
        )
        click.echo("measuring decoder and models alone ...", err=True)
        # An engine that was asked for by name is measured, or the reason is said why it cannot be.
        models = ModelSettings(engine=engine, on_missing_engine="fall_back" if engine == "auto" else "refuse")
        faces = FaceSettings(track_guided=not whole_pictures)
        if growth and camera_processes is None:
            camera_processes = 0  # a process that comes with the eighth camera would count as the cost of cameras
        analysis = AnalysisSettings(
            frames_per_second=rate, calm_frames_per_second=calm_rate, camera_processes=camera_processes
        )
        plans = {}
        for name, path in clips.items():
            bed = BedSettings(id="bed-1", camera=CameraSettings(url=str(path.absolute())))
            base = StationConfig(beds=(bed,), models=models, faces=faces, analysis=analysis)
            plans[name] = Plan(path, cameras, seconds, source, base, measure_pure_costs(path, base))
        if search:
            found = _search(plans, largest)
        elif growth:
            found = {"main": _grow(plans["main"], growth, rounds)}
        else:
            found = _run(plans, rounds)
    _print(found, as_json=as_json)


def _print(found: Mapping[str, _Found], *, as_json: bool) -> None:
    """Print what was found, under the names of the streams where there are two."""
    if as_json:
        records = {name: record for name, (_, record) in found.items()}
        click.echo(json.dumps(records if len(records) > 1 else records["main"], indent=2))
        return
    for name, (lines, _) in found.items():
        click.echo("\n".join(lines if len(found) == 1 else [f"{name} stream", *lines, ""]))


def _draw(
    directory: Path, size: str | None, picture_rate: float, *, camera_like: bool, sub_stream: bool
) -> dict[str, Path]:
    """Draw what the cameras send, by the name of the stream."""
    click.echo("drawing the clip ...", err=True)
    height = 1080 if sub_stream else int(size or 720)
    camera_like = camera_like or sub_stream
    clips = {"main": directory / f"{'camera-like' if camera_like else 'synthetic'}-{height}.mp4"}
    encoding = CameraEncoding() if camera_like else None
    draw_clip(clips["main"], height, _CLIP_SECONDS, encoding, pictures_per_second=picture_rate)
    if sub_stream:
        clips["sub"] = directory / "camera-like-sub.mp4"
        draw_sub_stream(clips["sub"], _CLIP_SECONDS, picture_rate)
    return clips


def _say(step: Step) -> None:
    click.echo(step_line(step), err=True)


def _search(plans: Mapping[str, Plan], largest: int) -> dict[str, _Found]:
    """Search for the capacity on each stream."""
    found = {}
    for name, plan in plans.items():
        if len(plans) > 1:
            click.echo(f"{name} stream", err=True)
        capacity = find_capacity(plan, largest, on_step=_say)
        lines = list(capacity_lines(capacity))
        if len(plans) > 1:
            lines.append(face_line(capacity.steps[0].result))
        found[name] = (lines, asdict(capacity))
    return found


def _grow(plan: Plan, numbers: tuple[int, ...], rounds: int) -> _Found:
    """Measure each number of cameras."""
    grown = measure_growth(plan, numbers, on_step=_say, rounds=rounds)
    return list(growth_lines(grown)), asdict(grown)


def _run(plans: Mapping[str, Plan], rounds: int) -> dict[str, _Found]:
    """Measure one number of cameras on each stream, in turn."""

    def say(number: int, _plan: Plan, result: RunResult) -> None:
        if rounds > 1 or len(plans) > 1:
            click.echo(round_line(number, result), err=True)

    measured = dict(zip(plans, measure_rounds(list(plans.values()), rounds, on_round=say), strict=True))
    return {
        name: (
            list(rounds_lines(one)),
            {
                **asdict(one.middle),
                "medians": {figure: asdict(spread) for figure, spread in one.medians.items()},
                "rounds": [asdict(result) for result in one.rounds],
            },
        )
        for name, one in measured.items()
    }
