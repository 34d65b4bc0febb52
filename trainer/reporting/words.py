"""Numbers in words."""

from collections.abc import Iterable, Mapping

__all__ = ["counted", "decimals", "percent", "percent_range", "share_of", "with_interval"]


def decimals(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def percent_range(values: Iterable[float]) -> str:
    """Return the one share, or the least and the largest of several, in percent; there must be one."""
    shown = sorted(values)
    low, high = percent(shown[0]), percent(shown[-1])
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def share_of(part: int, whole: int) -> str:
    """Return `part` of `whole` and the share in percent."""
    return f"{part} of {whole} ({percent(part / whole)})" if whole else "0 of 0"


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return a number and its noun."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def with_interval(interval: Mapping[str, float | None], digits: int = 3) -> str:
    """Return a metric and its 95 % interval in words."""
    if interval["value"] is None:
        return "not defined"
    text = f"{interval['value']:.{digits}f}"
    if interval["low"] is None or interval["high"] is None:
        return text
    return f"{text} (95 % interval {interval['low']:.{digits}f} to {interval['high']:.{digits}f})"
