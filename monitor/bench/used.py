"""What a station's processes have used, as the kernel counts it (proc(5))."""

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitor.telemetry.process_use import cpu_seconds, own_bytes

__all__ = ["Used", "resident_megabytes"]

_PROCESSES = Path("/proc")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Used:
    """CPU time and context switches of this process and of its camera processes."""

    user_seconds: float
    kernel_seconds: float
    voluntary_switches: int
    involuntary_switches: int

    @classmethod
    def now(cls, others: Iterable[int] = ()) -> Self:
        """Return what was used so far.

        Args:
            others: Numbers of further processes; one that has ended counts nothing.
        """
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used = cls(usage.ru_utime, usage.ru_stime, usage.ru_nvcsw, usage.ru_nivcsw)
        for process in others:
            used = used._plus(process)
        return used

    @property
    def cpu_seconds(self) -> float:
        """User and kernel together."""
        return self.user_seconds + self.kernel_seconds

    def since(self, before: Self) -> Self:
        """Return what was used since an earlier moment."""
        return type(self)(
            self.user_seconds - before.user_seconds,
            self.kernel_seconds - before.kernel_seconds,
            self.voluntary_switches - before.voluntary_switches,
            self.involuntary_switches - before.involuntary_switches,
        )

    def _plus(self, process: int) -> Self:
        try:
            switches = [_switches(task / "status") for task in (_PROCESSES / str(process) / "task").iterdir()]
        except OSError:
            return self
        user, kernel = cpu_seconds(process) or (0.0, 0.0)
        return type(self)(
            self.user_seconds + user,
            self.kernel_seconds + kernel,
            self.voluntary_switches + sum(voluntary for voluntary, _ in switches),
            self.involuntary_switches + sum(involuntary for _, involuntary in switches),
        )


def resident_megabytes(others: Iterable[int] = ()) -> float:
    """Return how much of this process and of others lies in memory now, in units of 10^6 bytes.

    Args:
        others: Numbers of further processes. What they share with this one as memory counts here alone.
    """
    pages = int((_PROCESSES / "self" / "statm").read_text(encoding="ascii").split()[1])
    total = pages * os.sysconf("SC_PAGE_SIZE")
    for process in others:
        total += own_bytes(process) or 0
    return total / _MEGABYTE


def _switches(status: Path) -> tuple[int, int]:
    fields = _fields(status)
    return int(fields.get("voluntary_ctxt_switches", "0")), int(fields.get("nonvoluntary_ctxt_switches", "0"))


def _fields(status: Path) -> dict[str, str]:
    try:
        lines = status.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
