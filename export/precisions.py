"""Which precisions a network is written in."""

from monitor.inference.manifest import Precision

__all__ = ["DEFAULT_PRECISIONS"]

DEFAULT_PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16")
"""Made unless others are asked for."""
