"""Checkpoints on disk: tensors and plain values, written whole or not at all."""

import io
from pathlib import Path
from typing import Any

from trainer.atomic_file import write_atomically
from trainer.errors import CheckpointError

__all__ = ["read_checkpoint", "write_checkpoint"]


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values atomically.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; the old file is intact.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote; no code in the file is run.

    Raises:
        CheckpointError: It is missing, cut off, or holds something else than tensors and plain values.
    """
    import torch

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
