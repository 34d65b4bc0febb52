"""Files that are either the old one or the new one, never half of one.

A file is written beside its target, flushed to the disk and then renamed over the old one. A kill, a power cut or a
full disk leaves the last good file where it was.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from trainer.errors import CheckpointError

__all__ = ["write_atomically"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; the old file is intact.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_left_over(path)
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        # Where nothing can be written nothing can be removed either: a file in a folder's place, a read-only disk.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        intact = f"; the last good {path.name} is intact" if os.path.lexists(path) else ""
        if error.errno in _NO_ROOM:
            raise CheckpointError(
                f"{path} cannot be written ({error.strerror}, {len(content)} bytes){intact}; free some space and resume"
            ) from error
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror}){intact}; give another folder, or mend this one and resume"
        ) from error


def _clear_left_over(path: Path) -> None:
    """Remove what processes that were killed in the middle of writing this file left beside it."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        number = left.name.removesuffix(".part").rpartition(".")[2]
        if number.isdecimal() and not _is_running(int(number)):
            left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
