"""How much memory another process of this machine takes for itself (proc(5))."""

from pathlib import Path

__all__ = ["own_bytes"]

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
