"""The metadata of an ONNX file, and whether it agrees with its bundle.

The export writes the order of the classes into every model file. The bundle's record has it too; where the two differ,
scores would mean the opposite of what alarms take them for. The notes are read from the file's own encoding (protocol
buffers, https://protobuf.dev/programming-guides/encoding), because TensorRT and OpenVINO do not hand them out, and a
monitor has no other use for the onnx package.
"""

from collections.abc import Iterator

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import Variant

__all__ = ["read_notes", "require_class_order"]

_CLASSES = "classes"
# Of onnx.proto: ModelProto.metadata_props, and the two fields of its entries.
_METADATA, _KEY, _VALUE = 14, 1, 2
_VARINT, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10


def require_class_order(bundle: Bundle, variant: Variant, content: bytes) -> None:
    """Refuse a classifier's file that notes other classes, or another order of them, than its bundle.

    A file without a note, which the export never writes, is taken at its bundle's word.

    Args:
        bundle: Whose file it is.
        variant: Which file.
        content: Of the file.

    Raises:
        BundleError: The two differ.
    """
    if bundle.manifest.classifier is None:
        return
    found = read_notes(content).get(_CLASSES)
    recorded = " ".join(bundle.manifest.classifier.classes)
    if found is not None and found != recorded:
        raise BundleError(
            f"{bundle.path / variant.file} says that its classes are {found!r}, the record of bundle {bundle.name} "
            f"says {recorded!r}; its scores would mean something else, so it is not run; export the model again"
        )


def read_notes(content: bytes) -> dict[str, str]:
    """Return the metadata of an ONNX file by key; nothing where it is no ONNX file, which the engine will refuse."""
    notes: dict[str, str] = {}
    try:
        for number, value in _fields(memoryview(content)):
            if number == _METADATA:
                entry = dict(_fields(value))
                notes[str(entry.get(_KEY, b""), "utf-8")] = str(entry.get(_VALUE, b""), "utf-8")
    except ValueError:
        return {}
    return notes


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and the content of every length-delimited field of a message.

    Raises:
        ValueError: It is no message, or cut short.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            _, position = _varint(message, position)
            continue
        if kind == _DELIMITED:
            size, position = _varint(message, position)
        elif kind in {_EIGHT_BYTES, _FOUR_BYTES}:
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if position + size > len(message):
            raise ValueError("the message is cut short")
        if kind == _DELIMITED:
            yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it.

    Raises:
        ValueError: There is none.
    """
    value = 0
    for index, byte in enumerate(message[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number is cut short")
