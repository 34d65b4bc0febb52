"""What a camera says, made fit for a terminal, a page and a log; and its addresses without a login."""

import re
from urllib.parse import quote

from monitor.config.addresses import split_address

__all__ = ["printable", "shown_address"]

_LONGEST = 200
_LOGIN_WORDS = re.compile(r"pass|pwd|secret|token|user|auth", re.IGNORECASE)


def printable(text: str, longest: int = _LONGEST) -> str:
    """Return a text of others as one line without control characters, cut where it is too long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def shown_address(url: str, password: str | None = None) -> str:
    """Return a stream's address without a login, to be pasted where that is possible.

    An address whose path or query seems to hold a login is shown with `***` in place of everything that may be one.

    Args:
        url: As the camera or a person gave it.
        password: Never shown, wherever the address holds it.

    Raises:
        ValueError: It is no address; the message repeats nothing of it.
    """
    address = split_address(url)
    behind = address.path + (f"?{address.query}" if address.query else "")
    spellings = {password, quote(password, safe="")} if password else set[str]()
    if _LOGIN_WORDS.search(behind) or any(spelling in behind for spelling in spellings if spelling):
        return address.display
    return address.location
