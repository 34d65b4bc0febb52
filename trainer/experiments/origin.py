"""Whether pictures are of infants or drawn."""

from trainer.crops import Study

__all__ = ["is_drawn"]

_TRUTH_NAME = "truth.json"


def is_drawn(study: Study) -> bool:
    """Return whether pictures lie beside, or below, the ground truth that `nicu-trainer synthesize` leaves."""
    folders = {study.manifest.path(record).parent for record in study.records}
    return any((place / _TRUTH_NAME).is_file() for folder in folders for place in (folder, folder.parent))
