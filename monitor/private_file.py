"""Small files of the program's own state: the old content or the new one, never half of one, and only for the owner."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["replace_private_file"]


def replace_private_file(path: Path, text: str) -> None:
    """Replace a file by one with another text, which its owner alone may read.

    Raises:
        OSError: It cannot be written; the old one is intact.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
