"""The machine of a measurement."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from monitor.inference.processor import describe_processor

__all__ = ["Machine", "describe_machine", "resident_megabytes"]

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer at one moment.

    Attributes:
        cores: That this process may use.
        model: Processor: name, family, model, widest vectors.
        load_average: Over the last minute: runnable processes of all users. Far above what the benchmark itself makes
            busy, wall times mean little.
        python: Version.
        onnxruntime: Version.
    """

    cores: int
    model: str
    load_average: float
    python: str
    onnxruntime: str


def describe_machine() -> Machine:
    """Return the state of the machine now."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        model=describe_processor(),
        load_average=os.getloadavg()[0],
        python=platform.python_version(),
        onnxruntime=str(onnxruntime.__version__),
    )


def resident_megabytes() -> float:
    """Return how much of this process lies in memory now, in units of 10^6 bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
