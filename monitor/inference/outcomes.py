"""Which version of an engine a bundle was verified with: read from the record of its verification."""

import json

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import EngineName, Variant

__all__ = ["REPORT_NAME", "verified_version"]

REPORT_NAME = "verification.json"


def verified_version(bundle: Bundle, variant: Variant, engine: EngineName) -> str | None:
    """Return the version of an engine that a model file was last compared with; None where the bundle does not say.

    Args:
        bundle: With a record of its verification, or without.
        variant: The model file.
        engine: What it was compared with.
    """
    try:
        record = json.loads(bundle.read(REPORT_NAME))
        for row in record["rows"]:
            if (row["file"], row["engine"]) == (variant.file, engine):
                return str(row["engine_version"])
    except (BundleError, ValueError, TypeError, KeyError):
        pass  # no record, or one of another form: nothing is known
    return None
