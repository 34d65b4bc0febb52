"""The machine of a measurement."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import onnxruntime

from monitor.inference.processor import describe_processor
from monitor.video.gst import gstreamer

__all__ = ["Machine", "count_physical_cores", "describe_machine"]

_MEGABYTE = 1_000_000
_PROCESSORS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer at one moment.

    Attributes:
        cores: That this process may use, each thread of a core counted.
        physical_cores: How many different cores these are, which is fewer where some are threads of one core; None
            where the kernel does not say. A virtual machine may see two cores where the host has two threads of one.
        memory_megabytes: Of the machine.
        model: Processor: name, family, model, widest vectors.
        load_average: Over the last minute: runnable processes of all users. Far above what the benchmark itself makes
            busy, wall times mean little.
        kernel: Name and version.
        python: Version.
        onnxruntime: Version.
        openvino: Version; None where it is not installed.
        gstreamer: Version.
        opencv: Version.
    """

    cores: int
    physical_cores: int | None
    memory_megabytes: float
    model: str
    load_average: float
    kernel: str
    python: str
    onnxruntime: str
    openvino: str | None
    gstreamer: str
    opencv: str


def describe_machine() -> Machine:
    """Return the state of the machine now."""
    usable = os.sched_getaffinity(0)
    return Machine(
        cores=len(usable),
        physical_cores=count_physical_cores(usable),
        memory_megabytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE,
        model=describe_processor(),
        load_average=os.getloadavg()[0],
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        onnxruntime=str(onnxruntime.__version__),
        openvino=_version_of("openvino"),
        gstreamer=".".join(str(part) for part in gstreamer().version()[:3]),
        opencv=str(cv2.__version__),
    )


def count_physical_cores(usable: Iterable[int], processors: Path = _PROCESSORS) -> int | None:
    """Return on how many different cores these processors run.

    Args:
        usable: Numbers of processors, as Linux counts them.
        processors: Where the kernel describes them.

    Returns:
        None where the kernel does not say.
    """
    try:
        return len({(processors / f"cpu{one}/topology/thread_siblings_list").read_text() for one in usable})
    except OSError:
        return None


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
