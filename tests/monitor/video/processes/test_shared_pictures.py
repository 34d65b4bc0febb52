"""Pictures in shared memory: what is written is read, and nothing that is still seen is written over."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.video.processes.shared_pictures import SLOTS, PictureReader, PictureWriter

SHAPE = (6, 4, 3)


def _pair(size: int) -> tuple[PictureWriter, PictureReader]:
    handles: list[int] = []
    writer = PictureWriter(size, lambda handle: handles.append(os.dup(handle)))
    return writer, PictureReader(handles[0], size)


def _picture(value: int) -> np.ndarray:
    return np.full(SHAPE, value, dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["write", "write", "look", "forget"]), max_size=60), st.randoms(use_true_random=False))
def test_no_picture_changes_while_somebody_sees_it(steps, chance):
    writer, reader = _pair(_picture(0).size)
    seen: list[tuple[int, np.ndarray]] = []
    for value, step in enumerate(steps, start=1):
        if step == "write":
            slot = writer.write(_picture(value))
            assert (slot is None) == (len({picture.ctypes.data for _, picture in seen}) == SLOTS)
            if slot is not None:
                seen.append((value, reader.picture(slot, SHAPE)))
        elif seen and step == "look":
            # A view alone keeps the picture.
            former, picture = seen.pop(chance.randrange(len(seen)))
            seen.append((former, picture[...]))
            del picture
        elif seen:
            seen.pop(chance.randrange(len(seen)))
        assert all((picture == value).all() for value, picture in seen)
    del seen
    gc.collect()
    assert writer.write(_picture(0)) is not None


def test_a_picture_is_read_in_place_and_cannot_be_written():
    writer, reader = _pair(_picture(0).size)
    image = np.arange(72, dtype=np.uint8).reshape(SHAPE)
    picture = reader.picture(writer.write(image), SHAPE)
    assert np.array_equal(picture, image)
    with pytest.raises(ValueError, match="read-only"):
        picture[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("slot", "shape"), [(SLOTS, SHAPE), (-1, SHAPE), (0, (7, 4, 3)), (0, (5, 4, 3)), (0, (6, 4, 1))]
)
def test_what_lies_outside_is_refused(slot, shape):
    _, reader = _pair(_picture(0).size)
    with pytest.raises(ValueError, match="holds no picture"):
        reader.picture(slot, shape)


def test_a_picture_outlives_its_writer_and_its_reader():
    writer, reader = _pair(_picture(0).size)
    picture = reader.picture(writer.write(_picture(9)), SHAPE)
    writer.close()
    del writer, reader
    gc.collect()
    assert (picture == 9).all()


def test_no_handle_is_left_where_memory_comes_and_goes():
    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = handles()
    for _ in range(5):
        writer, reader = _pair(_picture(0).size)
        picture = reader.picture(writer.write(_picture(1)), SHAPE)
        writer.close()
        del writer, reader, picture
        gc.collect()
        assert handles() == before
    with pytest.raises(OSError, match="refused"):
        PictureWriter(72, _refuse)
    gc.collect()
    assert handles() == before


def _refuse(_handle: int) -> None:
    raise OSError("refused")
