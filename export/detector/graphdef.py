"""Reads the constants of a frozen TensorFlow graph without TensorFlow.

A frozen graph is one `GraphDef` message of Protocol Buffers. Google's `protobuf` package, which `onnx` brings along,
decodes it; only the message layout is missing there, so the few fields that constants need are declared here, with the
numbers of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto. TensorFlow itself would be
a 600 MB dependency for this one read. Nothing in the file is executed.
"""

from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from numpy.typing import NDArray

from monitor.errors import BundleError

__all__ = ["graph_constants"]

_PACKAGE = "frozen_graph"
_FIELD = descriptor_pb2.FieldDescriptorProto
_STRING, _BYTES, _INT32, _INT64, _FLOAT, _MESSAGE = (
    _FIELD.TYPE_STRING,
    _FIELD.TYPE_BYTES,
    _FIELD.TYPE_INT32,
    _FIELD.TYPE_INT64,
    _FIELD.TYPE_FLOAT,
    _FIELD.TYPE_MESSAGE,
)
# Message -> rows of (field, number, type, repeated, message type).
_LAYOUT: dict[str, tuple[tuple[str, int, int, bool, str | None], ...]] = {
    "Dim": (("size", 1, _INT64, False, None),),
    "Shape": (("dim", 2, _MESSAGE, True, "Dim"),),
    "Tensor": (
        ("dtype", 1, _INT32, False, None),
        ("tensor_shape", 2, _MESSAGE, False, "Shape"),
        ("tensor_content", 4, _BYTES, False, None),
        ("float_val", 5, _FLOAT, True, None),
        ("int_val", 7, _INT32, True, None),
    ),
    "AttrValue": (("tensor", 8, _MESSAGE, False, "Tensor"),),
    "Attr": (("key", 1, _STRING, False, None), ("value", 2, _MESSAGE, False, "AttrValue")),
    "Node": (
        ("name", 1, _STRING, False, None),
        ("op", 2, _STRING, False, None),
        ("attr", 5, _MESSAGE, True, "Attr"),
    ),
    "Graph": (("node", 1, _MESSAGE, True, "Node"),),
}
_DTYPES: dict[int, type[np.generic]] = {1: np.float32, 3: np.int32}


def graph_constants(content: bytes) -> dict[str, NDArray[Any]]:
    """Return every float32 and int32 constant of a frozen graph, by node name.

    Args:
        content: The file's bytes.

    Raises:
        BundleError: They are no `GraphDef`.
    """
    try:
        graph = _graph_message().FromString(content)
    except message.DecodeError as error:
        raise BundleError("the file is no frozen TensorFlow graph (its Protocol Buffers do not decode)") from error
    constants = {}
    for node in graph.node:
        if node.op != "Const":
            continue
        tensor = next(attr.value.tensor for attr in node.attr if attr.key == "value")
        if tensor.dtype in _DTYPES:
            constants[node.name] = _array(tensor)
    return constants


def _array(tensor: Any) -> NDArray[Any]:  # noqa: ANN401 - a message class that is made at run time
    dtype = _DTYPES[tensor.dtype]
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape)
    values = np.array(tensor.float_val or tensor.int_val or [0], dtype)
    # TensorFlow writes a tensor of equal values once.
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


@cache
def _graph_message() -> Any:  # noqa: ANN401 - a message class that is made at run time
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _LAYOUT.items():
        declared = file.message_type.add(name=name)
        for field, number, kind, repeated, of in fields:
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            added = declared.field.add(name=field, number=number, type=kind, label=label)
            if of is not None:
                added.type_name = f".{_PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Graph"))
