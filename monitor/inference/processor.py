"""What this machine's processor computes with fewer bits than 32, and so faster."""

from functools import cache
from pathlib import Path

__all__ = ["describe_units", "has_bf16", "int8_units", "units_of"]

# As Linux names them: Intel and AMD under `flags`, ARM under `Features`.
_INT8 = ("amx_int8", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "i8mm", "asimddp")
_BF16 = ("amx_bf16", "avx512_bf16", "bf16")


def units_of(cpuinfo: str) -> frozenset[str]:
    """Return the units for int8 and bf16 that a text like /proc/cpuinfo names."""
    for line in cpuinfo.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() in {"flags", "Features"}:
            return frozenset(rest.split()).intersection((*_INT8, *_BF16))
    return frozenset()


@cache
def _units() -> frozenset[str]:
    try:
        return units_of(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return frozenset()


def has_bf16() -> bool:
    """Return whether this processor computes with bf16."""
    return not _units().isdisjoint(_BF16)


def int8_units() -> tuple[str, ...]:
    """Return the units of this processor for dot products of 8-bit integers."""
    return tuple(unit for unit in _INT8 if unit in _units())


def describe_units() -> str:
    """Return one sentence about this processor's units for fewer bits."""
    found = [unit for unit in (*_INT8, *_BF16) if unit in _units()]
    if not found:
        return "this processor has neither VNNI nor AMX: int8 gains little or nothing here, and bf16 cannot run"
    return f"this processor has {', '.join(found)}" + ("" if has_bf16() else ": int8 may pay, bf16 cannot run")
