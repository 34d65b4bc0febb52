"""Reports: one page about several runs, as HTML and as Markdown."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names
from trainer.reporting.document import DEFAULT_TITLE

if TYPE_CHECKING:
    from trainer.reporting.building import ReportSettings, document_of, write_report
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

_DEFINED_IN = {
    "trainer.reporting.building": ("ReportSettings", "document_of", "write_report"),
    "trainer.reporting.explaining": ("ExplanationSettings", "Progress"),
    "trainer.reporting.gathering": ("Comparison", "gather"),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
