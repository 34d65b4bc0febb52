"""`nicu-trainer synthesize`: data sets and videos of synthetic infants."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from monitor.cli_framework import NumberRange, examples
from monitor.synthetic import SCENARIOS, BedOptions, SyntheticBed
from trainer.detection import DEFAULT_DETECTOR, open_detector
from trainer.synthetic import (
    CopePlan,
    PlannedStill,
    SessionView,
    StillsPlan,
    measure_findability,
    plan_cope,
    plan_expressions,
    plan_icopevid,
    plan_stills,
    plan_unifesp,
    prepare_folder,
    write_clip,
    write_expressions,
    write_stills,
    write_table,
    write_video,
)
from trainer.synthetic.expressions import Difficulty

__all__ = ["command"]

_OUT = click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
_SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same pictures.")
_JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=lambda: min(4, os.cpu_count() or 1),
    show_default="one per core, at most 4",
    help="Processes that draw; the result does not depend on it.",
)
_FOUND_SHARE = 0.99
_LARGEST_PX = 8192


class _Size(click.ParamType[tuple[int, int]]):
    """`WIDTHxHEIGHT` in pixels."""

    name = "WxH"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read a size such as 1280x720."""
        if isinstance(value, tuple):
            return value
        width, _, height = value.lower().partition("x")
        is_size = all(text.isdecimal() and len(text) < 6 and 32 <= int(text) <= _LARGEST_PX for text in (width, height))
        if not is_size:
            known = f"from 32x32 to {_LARGEST_PX}x{_LARGEST_PX}"
            self.fail(f"{value!r} is no size; write for example 1280x720, {known}", param, ctx)
        return int(width), int(height)


def _check_faces_fit(face_px: tuple[float, float], size: tuple[int, int]) -> None:
    if not 16.0 <= face_px[0] <= face_px[1] <= 0.6 * min(size):
        raise click.BadParameter(
            f"faces of {face_px[0]:g} to {face_px[1]:g} px do not fit a picture of {size[0]}x{size[1]}; "
            "the smaller must be at least 16 and the larger at most 0.6 of the shorter side",
            param_hint="--face-px",
        )


@click.group(name="synthesize", epilog=examples("nicu-trainer synthesize stills --out stills --infants 12"))
def command() -> None:
    """Draw synthetic infants: stills, videos, and stand-ins for the restricted data sets.

    They test software and say nothing about pain in infants.
    """


def _write(planned: Sequence[PlannedStill], out: Path, about: dict[str, Any], jobs: int, **extra: bool) -> None:
    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("drawing stills", total=len(planned))
        table = write_stills(
            planned, out, about, jobs=jobs, progress=lambda done: progress.update(task, completed=done), **extra
        )
    pain = sum(item.label.value == "pain" for item in planned)
    infants = len({item.still.subject for item in planned})
    click.echo(f"{len(planned)} stills of {infants} infants, {pain} labelled pain: {table}")


@command.command(epilog=examples("nicu-trainer synthesize stills --out stills --infants 12 --seed 1"))
@_OUT
@_SEED
@_JOBS
@click.option("--infants", type=click.IntRange(2, 100_000), default=30, show_default=True)
@click.option("--per-infant", type=click.IntRange(1, 10_000), default=12, show_default=True, help="Stills of each.")
@click.option("--size", type=_Size(), default="480x360", show_default=True, help="Of the pictures.")
@click.option(
    "--face-px", type=(float, float), default=(110.0, 200.0), show_default=True, help="Smallest and largest face."
)
@click.option("--orientation", type=click.Choice(["any", "upright", "sideways"]), default="any", show_default=True)
@click.option("--pain-share", type=NumberRange(0.0, 1.0), default=0.5, show_default=True)
@click.option(
    "--confuser-share",
    type=NumberRange(0.0, 1.0),
    default=0.3,
    show_default=True,
    help="Of the stills without pain: crying, air puff, friction, yawning, sneezing instead of rest.",
)
@click.option("--occluded-share", type=NumberRange(0.0, 1.0), default=0.0, show_default=True, help="A hand.")
@click.option("--carer-share", type=NumberRange(0.0, 1.0), default=0.0, show_default=True, help="A second face.")
@click.option(
    "--cue-correlation",
    type=NumberRange(0.0, 1.0),
    default=None,
    help="Put a coloured label beside the chin whose colour has this correlation with the label.",
)
@click.option("--invert-cue", is_flag=True, help="Turn the cue's link around, as for a test set.")
@click.option(
    "--label-by",
    type=click.Choice(["state", "infant"]),
    default="state",
    show_default=True,
    help="infant: the label depends on the infant only and the face shows nothing.",
)
@click.option("--regions", is_flag=True, help="Write masks of the face's regions and of the cue.")
@click.option("--swapped", is_flag=True, help="Write every still once more with the other cue.")
@click.option("--first-infant", type=click.IntRange(0), default=1000, show_default=True, help="Number of the first.")
def stills(
    *,
    out: Path,
    seed: int,
    jobs: int,
    size: tuple[int, int],
    face_px: tuple[float, float],
    orientation: Any,  # noqa: ANN401 - click hands over one of the choices
    regions: bool,
    swapped: bool,
    **settings: Any,  # noqa: ANN401 - the fields of StillsPlan
) -> None:
    """A set of stills with labels (images.csv), ground truth (truth.json) and, if wanted, masks."""
    _check_faces_fit(face_px, size)
    if settings["cue_correlation"] is None and (swapped or settings["invert_cue"]):
        raise click.BadParameter(
            "there is no cue without --cue-correlation; give it too",
            param_hint="--swapped" if swapped else "--invert-cue",
        )
    view = SessionView(size[0], size[1], face_px, orientation, seed)
    plan = StillsPlan(view, **settings)
    about = {
        "kind": "stills",
        "seed": seed,
        "size_px": size,
        "face_px": face_px,
        "orientation": orientation,
        **settings,
    }
    _write(plan_stills(plan), out, about, jobs, regions=regions, swapped=swapped)


@command.command(epilog=examples("nicu-trainer synthesize cope --out stand-in/cope --scale 0.25"))
@_OUT
@_SEED
@_JOBS
@click.option("--full", is_flag=True, help="The published 204 stills instead of the dissertation's 153.")
@click.option("--scale", type=NumberRange(0.1, 2.5), default=1.0, show_default=True, help="1 is 1504x1000 px.")
@click.option(
    "--difficulty",
    type=click.Choice(["plain", "hard"]),
    default="plain",
    show_default=True,
    help="hard: resting faces and reactions differ from infant to infant, and the shots of an event look alike.",
)
def cope(*, out: Path, seed: int, jobs: int, full: bool, scale: float, difficulty: Difficulty) -> None:
    """A stand-in for COPE: 26 infants, 153 stills, faces large and sideways, the real names with their slips."""
    planned = plan_cope(CopePlan(seed, full, scale, difficulty))
    about = {"kind": "cope", "seed": seed, "full": full, "scale": scale, "difficulty": difficulty}
    _write(planned, out, about, jobs)


@command.command(epilog=examples("nicu-trainer synthesize unifesp --out stand-in/unifesp"))
@_OUT
@_SEED
@_JOBS
def unifesp(*, out: Path, seed: int, jobs: int) -> None:
    """A stand-in for UNIFESP: 30 infants, 356 stills, faces of about 93 px, near-duplicates; labels in labels.csv."""
    rated = plan_unifesp(seed)
    _write([item.planned for item in rated], out, {"kind": "unifesp", "seed": seed}, jobs)
    rows = [(item.planned.name, item.planned.still.subject, item.planned.label.value, item.nfcs) for item in rated]
    write_table(out / "labels.csv", ("image", "subject", "label", "nfcs"), rows)


@command.command(epilog=examples("nicu-trainer synthesize icopevid --out stand-in/icopevid --infants 4 --seconds 2"))
@_OUT
@_SEED
@click.option("--infants", type=click.IntRange(1, 49), default=49, show_default=True)
@click.option("--seconds", type=NumberRange(0.5, 600.0), default=20.0, show_default=True, help="Of each clip.")
@click.option("--fps", type=NumberRange(1.0, 60.0), default=15.0, show_default=True)
def icopevid(*, out: Path, seed: int, infants: int, seconds: float, fps: float) -> None:
    """A stand-in for iCOPEvid: clips named and labelled by the stimulus, 234 of them for all 49 infants."""
    clips = plan_icopevid(seed, infants)
    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("drawing clips", total=len(clips))
        for clip in clips:
            write_clip(clip, out, seconds=seconds, fps=fps)
            progress.advance(task)
    click.echo(f"{len(clips)} clips of {infants} infants: {out}")


@command.command(epilog=examples("nicu-trainer synthesize expressions --out smiles --seed 1"))
@_OUT
@_SEED
@_JOBS
@click.option(
    "--train", type=click.IntRange(4, 100_000), default=3000, show_default=True, help="Pictures to learn from."
)
@click.option("--test", type=click.IntRange(4, 100_000), default=1000, show_default=True, help="Held-out pictures.")
@click.option("--difficulty", type=click.Choice(["plain", "hard"]), default="plain", show_default=True)
def expressions(*, out: Path, seed: int, jobs: int, train: int, test: int, difficulty: Difficulty) -> None:
    """A stand-in for a public set of expressions: grey, tight faces of 64 px, smile or neutral; train.csv, test.csv."""
    planned = plan_expressions(train + test, difficulty, seed)
    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as progress:
        for name, part in (("train", planned[:train]), ("test", planned[train:])):
            task = progress.add_task(f"drawing {name} faces", total=len(part))
            table = write_expressions(part, out, f"{name}.csv", jobs, partial(_advance, progress, task))
            click.echo(f"{len(part)} faces of as many people: {table}")


def _advance(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


@command.command(epilog=examples("nicu-trainer synthesize video --out videos --scenario pain --seconds 60"))
@_OUT
@_SEED
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), default="pain", show_default=True)
@click.option("--seconds", type=NumberRange(0.1, 36_000.0), default=60.0, show_default=True)
@click.option("--fps", type=NumberRange(1.0, 60.0), default=25.0, show_default=True)
@click.option("--size", type=_Size(), default="1280x720", show_default=True)
@click.option(
    "--orientation-deg",
    type=NumberRange(-360.0, 360.0),
    default=None,
    help="Clockwise turn that brings the face upright.",
)
@click.option("--face-px", type=NumberRange(16.0), default=None, help="Width of the face.")
@click.option("--noise", type=NumberRange(0.0, 64.0), default=None, help="Of the camera, in grey levels.")
def video(
    *,
    out: Path,
    seed: int,
    scenario: str,
    seconds: float,
    fps: float,
    size: tuple[int, int],
    orientation_deg: float | None,
    face_px: float | None,
    noise: float | None,
) -> None:
    """A video (H.264, MP4) of one bed, with ground truth for every frame and its episodes (.truth.json)."""
    if face_px is not None and face_px > min(size):
        raise click.BadParameter(
            f"a face of {face_px:g} px does not fit a picture of {size[0]}x{size[1]}", param_hint="--face-px"
        )
    bed = SyntheticBed(
        seed,
        scenario,
        width_px=size[0],
        height_px=size[1],
        fps=fps,
        options=BedOptions(orientation_deg, face_px, noise),
    )
    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("drawing frames", total=max(1, round(seconds * fps)))
        written = write_video(
            bed,
            out / f"{scenario}-{seed}.mp4",
            seconds=seconds,
            fps=fps,
            progress=lambda done: progress.update(task, completed=done),
        )
    click.echo(f"Video: {written.video}. Ground truth: {written.truth}")


@command.command(epilog=examples("nicu-trainer synthesize check --count 100"))
@_SEED
@click.option("--count", type=click.IntRange(1, 100_000), default=300, show_default=True, help="Faces to draw.")
@click.option("--size", type=_Size(), default="640x480", show_default=True)
@click.option("--face-px", type=(float, float), default=(90.0, 240.0), show_default=True)
@click.option("--detector", default=DEFAULT_DETECTOR, show_default=True, help="Bundle that looks for the faces.")
def check(*, seed: int, count: int, size: tuple[int, int], face_px: tuple[float, float], detector: str) -> int:
    """Measure how many unoccluded faces, at any angle, the monitor's detector finds; 99 % pass."""
    _check_faces_fit(face_px, size)
    per_infant = 4
    plan = StillsPlan(
        SessionView(size[0], size[1], face_px, "any", seed),
        infants=max(2, -(-count // per_infant)),
        per_infant=per_infant,
        confuser_share=0.6,
        first_infant=5000,
    )
    planned = plan_stills(plan)[:count]
    finder = open_detector(detector)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("looking for faces", total=len(planned))
        result = measure_findability(planned, finder, lambda done: progress.update(task, completed=done))
    for miss in result.misses:
        click.echo(f"missed {miss.name}: {miss.reason} (at {miss.orientation_deg:.0f} degrees, {miss.face_px:.0f} px)")
    error = sorted(result.point_errors_iod)[len(result.point_errors_iod) // 2] if result.point_errors_iod else 0.0
    click.echo(
        f"{result.faces - len(result.misses)} of {result.faces} faces found ({100.0 * result.share:.2f} %); "
        f"median distance of the five points {error:.3f} inter-ocular distances"
    )
    return 0 if result.share >= _FOUND_SHARE else 1
