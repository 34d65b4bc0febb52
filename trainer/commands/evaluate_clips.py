"""`nicu-trainer evaluate-clips`: the whole monitor on labelled videos."""

from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import NumberRange, examples
from trainer.clips.limits import MOST_ALARM_TIME
from trainer.evaluation.bootstrap import RESAMPLES

__all__ = ["command", "summary_lines"]


@click.command(
    name="evaluate-clips",
    epilog=examples(
        "nicu-trainer evaluate-clips runs/ncnn clips.csv --config station.yaml --out runs/clips",
        "nicu-trainer evaluate-clips ncnn-demo icopevid --false-alarms 2 --out runs/clips",
    ),
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("clips", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Station configuration; defaults else.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the results.")
@click.option(
    "--false-alarms",
    type=NumberRange(0.0),
    help="Choose alarm settings for at most so many an hour, on other infants than they are tested on.",
)
@click.option(
    "--alarm-time",
    type=NumberRange(0.0, 1.0),
    default=MOST_ALARM_TIME,
    show_default=True,
    help="Settings that --false-alarms chooses are in alarm for at most this share of the time without pain.",
)
@click.option(
    "--episodes-per-hour",
    type=NumberRange(0.0, min_open=True),
    default=1.0,
    show_default=True,
    help="Of pain at the bedside, for the positive predictive value.",
)
@click.option("--resamples", type=click.IntRange(100, 100_000), default=RESAMPLES, show_default=True)
def command(
    *,
    source: Path,
    clips: Path,
    config: Path | None,
    out: Path,
    false_alarms: float | None,
    alarm_time: float,
    episodes_per_hour: float,
    resamples: int,
) -> None:
    """Run SOURCE (a bundle, a model or a strict run) as a station would on the videos of CLIPS, and count its alarms.

    CLIPS is a table with the columns file, infant, start_s, end_s, label, stimulus and optionally nfcs, or a folder
    whose videos bear iCOPEvid's names. Every video is scored once; the scores are stored in the folder, so that other
    alarm settings need no detection. With a run, each infant is scored by the fold that did not see it.
    """
    from monitor.config import StationConfig
    from monitor.config.file import read_config
    from trainer.clips import ClipSettings, evaluate_clips, read_clips
    from trainer.clips.evaluation import STATION_NAME
    from trainer.clips.sources import opened_source
    from trainer.evaluation.clip_results import CLIPS_NAME

    station = (
        StationConfig.model_validate({"beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}]})
        if config is None
        else read_config(config)
    )
    labelled = read_clips(clips)
    settings = ClipSettings(episodes_per_hour, false_alarms, resamples, alarm_time)
    with opened_source(source, labelled, station, out / "scores") as (score, title, evaluated):
        results = evaluate_clips(labelled, station, score, out, title, settings, evaluated)
    for line in summary_lines(results):
        click.echo(line)
    if false_alarms is not None:
        click.echo(f"Chosen settings: {out / STATION_NAME}")
    click.echo(f"Results: {out / CLIPS_NAME}. `nicu-trainer report --clips` and `fit --clips` take them up.")


def summary_lines(results: dict[str, Any]) -> list[str]:
    """Return the main measures for people."""
    delay = results["delay"]["median_s"]
    predictive = results["positive_predictive_value"]
    lines = [
        f"{results['videos']} videos of {results['infants']} infants, {results['hours']:.2f} h; {results['model']}.",
        f"episodes found         {results['found']} of {results['episodes']}: {_shown(results['sensitivity'])}",
        f"  alarm on already     {results['episodes_with_alarm_on_already']} episodes; only a new alarm finds one",
        f"  with a usable face   {_shown(results['sensitivity_on_usable_time'])}",
        f"false alarms an hour   {_shown(results['false_alarms_per_hour'])} ({results['false_alarms']} in all)",
        f"median delay           {'-' if delay is None else f'{delay:.1f} s'}, misses censored",
        f"alarm outside pain     {_shown(results['alarm_time_outside_pain'])} of that time",
        f"coverage               {_shown(results['coverage'])} of the time with a usable face",
        f"alarms that are right  {_shown(predictive)} at {predictive['episodes_per_hour']:g} episodes an hour",
        f"clip AUC, mean score   {_shown(results['clip_auc']['mean'])}",
    ]
    if "tuned" in results:
        held = results["tuned"]["on_other_infants"]
        lines.append(
            f"chosen settings, other infants: sensitivity {_shown(held['sensitivity'])}, false alarms an hour "
            f"{_shown(held['false_alarms_per_hour'])}, alarm outside pain {_shown(held['alarm_time_outside_pain'])}"
        )
    return lines


def _shown(interval: dict[str, Any]) -> str:
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
