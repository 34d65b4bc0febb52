"""Which encoded pictures no other picture is predicted from: the decoder can do without them.

Cameras with B pictures, and those that send temporal layers, mark such pictures: in H.264 by `nal_ref_idc` 0 (ITU-T
H.264, section 7.4.1), in H.265 as sub-layer non-reference pictures (ITU-T H.265, table 7-1) of the highest temporal
layer. What a decoder makes of the other pictures is the same bit by bit with and without them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["HEADER_BYTES", "KEY_HEADER_BYTES", "ReferenceRate", "ReferenceReader"]

HEADER_BYTES = 1024
"""How much of an encoded picture is read: delimiters and notes precede the first slice; where they fill all of it, the
picture counts as referenced."""

KEY_HEADER_BYTES = 8192
"""Likewise of a key frame, before whose slices parameters stand, and an encoder's notes of a few thousand bytes."""

_FEWEST_REFERENCES = 8
_MOST_REFERENCES = 32
_GAP_SECONDS = 2.0
_LONGEST_INTERVAL = 2 / 3
"""Of the time between two analysed pictures: the referenced ones must come more often than they are wanted."""

_H264_SLICES = range(1, 6)
_H264_PLAIN_SLICE = 1
_H264_IDR_SLICE = 5
_H265_SLICES = range(32)
_H265_LAST_LEADING_OR_TRAILING = 14
_H265_IDR = (19, 20)
_H265_SPS = 33
_HVCC_LAYERS_BYTE = 21
_AVCC_LENGTH_BYTE = 4


class ReferenceRate:
    """Whether the pictures that others need come often enough for the rest to be left out. Not thread-safe."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=_MOST_REFERENCES)

    def note(self, arrival_seconds: float) -> None:
        """Note the arrival of a picture that others need or may need."""
        if self._arrivals and not 0.0 <= arrival_seconds - self._arrivals[-1] <= _GAP_SECONDS:
            self._arrivals.clear()
        self._arrivals.append(arrival_seconds)

    def are_enough(self, arrival_seconds: float, wanted_per_second: float | None) -> bool:
        """Return whether a picture that arrived then can be left out, as no other needs it.

        Args:
            arrival_seconds: When it came.
            wanted_per_second: Pictures that are analysed; None for all of them.
        """
        arrivals = self._arrivals
        if wanted_per_second is None or len(arrivals) < _FEWEST_REFERENCES:
            return False
        longest_seconds = _LONGEST_INTERVAL / wanted_per_second
        mean_seconds = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
        # Where the next one is overdue, any picture is better than none.
        return mean_seconds <= longest_seconds and arrival_seconds - arrivals[-1] <= longest_seconds


@dataclass(frozen=True, slots=True)
class _Unit:
    """One NAL unit: its two header bytes and the one behind them; what is missing is 0."""

    first: int
    second: int
    third: int


class ReferenceReader:
    """Reads the headers of one stream's pictures, in the form in which the decoder takes them. Not thread-safe."""

    def __init__(self) -> None:
        self._is_h265 = False
        self._is_understood = False
        self._length_bytes: int | None = None
        self._temporal_layers = 0

    def take_caps(self, caps: Any) -> None:  # noqa: ANN401 - from gi
        """Take the format of the pictures that follow.

        Interlaced streams are not understood: one field of a picture may be referenced and the other not.

        Args:
            caps: `Gst.Caps` of the decoder's input.
        """
        structure = caps.get_structure(0)
        self._is_h265 = structure.get_name() == "video/x-h265"
        stream_format = structure.get_string("stream-format") or ""
        has_whole_pictures = structure.get_string("alignment") == "au"
        interlace_mode = structure.get_string("interlace-mode") or "progressive"
        is_progressive = interlace_mode == "progressive" and (
            self._is_h265 or structure.get_string("coded-picture-structure") == "frame"
        )
        data = _bytes_of(structure, "codec_data")
        self._temporal_layers, self._length_bytes = 0, None
        is_known = stream_format == "byte-stream"
        if stream_format in {"avc", "avc3"} and len(data) > _AVCC_LENGTH_BYTE:
            self._length_bytes, is_known = (data[_AVCC_LENGTH_BYTE] & 3) + 1, True
        if stream_format in {"hvc1", "hev1"} and len(data) > _HVCC_LAYERS_BYTE:
            self._length_bytes, is_known = (data[_HVCC_LAYERS_BYTE] & 3) + 1, True
            self._temporal_layers = data[_HVCC_LAYERS_BYTE] >> 3 & 7
        names = {"video/x-h264", "video/x-h265"}
        self._is_understood = is_known and has_whole_pictures and is_progressive and structure.get_name() in names

    @property
    def is_understood(self) -> bool:
        """Whether anything is known of such streams."""
        return self._is_understood

    def is_unreferenced(self, head: bytes) -> bool:
        """Return whether a picture is certainly not needed for others; to be called for each that may be left out.

        Args:
            head: Its first `HEADER_BYTES`.
        """
        if not self._is_understood:
            return False
        for unit in self._units(head):
            if self._is_h265:
                kind = unit.first >> 1 & 0x3F
                if kind in _H265_SLICES:
                    layer = unit.second & 7
                    is_marked = kind % 2 == 0 and kind <= _H265_LAST_LEADING_OR_TRAILING
                    return is_marked and 0 < self._temporal_layers == layer
            elif unit.first & 0x1F in _H264_SLICES:
                return unit.first & 0x1F == _H264_PLAIN_SLICE and unit.first & 0x60 == 0
        return False

    def begins_anew(self, head: bytes) -> bool:
        """Return whether nothing that follows a picture needs an earlier one; False where that is not certain.

        That is an IDR picture: in H.265 types 19 and 20, not CRA, whose leading pictures may.

        Args:
            head: Its first `KEY_HEADER_BYTES`.
        """
        if not self._is_understood:
            return False
        if self._is_h265:
            kinds = (unit.first >> 1 & 0x3F for unit in self._units(head))
            return next((kind in _H265_IDR for kind in kinds if kind in _H265_SLICES), False)
        kinds = (unit.first & 0x1F for unit in self._units(head))
        return next((kind == _H264_IDR_SLICE for kind in kinds if kind in _H264_SLICES), False)

    def note_key_frame(self, head: bytes) -> None:
        """Read the number of temporal layers from a picture that can be decoded by itself (H.265)."""
        if self._is_h265 and self._is_understood:
            for unit in self._units(head):
                if unit.first >> 1 & 0x3F == _H265_SPS:
                    self._temporal_layers = (unit.third >> 1 & 7) + 1

    def _units(self, head: bytes) -> Iterator[_Unit]:
        position = 0
        while True:
            if self._length_bytes is None:
                found = head.find(b"\0\0\1", position)
                begin = end = found + 3
            else:
                found, begin = position, position + self._length_bytes
                end = begin + int.from_bytes(head[position:begin], "big")
            if found < 0 or begin >= len(head):
                return
            first, second, third = (*head[begin : begin + 3], 0, 0)[:3]
            yield _Unit(first, second, third)
            position = max(end, begin + 1)


def _bytes_of(structure: Any, field: str) -> bytes:  # noqa: ANN401 - from gi
    if not structure.has_field(field):
        return b""
    buffer = structure.get_value(field)
    return bytes(buffer.extract_dup(0, buffer.get_size()))
