"""Files that are either the old one or the new one, never half of one.

A checkpoint is written beside its target, flushed to the disk and then renamed over the old one. A kill, a power cut or
a full disk leaves the last good file where it was.
"""

import io
import os
from pathlib import Path
from typing import Any

import torch

from trainer.errors import CheckpointError

__all__ = ["read_checkpoint", "write_atomically", "write_checkpoint"]


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
        temporary.unlink(missing_ok=True)
        intact = f"; the last good {path.name} is intact" if path.exists() else ""
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror}, {len(content)} bytes){intact}; free some space and resume"
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


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values atomically.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; the old file is intact.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote; no code in the file is run.

    Raises:
        CheckpointError: It is missing, cut off, or holds something else than tensors and plain values.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (
        Exception
    ) as error:  # torch.load has no common base of its errors: zip, pickle and runtime errors all mean this
        raise CheckpointError(f"{path} is damaged or no checkpoint of this program ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no checkpoint of this program: it holds a {type(content).__name__}")
    return content
