"""The reader of frozen graphs: what TensorFlow may write, and what is no graph."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from export.detector.graphdef import graph_constants
from monitor.errors import BundleError

_FLOAT, _INT32, _STRING = 1, 3, 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _node(name: str, dtype: int, shape: tuple[int, ...], values: bytes, op: str = "Const") -> bytes:
    """Encode a node by hand, from the wire format, so that the reader is not tested with itself."""
    dims = b"".join(_field(2, _varint(1 << 3) + _varint(size)) for size in shape)
    tensor = _varint(1 << 3) + _varint(dtype) + _field(2, dims) + values
    attr = _field(1, b"value") + _field(2, _field(8, tensor))
    other = _field(1, b"dtype") + _field(2, _varint(6 << 3) + _varint(dtype))
    return _field(1, _field(1, name.encode()) + _field(2, op.encode()) + _field(5, other) + _field(5, attr))


@settings(deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)))
def test_reads_packed_tensors(array: NDArray[np.float32]) -> None:
    graph = _node("w", _FLOAT, array.shape, _field(4, array.tobytes()))
    np.testing.assert_array_equal(graph_constants(graph)["w"], array)


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False), hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
def test_spreads_a_value_that_was_written_once(value: float, shape: tuple[int, ...]) -> None:
    graph = _node("w", _FLOAT, shape, _field(5, struct.pack("<f", value)))
    np.testing.assert_array_equal(graph_constants(graph)["w"], np.full(shape, np.float32(value)))


def test_takes_constants_of_known_types_only() -> None:
    graph = (
        _node("int", _INT32, (2,), _field(7, _varint(3) + _varint(4)))
        + _node("text", _STRING, (), b"")
        + _node("no constant", _FLOAT, (), b"", op="Placeholder")
        + _node("zero", _FLOAT, (3,), b"")
    )
    constants = graph_constants(graph)
    assert sorted(constants) == ["int", "zero"]
    assert constants["int"].tolist() == [3, 4]
    assert constants["zero"].tolist() == [0, 0, 0]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_graph_are_refused_or_hold_nothing(content: bytes) -> None:
    with contextlib.suppress(BundleError):
        assert graph_constants(content) == {}


def test_a_cut_graph_is_refused() -> None:
    graph = _node("w", _FLOAT, (4,), _field(4, np.arange(4, dtype=np.float32).tobytes()))
    with pytest.raises(BundleError, match="no frozen TensorFlow graph"):
        graph_constants(graph[:-3])
