"""`nicu-monitor replay`: a recorded video through the same chain as a live camera."""

import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

import click
import numpy as np
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from monitor.cli_framework import refuse_overwriting
from monitor.config import StationConfig
from monitor.config.file import read_config
from monitor.errors import ConfigError, MonitorError, VideoError
from monitor.faces.drawing import draw_banner, draw_faces
from monitor.faces.patient_tracker import FrameFaces
from monitor.pain.vocabulary import Observation, Transition
from monitor.pipeline.models import ModelSet
from monitor.replay.records import observation_record
from monitor.replay.replay import Replay, ReplayStep
from monitor.video.writer import VideoWriter

__all__ = ["command"]

_EPILOG = """\b
Examples:
  nicu-monitor replay bed.mp4
  nicu-monitor replay bed.mp4 --alerts alerts.jsonl --observations seen.jsonl --annotate seen.mp4
  nicu-monitor replay bed.mp4 --config station.yaml --bed bed-1 --json
"""


@click.command(epilog=_EPILOG)
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--bed", "bed_id", help="Which bed of the configuration; its only one when absent.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Station configuration; defaults else.")
@click.option("--alerts", type=click.Path(path_type=Path), help="Write one JSON line for each alert.")
@click.option("--observations", type=click.Path(path_type=Path), help="Write one JSON line for each analysed frame.")
@click.option("--annotate", type=click.Path(path_type=Path), help="Write an MP4 with boxes, points, level and alarms.")
@click.option("--every-frame", is_flag=True, help="Analyse every picture instead of analysis.frames_per_second.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    video: Path,
    bed_id: str | None,
    config_file: Path | None,
    alerts: Path | None,
    observations: Path | None,
    annotate: Path | None,
    *,
    every_frame: bool,
    as_json: bool,
) -> None:
    """Run the file VIDEO through face detection, classifier and alarm logic, as if it came from a camera.

    Every due frame is analysed, whatever the machine's speed; the same file, configuration and models give the same
    result. Nothing is sent to Redis.
    """
    refuse_overwriting(
        {"--alerts": alerts, "--observations": observations, "--annotate": annotate}, [video, config_file]
    )
    config, bed = _configuration(config_file, bed_id)
    models = ModelSet(config.models, config.faces)
    rate = None if every_frame else config.analysis.frames_per_second
    replay = Replay(video, config, bed, models, rate, deliver_all=annotate is not None)
    with replay, _Outputs(replay, bed, config.alarms.on_level, alerts, observations, annotate) as outputs:
        fault = _run(replay, outputs)
    summary = outputs.summary(video)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _print_summary(summary)
    if fault is not None:
        raise fault


def _configuration(config_file: Path | None, bed_id: str | None) -> tuple[StationConfig, str]:
    if config_file is None:
        name = bed_id or "bed-1"
        try:
            return StationConfig.model_validate({"beds": [{"id": name, "camera": {"url": "synthetic://calm"}}]}), name
        except ValidationError:
            raise click.UsageError(
                f"--bed {name!r} is no name of a bed: up to 63 letters, digits and `_.-`, a letter or digit first"
            ) from None
    config = read_config(config_file)
    names = [bed.id for bed in config.beds]
    if not names:
        raise ConfigError(f"{config_file} has no beds of its own, for they are shared; write one into a copy of it")
    if bed_id is None and len(names) > 1:
        raise ConfigError(f"{config_file} has the beds {', '.join(names)}; say which one with --bed")
    if bed_id is not None and bed_id not in names:
        raise ConfigError(f"{config_file} has no bed {bed_id!r}; it has {', '.join(names)}")
    return config, bed_id or names[0]


def _run(replay: Replay, outputs: "_Outputs") -> VideoError | None:
    """Go through the file; a fault at its end is returned, so that what came before is not lost."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=replay.duration_seconds)
        try:
            for step in replay:
                outputs.take(step)
                progress.update(task, completed=step.frame.time_seconds)
        except VideoError as error:
            return error
    return None


class _Outputs:
    """The files that a replay writes, and what it counts."""

    def __init__(
        self,
        replay: Replay,
        bed: str,
        on_level: float,
        alerts: Path | None,
        observations: Path | None,
        annotate: Path | None,
    ) -> None:
        self._replay = replay
        self._bed = bed
        self._on_level = on_level
        self._stack = ExitStack()
        self._paths = (alerts, observations, annotate)
        self._alerts: IO[str] | None = None
        self._observations: IO[str] | None = None
        self._writer: VideoWriter | None = None
        self._present: dict[str, Transition] = {}
        self._last: tuple[FrameFaces | None, Observation] | None = None
        self._changes: Counter[tuple[str, str]] = Counter()
        self._analysed = self._with_face = self._pictures = 0
        self._end_seconds = 0.0

    def __enter__(self) -> Self:
        alerts, observations, annotate = self._paths
        try:
            self._alerts = self._open(alerts)
            self._observations = self._open(observations)
            if annotate is not None:
                self._writer = self._stack.enter_context(VideoWriter(annotate, self._replay.video_frames_per_second))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, path: Path | None) -> IO[str] | None:
        if path is None:
            return None
        try:
            return self._stack.enter_context(path.open("w", encoding="utf-8"))
        except OSError as error:
            raise MonitorError(f"{path} cannot be written: {error.strerror}; give another path") from error

    def take(self, step: ReplayStep) -> None:
        """Count and write one picture."""
        self._pictures += 1
        self._end_seconds = step.frame.time_seconds
        if step.result is not None:
            self._analysed += 1
            frame_faces = step.result.frame_faces
            self._with_face += frame_faces is not None and frame_faces.patient is not None
            self._last = (frame_faces, step.result.observation)
            if self._observations is not None:
                _write(self._observations, observation_record(step.result, self._bed))
        for transition in step.transitions:
            self._changes[transition.code, transition.phase] += 1
            self._present[transition.code] = transition
        for alert in step.alerts:
            if self._alerts is not None:
                _write(self._alerts, alert.model_dump(mode="json"))
        if self._writer is not None and self._last is not None:
            image = np.array(step.frame.image)
            frame_faces, observation = self._last
            if frame_faces is not None:
                draw_faces(image, frame_faces)
            present = [item for item in self._present.values() if item.condition_present]
            draw_banner(image, step.frame.time_seconds, observation, present, self._on_level)
            self._writer.write(image, step.frame.time_seconds)

    def summary(self, video: Path) -> dict[str, Any]:
        """Return what was counted."""
        alerts: dict[str, dict[str, int]] = {}
        for (code, phase), count in sorted(self._changes.items()):
            alerts.setdefault(code, {})[phase] = count
        return {
            "video": os.fspath(video),
            "bed": self._bed,
            "seconds": round(self._end_seconds, 3),
            "frames_analysed": self._analysed,
            "share_with_face": round(self._with_face / self._analysed, 4) if self._analysed else None,
            "alerts": alerts,
        }


def _write(file: IO[str], record: dict[str, Any]) -> None:
    file.write(json.dumps(record, separators=(",", ":")) + "\n")


def _print_summary(summary: dict[str, Any]) -> None:
    share = summary["share_with_face"]
    click.echo(
        f"{summary['video']}: {summary['seconds']:.1f} s, {summary['frames_analysed']} frames analysed, "
        f"a patient's face in {0 if share is None else share:.1%} of them"
    )
    for code, phases in summary["alerts"].items():
        click.echo(f"  {code}: " + ", ".join(f"{count} {phase}" for phase, count in phases.items()))
    if not summary["alerts"]:
        click.echo("  no alert (which does not mean no pain)")
