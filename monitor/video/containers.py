"""Whether a video file is complete, by the sizes that its container declares.

A truncated file often plays to its new end without any error. Its first bytes still declare its full length. And an
MP4 file whose index is missing makes parsebin 1.22 wait indefinitely about once in seven times.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["Completeness", "check_completeness"]

# By its first box a file is known as one of MP4; those that follow may have other names, makers' own among them.
_MP4_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"sidx", b"styp", b"pnot"}
)
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_SEGMENT_ID = b"\x18\x53\x80\x67"
_MOST_BOXES = 100_000


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a container declares.

    Attributes:
        missing_bytes: How many are missing at the end; 0 where the file is complete or does not declare it.
        has_index: False for an MP4 file without its index, which cannot be played at all.
        is_fragmented: Whether it is an MP4 file in fragments: it plays up to a damaged one and then ends as if whole.
    """

    missing_bytes: int = 0
    has_index: bool = True
    is_fragmented: bool = False


def check_completeness(path: Path) -> Completeness:
    """Check the containers that declare their size: MP4, Matroska, WebM and AVI.

    Raises:
        OSError: The file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and len(head) == 12:
            return Completeness(max(0, 8 + int.from_bytes(head[4:8], "little") - size))
        if head[:4] == _EBML_MAGIC:
            return Completeness(max(0, _matroska_size(file) - size))
        if head[4:8] in _MP4_BOXES:
            end, has_index, is_fragmented = _mp4_boxes(file, size)
            return Completeness(max(0, end - size), has_index, is_fragmented)
    return Completeness()


def _mp4_boxes(file: BinaryIO, size: int) -> tuple[int, bool, bool]:
    """Return where the last top-level box ends, whether there is an index or may be one further on, and fragments."""
    position, last = 0, b""
    names: set[bytes] = set()
    for _ in range(_MOST_BOXES):
        file.seek(position)
        header = file.read(16)
        name, box_size = header[4:8], int.from_bytes(header[:4], "big")
        if len(header) < (16 if box_size == 1 else 8):
            break
        if box_size == 1:
            (box_size,) = struct.unpack(">Q", header[8:16])
        elif box_size == 0 and _is_name(name):
            return size, b"moov" in names | {name}, b"moof" in names
        if box_size < 8 or not _is_name(name):
            # The pictures of a recording that was never finished follow a box that does not count them yet.
            return position, b"moov" in names or last != b"mdat", b"moof" in names
        names.add(name)
        last = name
        position += box_size
        if position >= size:
            break
    return position, b"moov" in names, b"moof" in names


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _matroska_size(file: BinaryIO) -> int:
    """Return where the segment ends; 0 where it is not declared, as in a recording that was streamed."""
    file.seek(4)
    length = _ebml_number(file)
    if length is None:
        return 0
    file.seek(length, 1)
    if file.read(4) != _SEGMENT_ID:
        return 0
    length = _ebml_number(file)
    return 0 if length is None else file.tell() + length


def _ebml_number(file: BinaryIO) -> int | None:
    """Read an EBML length: as many further bytes as the first one has leading zero bits; all ones mean unknown."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    further = 8 - first[0].bit_length()
    rest = file.read(further)
    mask = (1 << (7 * (further + 1))) - 1
    value = int.from_bytes(first + rest, "big") & mask
    return None if len(rest) < further or value == mask else value
