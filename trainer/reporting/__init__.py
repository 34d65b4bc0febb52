"""Reports: one page about several runs, as HTML and as Markdown."""

from trainer.reporting.building import DEFAULT_TITLE, ReportSettings, document_of, write_report
from trainer.reporting.explaining import ExplanationSettings, Progress
from trainer.reporting.gathering import Comparison, gather

__all__ = [
    "DEFAULT_TITLE",
    "Comparison",
    "ExplanationSettings",
    "Progress",
    "ReportSettings",
    "document_of",
    "gather",
    "write_report",
]
