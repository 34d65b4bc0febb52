"""Pictures of an MJPEG stream that were cut off: each is given an end, so that what cuts the stream goes on.

`jpegparse` takes a picture without an end and the next for one, and fails for good at the second frame header. Cameras
leave out the rest of a picture when the network is slow. Such a picture is given an end and, like one that holds marks
which no picture holds, a comment by which it is known as damaged: the decoder would paint over what is missing.
"""

import re

__all__ = ["DAMAGED_END", "JpegStreamMender"]

_START, _END, _STUFFING = 0xD8, 0xD9, b"\x00"
_START_MARK = b"\xff\xd8"
DAMAGED_END = b"\xff\xfe\x00\x10nicu: damaged\x00\xff\xd9"
"""The end of a picture that was found damaged."""
# In coded data, FF is followed by 00 or by a restart mark, and marks may begin with several FF.
_MARK = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN_HEADER, _NO_LENGTH = 0xDA, 0x01
# Between the scans of a picture: tables, numbers of lines, restart intervals, comments, what applications add.
_BETWEEN_SCANS = frozenset({0xC4, _SCAN_HEADER, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})


class JpegStreamMender:
    """Follows the marks of a stream of JPEG pictures, whatever lies between them."""

    def __init__(self) -> None:
        self._is_in_picture = self._has_frame_header = self._has_scan = self._is_damaged = False
        self._skip_bytes = 0
        self._carry = b""

    def mend(self, data: bytes) -> bytes | None:
        """Take the next bytes of the stream, in pieces of any length.

        Args:
            data: Bytes as they came.

        Returns:
            What to hand on in their place; None where they need no change.
        """
        carried, joined = len(self._carry), self._carry + data
        pieces: list[bytes] = []
        copied, at = 0, self._skipped(joined, 0)
        while (position := self._next_mark(joined, at)) is not None:
            at, code = position + 2, joined[position + 1]
            if code in {_START, _END}:
                if self._has_frame_header and (self._is_damaged or code == _START):
                    pieces.append(joined[copied:position] + DAMAGED_END)
                    copied = position if code == _START else at
                self._is_in_picture = code == _START
                self._has_frame_header = self._has_scan = self._is_damaged = False
            elif self._is_misplaced(code):
                # It goes on as coded data.
                self._is_damaged = True
                pieces.append(joined[copied : position + 1] + _STUFFING)
                copied = at
            elif code != _NO_LENGTH:
                if len(joined) < position + 4:
                    self._carry = joined[position:]
                    break
                self._has_frame_header |= code in _FRAME_HEADERS
                self._has_scan |= code == _SCAN_HEADER
                self._skip_bytes = max(2, int.from_bytes(joined[position + 2 : position + 4], "big"))
                at = self._skipped(joined, at)
        else:
            self._carry = b"\xff" if joined[at:].endswith(b"\xff") else b""
        if not pieces:
            return None
        # What was carried has been handed on already.
        return (b"".join(pieces) + joined[copied:])[carried:]

    def _skipped(self, joined: bytes, at: int) -> int:
        """Return where what is not looked at ends, or the data."""
        step = min(self._skip_bytes, len(joined) - at)
        self._skip_bytes -= step
        return at + step

    def _is_misplaced(self, code: int) -> bool:
        """Return whether a picture holds no such mark where it stands."""
        if self._has_scan:
            return code not in _BETWEEN_SCANS
        return self._has_frame_header and code in _FRAME_HEADERS

    def _next_mark(self, joined: bytes, at: int) -> int | None:
        if not self._is_in_picture:
            position = joined.find(_START_MARK, at)
            return None if position < 0 else position
        found = _MARK.search(joined, at)
        return None if found is None else found.start()
