"""Reading and writing the bytes of ONNX files, without the package onnx.

An ONNX file is a protobuf message, and messages merge when their bytes are joined, so that additions are appended.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# Field numbers of onnx.proto.
MODEL_GRAPH = 7
GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 5, 11, 12
_GRAPH_NODE = 1
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP = 1, 2, 3, 4
_TENSOR_DIMS, _TENSOR_NAME = 1, 8
FLOAT, INT64 = 1, 7  # TensorProto.DataType
_BYTES = 2  # wire type of whatever has a length


@dataclass(frozen=True)
class Node:
    """A node of the graph. inputs: where in the file each name is, and the name."""

    op: str
    name: bytes
    inputs: list[tuple[int, bytes]]
    outputs: list[bytes]


def nodes(data: bytes) -> Iterator[Node]:
    """All nodes of the graph. Raises ValueError where the bytes are no protobuf message."""
    for kind, start, end in _fields(data, 0, len(data)):
        if kind != MODEL_GRAPH:
            continue
        for part, first, last in _fields(data, start, end):
            if part != _GRAPH_NODE:
                continue
            inputs: list[tuple[int, bytes]] = []
            outputs: list[bytes] = []
            op, name = "", b""
            for item, at, until in _fields(data, first, last):
                if item == _NODE_INPUT:
                    inputs.append((at, data[at:until]))
                elif item == _NODE_OUTPUT:
                    outputs.append(data[at:until])
                elif item == _NODE_NAME:
                    name = data[at:until]
                elif item == _NODE_OP:
                    op = data[at:until].decode()
            yield Node(op, name, inputs, outputs)


def initializer_shape(data: bytes, name: bytes) -> tuple[int, ...]:
    """Shape of a stored tensor of the graph. Raises ValueError where there is none of that name."""
    for kind, start, end in _fields(data, 0, len(data)):
        if kind != MODEL_GRAPH:
            continue
        for part, first, last in _fields(data, start, end):
            if part == GRAPH_INITIALIZER and (found := _shape(data, first, last, name)) is not None:
                return found
    raise ValueError(f"no tensor {name.decode(errors='replace')}")


def _shape(data: bytes, at: int, end: int, name: bytes) -> tuple[int, ...] | None:
    sizes: list[int] = []
    if all(data[first:last] != name for item, first, last in _fields(data, at, end) if item == _TENSOR_NAME):
        return None
    while at < end:
        key, at = _read_varint(data, at)
        if key == _TENSOR_DIMS << 3:  # one field a dimension
            size, at = _read_varint(data, at)
            sizes.append(size)
        elif key == _TENSOR_DIMS << 3 | _BYTES:  # all in one field
            length, at = _read_varint(data, at)
            until = at + length
            while at < until:
                size, at = _read_varint(data, at)
                sizes.append(size)
        elif key & 7 == _BYTES:
            length, at = _read_varint(data, at)
            at += length
        elif key & 7 == 0:
            _, at = _read_varint(data, at)
        else:
            raise ValueError("no ONNX graph")
    return tuple(sizes)


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(field number, start, end) of each field with a length in a message; numbers are passed over."""
    while at < end:
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _BYTES:
            length, at = _read_varint(data, at)
            if at + length > end:
                raise ValueError("no ONNX graph")
            yield key >> 3, at, at + length
            at += length
        elif kind == 0:
            _, at = _read_varint(data, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("no ONNX graph")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("no ONNX graph")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, content: bytes | int) -> bytes:
    """A field of a message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | _BYTES) + varint(len(content)) + content


def node(op: str, inputs: list[bytes], output: bytes) -> bytes:
    """A node to append to the graph, with one output and no attributes."""
    fields = b"".join(field(_NODE_INPUT, name) for name in inputs) + field(_NODE_OUTPUT, output)
    return field(_GRAPH_NODE, fields + field(_NODE_NAME, output + b"-node") + field(_NODE_OP, op.encode()))


def value(place: int, name: bytes, element: int, rank: int) -> bytes:
    """A graph input or output of `rank` dimensions of any size."""
    shape = b"".join(field(1, field(2, name + b"-%d" % axis)) for axis in range(rank))
    tensor = field(1, element) + field(2, shape)
    return field(place, field(1, name) + field(2, field(1, tensor)))
