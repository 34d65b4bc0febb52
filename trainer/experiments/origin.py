"""Whether pictures are of infants or synthetic."""

from trainer.crops import Study
from trainer.data.synthetic_mark import is_marked

__all__ = ["is_synthetic"]

_TRUTH_NAME = "truth.json"


def is_synthetic(study: Study) -> bool:
    """Return whether some picture is synthetic: its file bears the mark, or lies beside or below the ground truth.

    Both are left by `nicu-trainer synthesize`; the mark stays with every file.
    """
    folders = {study.manifest.path(record).parent for record in study.records}
    beside = any((candidate / _TRUTH_NAME).is_file() for folder in folders for candidate in (folder, folder.parent))
    return beside or any(is_marked(study.manifest.path(record)) for record in study.records)
