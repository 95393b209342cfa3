"""The ONNX graph of a Piper voice, opened up in memory: durations, noise and latents become visible from outside.

A voice as published (VITS, https://arxiv.org/abs/2106.06103) takes phonemes and gives sound, nothing in between. Here
- the durations of the phonemes become an output, which times the lips;
- the two noises become inputs, so that the same text sounds the same each time;
- the latents before the decoder become an output and an input, so that a sentence is decoded part by part.
An ONNX file is a protobuf message, and messages merge when their bytes are joined, so that additions are appended; a
connection is cut by giving what reads it another name of the same length.
"""

from dataclasses import dataclass

from lipsync_core.speech.engines.onnx_bytes import (
    FLOAT,
    GRAPH_INITIALIZER,
    GRAPH_INPUT,
    GRAPH_OUTPUT,
    INT64,
    MODEL_GRAPH,
    field,
    initializer_shape,
    node,
    nodes,
    value,
    varint,
)

MARK = b"~"  # first letter of the names of what is added or cut

DECODER = b"/dec/conv_pre/Conv"  # name of the decoder's first node
NOISE = "RandomNormalLike"


@dataclass(frozen=True)
class OpenedGraph:
    """The bytes of the graph, and the names of what was opened; None where the voice has no such place.

    durations: output (1, 1, phoneme ids) float, in frames of the latents.
    noises: inputs (n,) float32, of which the graph takes as much as it needs.
    latents: output and input (1, channels, frames) float32; the input has to be fed always.
    channels: of the latents: 192, in the smallest voices 96.
    """

    data: bytes
    durations: str | None
    noises: tuple[str, ...]
    latents: tuple[str, str] | None
    channels: int


def open_graph(data: bytes) -> OpenedGraph:
    """Open what can be opened in the bytes of an ONNX file. Raises ValueError where they are none."""
    found = list(nodes(data))
    if not found:
        raise ValueError("no ONNX graph")
    changed = bytearray(data)
    added = b""

    def cut(name: bytes, first_of: bytes | None = None) -> bytes:
        """Let whoever reads `name` (or the node `first_of` alone) read another name."""
        other = MARK + name[1:]
        for item in found:
            if first_of is None or item.name == first_of:
                for at, read in item.inputs:
                    if read == name:
                        changed[at : at + len(name)] = other
        return other

    ceilings = [item.outputs[0] for item in found if item.op == "Ceil"]
    durations = ceilings[0] if len(ceilings) == 1 else None
    if durations:
        added += value(GRAPH_OUTPUT, durations, FLOAT, 3)

    noises: list[str] = []
    for item in found:
        if item.op == NOISE:
            source = MARK + b"noise%d" % len(noises)
            added += value(GRAPH_INPUT, source, FLOAT, 1)
            added += _first_values(source, item.inputs[0][1], cut(item.outputs[0]))
            noises.append(source.decode())
    if noises:
        zero = field(1, 1) + field(2, INT64) + field(7, varint(0))
        added += field(GRAPH_INITIALIZER, zero + field(8, MARK + b"zero"))

    latents, channels = None, 0
    for item in found:
        if item.name == DECODER:
            before = item.inputs[0][1]
            after = cut(before, DECODER)
            added += value(GRAPH_OUTPUT, before, FLOAT, 3) + value(GRAPH_INPUT, after, FLOAT, 3)
            latents = before.decode(), after.decode()
            channels = initializer_shape(data, item.inputs[1][1])[1]  # of the weight: (out, in, width)

    opened = bytes(changed) + field(MODEL_GRAPH, added)
    return OpenedGraph(opened, durations.decode() if durations else None, tuple(noises), latents, channels)


def _first_values(source: bytes, like: bytes, result: bytes) -> bytes:
    """Nodes that shape the first values of `source` like the tensor `like`."""
    shape, count, part = (result + end for end in (b"-shape", b"-count", b"-part"))
    return (
        node("Shape", [like], shape)
        + node("ReduceProd", [shape], count)  # of its only axis, kept: (1,)
        + node("Slice", [source, MARK + b"zero", count], part)
        + node("Reshape", [part, shape], result)
    )
