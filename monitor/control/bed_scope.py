"""Which beds a person or program may see and act on."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase

__all__ = ["EVERY_BED", "BedScope"]

_PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9_.*?-]{0,62}")


@dataclass(frozen=True, slots=True)
class BedScope:
    """Every bed, or those whose ids fit one of some patterns.

    Attributes:
        patterns: Ids of beds, in which `*` stands for any letters and `?` for one: a ward's beds begin alike. Empty for
            every bed.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read patterns between commas.

        Raises:
            RefusedError: One of them fits no id of a bed.
        """
        patterns = tuple(part.strip() for part in text.split(","))
        wrong = next((pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)), None)
        if wrong is not None:
            words = Phrase(
                "write ids of beds between commas, with * for any letters: {example}", example="north-*,bed-7"
            )
            raise RefusedError(words, RefusalCode.BEDS_WRONG)
        return cls(patterns)

    def __str__(self) -> str:
        """Return the patterns as `parse` reads them."""
        return ",".join(self.patterns)

    @property
    def is_limited(self) -> bool:
        """Whether there are beds outside of it."""
        return bool(self.patterns)

    def covers(self, bed: str | None) -> bool:
        """Return whether a bed is within; None stands for a station as a whole, which is within no limits."""
        if not self.patterns:
            return True
        return bed is not None and any(fnmatchcase(bed, pattern) for pattern in self.patterns)


EVERY_BED = BedScope()
