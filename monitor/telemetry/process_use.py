"""What another process of this machine takes: memory and CPU time (proc(5))."""

import os
from pathlib import Path

__all__ = ["cpu_seconds", "own_bytes"]

_KILOBYTE = 1024


def own_bytes(process: int) -> int | None:
    """Return what a process holds in memory, in bytes, without memory that it shares with others by intent.

    Args:
        process: Its number; None is returned where it has ended, or where the system does not say.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return _KILOBYTE * sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile"))
    except (OSError, KeyError, ValueError):
        return None


def cpu_seconds(process: int) -> tuple[float, float] | None:
    """Return the CPU time that a process has used, of the program and of the kernel for it, in seconds.

    Args:
        process: Its number; None is returned where it has ended.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        # After the program's name, which may hold anything: user and kernel time are fields 14 and 15 of all.
        user, kernel = (int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in text.rpartition(")")[2].split()[11:13])
    except (OSError, ValueError):
        return None
    return user, kernel
