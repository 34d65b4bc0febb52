"""With which kernels a bundle was verified: read from the record of its verification."""

import json
from typing import NamedTuple

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import EngineName, Variant

__all__ = ["REPORT_NAME", "Kernels", "verified_kernels"]

REPORT_NAME = "verification.json"


class Kernels(NamedTuple):
    """What decides which kernels compute a model.

    Attributes:
        engine_version: Of the engine.
        processor_units: Of the processor, see `monitor.inference.processor.kernel_units`; empty for a GPU, None where
            it is not recorded.
    """

    engine_version: str
    processor_units: str | None

    def in_words(self, *, with_units: bool) -> str:
        """Return the version, and the processor's units where they are asked for."""
        units = f" on a processor with {self.processor_units or 'unknown units'}" if with_units else ""
        return f"{self.engine_version}{units}"


def verified_kernels(bundle: Bundle, variant: Variant, engine: EngineName) -> Kernels | None:
    """Return with which kernels a model file was last compared; None where the bundle does not say.

    Args:
        bundle: With a record of its verification, or without.
        variant: The model file.
        engine: What it was compared with.
    """
    try:
        record = json.loads(bundle.read(REPORT_NAME))
        for row in record["rows"]:
            if (row["file"], row["engine"]) == (variant.file, engine):
                return Kernels(row["engine_version"], row.get("processor_units"))
    except (BundleError, ValueError, TypeError, KeyError):
        pass  # no record, or one of another form: nothing is known
    return None
