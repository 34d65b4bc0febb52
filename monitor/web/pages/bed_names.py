"""Names of beds where there is little room: what all of them have in common is left out, with a sign of it."""

from collections.abc import Sequence

__all__ = ["common_ends", "short_name"]

_LONG = 12
"""Names of up to so many characters are shown whole everywhere."""
_SEPARATORS = "-_. :/"


def common_ends(names: Sequence[str]) -> tuple[str, str]:
    """Return what all of these names begin with and what all end with, up to a separator.

    Both are empty where there is one name only, or none is long.
    """
    if len(names) < 2 or max(map(len, names)) <= _LONG:
        return "", ""
    beginning = _common_beginning(names)
    end = _common_beginning([name.removeprefix(beginning)[::-1] for name in names])[::-1]
    return beginning, end


def short_name(name: str, ends: tuple[str, str]) -> str:
    """Return a name without the ends that all have, and an ellipsis in their place; never an empty one."""
    beginning, end = ends
    rest = name.removeprefix(beginning).removesuffix(end)
    return f"{'…' if beginning else ''}{rest}{'…' if end else ''}" if rest else name


def _common_beginning(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    alike = next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: max(first.rfind(separator, 0, alike) for separator in _SEPARATORS) + 1]
