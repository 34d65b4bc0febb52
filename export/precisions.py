"""Which precisions are made unless others are asked for."""

from monitor.inference.manifest import Precision

__all__ = ["DEFAULT_PRECISIONS"]

DEFAULT_PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16")
