"""Pictures in shared memory: what is written is read, and nothing that is still seen is written over."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.video.planar_picture import PlanarPicture, YuvColours
from monitor.video.processes.shared_pictures import SLOTS, PictureReader, PictureWriter

SIZE_PX = (4, 6)
BYTES = 36
COLOURS = YuvColours()


def _pair(size: int) -> tuple[PictureWriter, PictureReader]:
    handles: list[int] = []
    writer = PictureWriter(size, lambda handle: handles.append(os.dup(handle)))
    return writer, PictureReader(handles[0], size)


def _picture(value: int) -> PlanarPicture:
    return PlanarPicture.of_bytes(np.full(BYTES, value, dtype=np.uint8), SIZE_PX, COLOURS)


def _shows(picture: PlanarPicture, value: int) -> bool:
    return all((plane == value).all() for plane in picture.planes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["write", "write", "look", "forget"]), max_size=60), st.randoms(use_true_random=False))
def test_no_picture_changes_while_somebody_sees_it(steps, chance):
    writer, reader = _pair(BYTES)
    seen: list[tuple[int, PlanarPicture]] = []
    for value, step in enumerate(steps, start=1):
        if step == "write":
            slot = writer.write(_picture(value))
            assert (slot is None) == (len({picture.planes[0].ctypes.data for _, picture in seen}) == SLOTS)
            if slot is not None:
                seen.append((value, reader.picture(slot, SIZE_PX, COLOURS)))
        elif seen and step == "look":
            # A view of its planes alone keeps the picture.
            former, picture = seen.pop(chance.randrange(len(seen)))
            seen.append((former, PlanarPicture(*(plane[...] for plane in picture.planes), COLOURS)))
            del picture
        elif seen:
            seen.pop(chance.randrange(len(seen)))
        assert all(_shows(picture, value) for value, picture in seen)
    del seen
    gc.collect()
    assert writer.write(_picture(0)) is not None


def test_a_picture_is_read_in_place_and_cannot_be_written():
    writer, reader = _pair(BYTES)
    colours = YuvColours(0.299, 0.114, is_full_range=True)
    image = PlanarPicture.of_bytes(np.arange(BYTES, dtype=np.uint8), SIZE_PX, colours)
    picture = reader.picture(writer.write(image), SIZE_PX, colours)
    assert np.array_equal(picture, image)
    for plane in picture.planes:
        with pytest.raises(ValueError, match="read-only"):
            plane[0, 0] = 1


def test_rows_of_a_decoder_may_have_gaps():
    writer, reader = _pair(BYTES)
    planes = [
        np.arange(rows * 8, dtype=np.uint8).reshape(rows, 8)[:, :columns] for rows, columns in ((6, 4), (3, 2), (3, 2))
    ]
    picture = reader.picture(writer.write(PlanarPicture(*planes, COLOURS)), SIZE_PX, COLOURS)
    assert all(np.array_equal(read, written) for read, written in zip(picture.planes, planes, strict=True))


@pytest.mark.parametrize(("slot", "size_px"), [(SLOTS, SIZE_PX), (-1, SIZE_PX), (0, (4, 8)), (0, (4, 4)), (0, (5, 6))])
def test_what_lies_outside_is_refused(slot, size_px):
    _, reader = _pair(BYTES)
    with pytest.raises(ValueError, match=r"no slot|hold no picture"):
        reader.picture(slot, size_px, COLOURS)


def test_a_picture_outlives_its_writer_and_its_reader():
    writer, reader = _pair(BYTES)
    picture = reader.picture(writer.write(_picture(9)), SIZE_PX, COLOURS)
    writer.close()
    del writer, reader
    gc.collect()
    assert _shows(picture, 9)


def test_no_handle_is_left_where_memory_comes_and_goes():
    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = handles()
    for _ in range(5):
        writer, reader = _pair(BYTES)
        picture = reader.picture(writer.write(_picture(1)), SIZE_PX, COLOURS)
        writer.close()
        del writer, reader, picture
        gc.collect()
        assert handles() == before
    with pytest.raises(OSError, match="refused"):
        PictureWriter(BYTES, _refuse)
    gc.collect()
    assert handles() == before


def _refuse(_handle: int) -> None:
    raise OSError("refused")
