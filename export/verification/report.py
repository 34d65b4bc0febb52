"""What verification found: the record in the bundle, and the table for people."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from export.verification.differences import Differences
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import MANIFEST_NAME, EngineName, Outcome, Precision
from monitor.inference.outcomes import REPORT_NAME

__all__ = ["REPORT_NAME", "Report", "Row", "bundle_files", "read_report", "report_lines"]


def bundle_files(bundle: Bundle) -> list[Path]:
    """Return every file that is or may become part of a bundle, so that no result is written over one."""
    return [bundle.path / name for name in (MANIFEST_NAME, REPORT_NAME, *bundle.manifest.files)]


class Row(BaseModel):
    """One model file run by one engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    file_sha256: str
    precision: Precision
    size_px: int
    engine: EngineName
    engine_version: str
    processor_units: str | None = Field(
        default=None, description="By which the engine chose its kernels; empty for a GPU, null in older records."
    )
    plan: str | None = Field(default=None, description="File name of the TensorRT plan that was run.")
    outcome: Outcome
    reasons: tuple[str, ...] = Field(description="Why it failed; empty where it passed.")
    figures: Differences | None = Field(description="None where the engine could not run the file at all.")

    @property
    def sentence(self) -> str:
        """The outcome in words, for the side-car of a plan."""
        if self.figures is None or self.reasons:
            return f"{self.outcome}: {'; '.join(self.reasons)}"
        return f"{self.outcome}: scores differ by at most {self.figures.score_maximum:.4f} from the trained network's"


class Report(BaseModel):
    """All rows of one bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["nicu-pain-monitor/verification/1"] = Field(
        default="nicu-pain-monitor/verification/1", alias="schema"
    )
    reference: str = "PyTorch fp32 at the time of the export, on the golden pictures in golden.npz"
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.outcome == "passed" for row in self.rows)

    def merged_with(self, older: "Report | None") -> "Report":
        """Return a report that keeps an older one's rows of other engines for files that are the same."""
        if older is None:
            return self
        done = {(row.file, row.engine) for row in self.rows}
        hashes = {row.file: row.file_sha256 for row in self.rows}
        retained = tuple(
            row
            for row in older.rows
            if (row.file, row.engine) not in done and hashes.get(row.file, row.file_sha256) == row.file_sha256
        )
        return self.model_copy(update={"rows": (*self.rows, *retained)})


def read_report(bundle: Bundle) -> Report | None:
    """Return what verifications of a bundle found; None where there was none that can be read.

    Raises:
        BundleError: The record is damaged.
    """
    if REPORT_NAME not in bundle.manifest.files:
        return None
    try:
        return Report.model_validate_json(bundle.read(REPORT_NAME))
    except ValidationError:
        return None


def report_lines(report: Report) -> list[str]:
    """Return the PASS/FAIL table, one line a row; the reasons of a failure follow on lines of their own."""
    lines = [
        _line(
            "",
            "model",
            "engine",
            ("score max", "score p99", "flips", "visible", "IoU min", "points", "level", "alarms"),
        )
    ]
    for row in report.rows:
        lines.append(_line("PASS" if row.outcome == "passed" else "FAIL", row.file, row.engine, _cells(row.figures)))
        lines += [f"      {reason}" for reason in row.reasons]
    return lines


def _line(verdict: str, model: str, engine: str, cells: tuple[str, ...]) -> str:
    return f"{verdict:<4}  {model:<20}  {engine:<12}" + "".join(f"{cell:>11}" for cell in cells)


def _cells(figures: Differences | None) -> tuple[str, ...]:
    if figures is None:
        return ("-",) * 8
    alarms = "-" if figures.timeline_equal is None else ("same" if figures.timeline_equal else "other")
    return (
        f"{figures.score_maximum:.2g}",
        f"{figures.score_p99:.2g}",
        str(figures.flips),
        _number(figures.visibility_maximum, ".2g"),
        _number(figures.minimum_iou, ".3f"),
        _number(figures.point_px_maximum if figures.landmark_error is None else figures.landmark_error, ".3f"),
        _number(figures.level_maximum, ".2g"),
        alarms,
    )


def _number(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, style)
