"""Streams of JPEG pictures, whole and cut off, in pieces of any length."""

import cv2
import numpy as np
import pytest

from monitor.video.jpeg_stream import DAMAGED_END, JpegStreamMender

_PART = b"\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n"


def _picture(seed: int, *options: int) -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", image, list(options))[1].tobytes()


def _mended(stream: bytes, piece_bytes: int) -> bytes:
    mender, out = JpegStreamMender(), b""
    for at in range(0, len(stream), piece_bytes):
        piece = stream[at : at + piece_bytes]
        mended = mender.mend(piece)
        out += piece if mended is None else mended
    return out


def _with_thumbnail(picture: bytes, thumbnail: bytes) -> bytes:
    segment = b"Exif\0\0" + thumbnail
    return picture[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + picture[2:]


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 100, 4096])
@pytest.mark.parametrize(
    "pictures",
    [
        [_picture(1), _picture(2)],
        [_picture(1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), _picture(2, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)],
        [_with_thumbnail(_picture(1), _picture(2)), _picture(3)],
    ],
    ids=["baseline", "progressive-and-restarts", "thumbnail"],
)
def test_whole_pictures_are_not_changed(pictures, piece_bytes):
    stream = _PART + _PART.join(pictures)
    assert _mended(stream, piece_bytes) == stream


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 100, 4096])
def test_a_picture_that_was_cut_off_is_given_an_end(piece_bytes):
    cut, whole = _picture(1)[:-500], _picture(2)
    expected = _PART + cut + _PART + DAMAGED_END + whole + _PART + whole
    assert _mended(_PART + cut + _PART + whole + _PART + whole, piece_bytes) == expected


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 100, 4096])
@pytest.mark.parametrize("mark", [b"\xff\xc0", b"\xff\x0d", b"\xff\x01"])
def test_marks_that_a_picture_does_not_hold_become_coded_data(piece_bytes, mark):
    picture, whole = _picture(1), _picture(2)
    damaged = picture[:-300] + mark + picture[-298:]
    expected = picture[:-300] + b"\xff\x00" + picture[-298:-2] + DAMAGED_END
    assert _mended(damaged + whole, piece_bytes) == expected + whole
