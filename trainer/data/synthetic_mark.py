"""The mark within a synthetic picture's file, which stays with it when a part of a data set is copied elsewhere.

PNG and JPEG files bear it as a text chunk and a comment; of other kinds it follows the picture's data, where readers do
not look. Decoding a picture and writing it again loses the mark.
"""

import struct
import zlib
from pathlib import Path

__all__ = ["is_marked", "marked"]

MARK = b"nicu-trainer synthesize: a synthetic face, no infant"
_HEAD_BYTES, _TAIL_BYTES = 4096, 256
_PNG, _PNG_HEADER_BYTES = b"\x89PNG\r\n\x1a\n", 33
_JPEG = b"\xff\xd8"


def marked(encoded: bytes) -> bytes:
    """Return an encoded picture with the mark."""
    if encoded.startswith(_PNG):
        body = b"tEXtSource\0" + MARK
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return encoded[:_PNG_HEADER_BYTES] + chunk + encoded[_PNG_HEADER_BYTES:]
    if encoded.startswith(_JPEG):
        return encoded[:2] + b"\xff\xfe" + struct.pack(">H", len(MARK) + 2) + MARK + encoded[2:]
    return encoded + MARK


def is_marked(path: Path) -> bool:
    """Return whether a picture's file bears the mark; a file that cannot be read does not."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL_BYTES))
            return MARK in head or MARK in stream.read()
    except OSError:
        return False
