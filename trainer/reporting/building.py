"""Makes a report of several runs and writes it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.errors import CheckpointError, DataError, SettingsError
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.clip_results import read_clip_results
from trainer.evaluation.operating import DEFAULT_TARGETS, OperatingTarget
from trainer.reporting.document import DEFAULT_TITLE, Document, Section, anchor
from trainer.reporting.explaining import ExplanationSettings, Progress, draw_beside, explain_run
from trainer.reporting.gathering import Comparison, gather
from trainer.reporting.plotting import chart_style
from trainer.reporting.rendering import as_html, as_markdown, picture_files
from trainer.reporting.sections.checklist import checklist_section
from trainer.reporting.sections.explanation import explanation_section
from trainer.reporting.sections.groups import groups_section, infants_section, stimuli_section
from trainer.reporting.sections.limits import limits_section
from trainer.reporting.sections.overview import data_section, overview_section
from trainer.reporting.sections.performance import calibration_section, confusion_section, roc_section
from trainer.reporting.sections.repeat import repeat_section
from trainer.reporting.sections.results import gap_section, metrics_section, paired_section, table_one_section
from trainer.reporting.sections.training import audit_section, training_section
from trainer.reporting.sections.utility import abstention_section, benefit_section, operating_section
from trainer.reporting.sections.videos import videos_section

__all__ = ["HTML_NAME", "MARKDOWN_NAME", "ReportSettings", "document_of", "write_report"]

HTML_NAME = "report.html"
MARKDOWN_NAME = "report.md"
_PICTURES = "report-pictures"
_EXPLANATIONS = "explanations"
_BANNER = (
    "Research software. Not a medical device; not cleared, certified or validated for clinical use. It must not be "
    "used to start, withhold or change analgesia. No alert does not mean no pain."
)
_SECTIONS: tuple[Callable[[Comparison], Section], ...] = (
    overview_section,
    data_section,
    table_one_section,
    gap_section,
    metrics_section,
    paired_section,
    confusion_section,
    roc_section,
    calibration_section,
    stimuli_section,
    infants_section,
    groups_section,
    videos_section,
    abstention_section,
    benefit_section,
    operating_section,
    audit_section,
    training_section,
    explanation_section,
    limits_section,
    checklist_section,
    repeat_section,
)


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How a report is made.

    Attributes:
        title: Of the page.
        reference: Model that the others are paired with; N-CNN, else the first, if None.
        resamples: Of the intervals that are computed for the report.
        targets: Operating points, chosen on inner infants.
        prevalence: Share of pain in the table of net benefit; that of the pictures if None.
        groups: Columns to group by; all that are known where none is named.
        clips: Folders that `nicu-trainer evaluate-clips` wrote.
        explanation: How much is explained; None explains nothing.
    """

    title: str = DEFAULT_TITLE
    reference: str | None = None
    resamples: int = RESAMPLES
    targets: tuple[OperatingTarget, ...] = DEFAULT_TARGETS
    prevalence: float | None = None
    groups: tuple[str, ...] = ()
    clips: tuple[Path, ...] = ()
    explanation: ExplanationSettings | None = None


def document_of(comparison: Comparison, title: str) -> Document:
    """Return the report of a comparison."""
    with chart_style():
        return Document(title, _BANNER, tuple(make(comparison) for make in _SECTIONS))


def write_report(folders: Sequence[Path], out: Path, settings: ReportSettings, progress: Progress) -> list[Path]:
    """Write report.html, which needs nothing else, and report.md with its pictures in a folder beside it.

    Args:
        folders: Of finished runs.
        out: Where to.
        settings: How.
        progress: Receives the progress of the explanations.

    Returns:
        The two files.

    Raises:
        DataError: A folder is no run, or its run is not finished.
        SettingsError: No run is of the reference model.
        CheckpointError: A file cannot be written.
    """
    comparison = replace(
        gather(folders, settings.reference, settings.resamples, settings.groups),
        targets=settings.targets,
        prevalence=settings.prevalence,
        groups=settings.groups,
        clips=tuple(read_clip_results(folder) for folder in settings.clips),
    )
    if settings.explanation is not None:
        comparison = _explained(comparison, out, settings.explanation, progress)
    document = document_of(comparison, settings.title)
    for name, content in picture_files(document).items():
        write_atomically(out / _PICTURES / name, content)
    write_atomically(out / MARKDOWN_NAME, as_markdown(document, _PICTURES).encode())
    write_atomically(out / HTML_NAME, as_html(document).encode())
    return [out / HTML_NAME, out / MARKDOWN_NAME]


def _explained(comparison: Comparison, out: Path, settings: ExplanationSettings, progress: Progress) -> Comparison:
    """Explain one run of each model and data set: the strict one where there is one."""
    explained, unexplained = {}, {}
    done: dict[tuple[str, str], str] = {}
    for part in sorted(comparison.reported, key=lambda part: part.entry.protocol != "strict"):
        entry = part.entry
        if not part.is_network:
            continue
        if (entry.model, entry.data) in done:
            unexplained[entry.name] = f"the run {done[entry.model, entry.data]} of the same model is"
            continue
        try:
            folder = out / _EXPLANATIONS / part.key
            explained[entry.name] = explain_run(part.run, folder, settings, progress)
        except (DataError, CheckpointError, SettingsError) as error:
            unexplained[entry.name] = str(error)
        else:
            done[entry.model, entry.data] = entry.name
    comparison = replace(comparison, explained=explained, unexplained=unexplained)
    return replace(comparison, beside=_beside(comparison, out / _EXPLANATIONS, settings))


def _beside(comparison: Comparison, folder: Path, settings: ExplanationSettings) -> dict[str, Path]:
    """Draw the explained runs on each data set side by side where there are several."""
    by_data = {}
    for data in comparison.data:
        parts = [part for part in comparison.of(data) if part.entry.name in comparison.explained]
        if len(parts) < 2:
            continue
        names = [part.entry.name for part in parts]
        with suppress(DataError, CheckpointError):  # why is said of each run by itself
            by_data[data] = draw_beside([part.run for part in parts], names, folder / anchor(data), settings)
    return by_data
