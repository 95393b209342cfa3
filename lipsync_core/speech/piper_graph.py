"""The ONNX graph of a Piper voice, opened up in memory: durations, noise and latents become visible from outside.

A voice as published (VITS, https://arxiv.org/abs/2106.06103) takes phonemes and gives sound, nothing in between. Here
- the durations of the phonemes become an output, which times the lips;
- the two noises become inputs, so that the same text sounds the same each time;
- the latents before the decoder become an output and an input, so that a sentence is decoded part by part.
An ONNX file is a protobuf message, and messages merge when their bytes are joined, so that additions are appended; a
connection is cut by giving what reads it another name of the same length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MARK = b"~"  # first letter of the names of what is added or cut

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP = 1, 2, 3, 4
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_BYTES = 2  # wire type of whatever has a length

DECODER = b"/dec/conv_pre/Conv"  # name of the decoder's first node
NOISE = "RandomNormalLike"


@dataclass(frozen=True)
class OpenedGraph:
    """The bytes of the graph, and the names of what was opened; None where the voice has no such place.

    durations: output (1, 1, phoneme ids) float, in frames of the latents.
    noises: inputs (n,) float32, of which the graph takes as much as it needs.
    latents: output and input (1, channels, frames) float32; the input has to be fed always.
    """

    data: bytes
    durations: str | None
    noises: tuple[str, ...]
    latents: tuple[str, str] | None


@dataclass(frozen=True)
class _Node:
    op: str
    name: bytes
    inputs: list[tuple[int, bytes]]  # where in the file, and the name
    outputs: list[bytes]


def open_graph(data: bytes) -> OpenedGraph:
    """Open what can be opened in the bytes of an ONNX file. Raises ValueError where they are none."""
    nodes = list(_nodes(data))
    if not nodes:
        raise ValueError("no ONNX graph")
    changed = bytearray(data)
    added = b""

    def cut(name: bytes, first_of: bytes | None = None) -> bytes:
        """Let whoever reads `name` (or the node `first_of` alone) read another name."""
        other = MARK + name[1:]
        for node in nodes:
            if first_of is None or node.name == first_of:
                for at, read in node.inputs:
                    if read == name:
                        changed[at : at + len(name)] = other
        return other

    ceilings = [node.outputs[0] for node in nodes if node.op == "Ceil"]
    durations = ceilings[0] if len(ceilings) == 1 else None
    if durations:
        added += _value(_GRAPH_OUTPUT, durations, _FLOAT, 3)

    noises: list[str] = []
    for node in nodes:
        if node.op == NOISE:
            source = MARK + b"noise%d" % len(noises)
            added += _value(_GRAPH_INPUT, source, _FLOAT, 1)
            added += _first_values(source, node.inputs[0][1], cut(node.outputs[0]))
            noises.append(source.decode())
    if noises:
        zero = _field(1, 1) + _field(2, _INT64) + _field(7, _varint(0))
        added += _field(_GRAPH_INITIALIZER, zero + _field(8, MARK + b"zero"))

    latents = None
    for node in nodes:
        if node.name == DECODER:
            before = node.inputs[0][1]
            after = cut(before, DECODER)
            added += _value(_GRAPH_OUTPUT, before, _FLOAT, 3) + _value(_GRAPH_INPUT, after, _FLOAT, 3)
            latents = before.decode(), after.decode()

    opened = bytes(changed) + _field(_MODEL_GRAPH, added)
    return OpenedGraph(opened, durations.decode() if durations else None, tuple(noises), latents)


def _first_values(source: bytes, like: bytes, result: bytes) -> bytes:
    """Nodes that shape the first values of `source` like the tensor `like`."""
    shape, count, part = (result + end for end in (b"-shape", b"-count", b"-part"))
    return (
        _node("Shape", [like], shape)
        + _node("ReduceProd", [shape], count)  # of its only axis, kept: (1,)
        + _node("Slice", [source, MARK + b"zero", count], part)
        + _node("Reshape", [part, shape], result)
    )


def _nodes(data: bytes) -> Iterator[_Node]:
    for field, start, end in _fields(data, 0, len(data)):
        if field != _MODEL_GRAPH:
            continue
        for part, first, last in _fields(data, start, end):
            if part != _GRAPH_NODE:
                continue
            node = _Node("", b"", [], [])
            op, name = "", b""
            for item, at, until in _fields(data, first, last):
                if item == _NODE_INPUT:
                    node.inputs.append((at, data[at:until]))
                elif item == _NODE_OUTPUT:
                    node.outputs.append(data[at:until])
                elif item == _NODE_NAME:
                    name = data[at:until]
                elif item == _NODE_OP:
                    op = data[at:until].decode()
            yield _Node(op, name, node.inputs, node.outputs)


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


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _node(op: str, inputs: list[bytes], output: bytes) -> bytes:
    fields = b"".join(_field(_NODE_INPUT, name) for name in inputs) + _field(_NODE_OUTPUT, output)
    return _field(_GRAPH_NODE, fields + _field(_NODE_NAME, output + b"-node") + _field(_NODE_OP, op.encode()))


def _value(place: int, name: bytes, element: int, rank: int) -> bytes:
    """A graph input or output of `rank` dimensions of any size."""
    shape = b"".join(_field(1, _field(2, name + b"-%d" % axis)) for axis in range(rank))
    tensor = _field(1, element) + _field(2, shape)
    return _field(place, _field(1, name) + _field(2, _field(1, tensor)))
