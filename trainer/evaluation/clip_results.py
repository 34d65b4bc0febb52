"""What `nicu-trainer evaluate-clips` wrote, read back for a report and a model card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import DataError
from trainer.evaluation.run_summary import interval_text
from trainer.evaluation.tables import Table

__all__ = ["CLIPS_NAME", "ClipResults", "Evaluated", "clips_tables", "read_clip_results"]

CLIPS_NAME = "clips.json"
_MEASURES = {
    "sensitivity": "episodes found",
    "sensitivity_on_usable_time": "episodes found, usable face",
    "false_alarms_per_hour": "false alarms an hour",
    "alarm_time_outside_pain": "share of the time without pain in alarm",
    "coverage": "time with a usable face",
    "positive_predictive_value": "alarms that are right",
}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What scored the videos.

    Attributes:
        kind: "bundle", "model" or "run".
        name: Of the bundle, the model, or the run's folder.
        sha256: Of the model's file, the files of all the run's networks, or what determines the bundle's answers.
    """

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ClipResults:
    """One evaluation.

    Attributes:
        folder: Where it lies.
        content: Of clips.json.
    """

    folder: Path
    content: dict[str, Any]

    @property
    def title(self) -> str:
        """What was evaluated, in words."""
        return str(self.content["model"])

    @property
    def evaluated(self) -> Evaluated | None:
        """What scored the videos; None in results of earlier versions."""
        found = self.content.get("evaluated")
        return None if found is None else Evaluated(**found)

    @property
    def size_text(self) -> str:
        """How much was watched."""
        content = self.content
        return (
            f"{content['videos']} videos of {content['infants']} infants, {content['hours']:.2f} h, "
            f"{content['episodes']} episodes of pain"
        )


def read_clip_results(folder: Path) -> ClipResults:
    """Read an evaluation of labelled videos.

    Args:
        folder: That `nicu-trainer evaluate-clips` wrote, or its clips.json.

    Raises:
        DataError: There is none, it is damaged, or of a version that counted otherwise.
    """
    path = folder if folder.suffix == ".json" else folder / CLIPS_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no {path}; `nicu-trainer evaluate-clips` writes one") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not {"model", "sensitivity", "delay", *_MEASURES} <= set(content):
        raise DataError(f"{path} is not what `nicu-trainer evaluate-clips` writes")
    if "episodes_found_by_the_alarm_before" not in content:
        raise DataError(
            f"{path} is of an earlier version, which counted otherwise; run `nicu-trainer evaluate-clips` again"
        )
    return ClipResults(path.parent, content)


def clips_tables(results: ClipResults) -> list[Table]:
    """Return the measures, the false alarms by stimulus, and those at chosen settings, of one evaluation."""
    content = results.content
    columns = {"the station's settings": content}
    if "tuned" in content:
        columns["chosen settings, other infants"] = content["tuned"]["on_other_infants"]
    rows = [
        [words, *(interval_text(measured[name]) for measured in columns.values())] for name, words in _MEASURES.items()
    ]
    rows.append(["median delay, misses censored (s)", *(_delay(measured) for measured in columns.values())])
    areas = content.get("clip_auc", {})
    rows += [
        [f"clip AUC, {rule} score", interval_text(areas[rule]), *["-"] * (len(columns) - 1)]
        for rule in ("mean", "maximum", "share")
        if rule in areas
    ]
    rate = content["positive_predictive_value"]["episodes_per_hour"]
    note = (
        f"{results.size_text}. 95 % intervals over infants (none for fewer than 5), that of the median delay over "
        "episodes, as if each was of another infant: too narrow where few have most. Alarms that are right: at "
        f"{rate:g} episodes of pain an hour. An episode is found by an alarm that begins from its begin to 5 s after "
        "its end, or by that of the episode before if it still sounds and that ended at most 30 s ago "
        f"({content['episodes_found_by_the_alarm_before']} of the {content['episodes_with_alarm_on_already']} that "
        "began when an alarm was on); these have no delay. An alarm that does not end is one false alarm at most: the "
        "time in alarm says more."
    )
    if (seconds := content.get("person_seconds")) is not None:
        note += f" An alarm whose face was lost is taken to be acknowledged by a person {seconds:g} s later."
    tables = [Table(f"Labelled videos: {results.title}", ["Measure", *columns], rows, note)]
    by_stimulus = [
        [name, f"{found['hours']:.2f}", str(found["false_alarms"]), interval_text(found["per_hour"])]
        for name, found in content.get("false_alarms_by_stimulus", {}).items()
    ]
    if by_stimulus:
        head = ["Stimulus", "Hours", "False alarms", "An hour"]
        tables.append(Table(f"False alarms by stimulus: {results.title}", head, by_stimulus))
    return tables


def _delay(measured: dict[str, Any]) -> str:
    median = measured["delay"]["median_s"]
    return "-" if median is None else f"{median:.1f}"
