"""This machine's processor: its name, how wide its vectors are, and what it computes with fewer bits than 32."""

import platform
from collections.abc import Collection
from functools import cache
from pathlib import Path

__all__ = [
    "describe_processor",
    "describe_units",
    "has_bf16",
    "kernel_units",
    "kernel_units_here",
    "processor_name",
    "units_of",
]

# As Linux names them: Intel and AMD under `flags`, ARM under `Features`.
_INT8 = ("amx_int8", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "i8mm", "asimddp")
_BF16 = ("amx_bf16", "avx512_bf16", "bf16")
_VECTORS = ("avx512f", "avx2", "avx", "sve", "asimd", "sse2")
"""The widest first. A network runs about twice as fast with AVX-512 as with AVX2 on processors of one name."""


def processor_name(cpuinfo: str, otherwise: str) -> str:
    """Return name, family, model and widest vectors from a text like /proc/cpuinfo.

    A virtual machine often hides the generation in the name ("AMD EPYC"), and generations differ twofold in speed.

    Args:
        cpuinfo: The text.
        otherwise: The name where the text has none, as on ARM.
    """
    fields = {
        name.strip(): value.strip()
        for name, colon, value in (line.partition(":") for line in reversed(cpuinfo.splitlines()))
        if colon
    }
    flags = fields.get("flags", fields.get("Features", "")).split()
    vectors = _vectors(flags)
    generation = [
        f"{word} {fields[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in fields
    ]
    details = ", ".join([*generation, *([vectors] if vectors else [])])
    name = fields.get("model name", otherwise)
    return f"{name} ({details})" if details else name


def _vectors(flags: Collection[str]) -> str | None:
    return next((unit for unit in _VECTORS if unit in flags), None)


def describe_processor() -> str:
    """Return what `processor_name` says of this machine."""
    return processor_name(_cpuinfo(), platform.machine())


def units_of(cpuinfo: str) -> frozenset[str]:
    """Return the units for int8 and bf16 that a text like /proc/cpuinfo names."""
    return _flags(cpuinfo).intersection((*_INT8, *_BF16))


def kernel_units(cpuinfo: str) -> str:
    """Return the units by which engines choose their kernels, from a text like /proc/cpuinfo.

    Processors with the same ones compute a model alike, whatever their names: the widest vectors, then the units for
    int8 and bf16.

    Args:
        cpuinfo: The text.
    """
    flags = _flags(cpuinfo)
    units = [unit for unit in (*_INT8, *_BF16) if unit in flags]
    vectors = _vectors(flags)
    return " ".join([*([vectors] if vectors else []), *units])


def kernel_units_here() -> str:
    """Return what `kernel_units` says of this machine."""
    return kernel_units(_cpuinfo())


def _flags(cpuinfo: str) -> frozenset[str]:
    for line in cpuinfo.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() in {"flags", "Features"}:
            return frozenset(rest.split())
    return frozenset()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@cache
def _units() -> frozenset[str]:
    return units_of(_cpuinfo())


def has_bf16() -> bool:
    """Return whether this processor computes with bf16."""
    return not _units().isdisjoint(_BF16)


def describe_units() -> str:
    """Return one sentence about this processor's units for fewer bits."""
    found = [unit for unit in (*_INT8, *_BF16) if unit in _units()]
    if not found:
        return "this processor has neither VNNI nor AMX: int8 gains little or nothing here, and bf16 cannot run"
    return f"this processor has {', '.join(found)}" + ("" if has_bf16() else ": int8 may pay, bf16 cannot run")
