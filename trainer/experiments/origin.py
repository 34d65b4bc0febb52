"""Whether pictures are of infants or synthetic."""

from trainer.crops import Study

__all__ = ["is_synthetic"]

_TRUTH_NAME = "truth.json"


def is_synthetic(study: Study) -> bool:
    """Return whether pictures lie beside, or below, the ground truth that `nicu-trainer synthesize` leaves."""
    folders = {study.manifest.path(record).parent for record in study.records}
    return any((candidate / _TRUTH_NAME).is_file() for folder in folders for candidate in (folder, folder.parent))
