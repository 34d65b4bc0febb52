"""Password files as people and programs write them: with or without a line break at the end, by any editor."""

import codecs
from pathlib import Path

from monitor.config.fields import FieldPath
from monitor.config.settings import StationConfig

__all__ = ["read_secret_file", "secret_files"]

_LARGEST_BYTES = 4096
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_secret_file(path: Path) -> str:
    """Return the password that a file holds; blanks belong to it, line breaks at its end do not.

    A byte order mark is left out, and UTF-16, in which some editors save, is read as such.

    Raises:
        ValueError: There is no one password in it; the message is the end of a sentence that begins with the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); check that it exists and who may read it") from None
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"is longer than {_LARGEST_BYTES} bytes; it must hold the password alone")
    mark, encoding = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    content = content[len(mark) :]
    if not mark and b"\0" in content:
        # No password holds a zero byte: UTF-16 without its mark. The zeros of Latin letters say in which order.
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; save it as UTF-8") from None
    if not text:
        raise ValueError("is empty; write the password into its first line")
    if not text.replace("\t", " ").isprintable():
        raise ValueError("holds several lines, or characters that no password has; it must hold the password alone")
    return text


def secret_files(config: StationConfig) -> list[tuple[FieldPath, Path]]:
    """Return the field and the path of every file of a configuration that holds a password."""
    cameras = [(index, bed.camera.password_file) for index, bed in enumerate(config.beds)]
    found: list[tuple[FieldPath, Path | None]] = [
        (("redis", "password_file"), config.redis.password_file),
        (("redis", "sentinel_password_file"), config.redis.sentinel_password_file),
        *((("beds", index, "camera", "password_file"), path) for index, path in cameras),
    ]
    return [(field, path) for field, path in found if path is not None]
