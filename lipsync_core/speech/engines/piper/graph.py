"""The ONNX graph of a Piper voice, opened up in memory: durations, noise and latents become visible from outside.

A voice as published (VITS, https://arxiv.org/abs/2106.06103) takes phonemes and gives sound, nothing in between. Here
- the durations of the phonemes become an output, which times the lips;
- the two noises become inputs, so that the same text sounds the same each time;
- the latents before the decoder become an output and an input, so that a sentence is decoded part by part.
"""

from dataclasses import dataclass
from typing import Any

DECODER = "/dec/conv_pre/Conv"  # name of the decoder's first node
NOISE = "RandomNormalLike"  # operator


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
    import onnx  # here, because it takes a tenth of a second, and for whoever leaves this package out
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(data)
    except DecodeError as error:
        raise ValueError("no ONNX graph") from error
    graph = model.graph
    if not graph.node:
        raise ValueError("no ONNX graph")

    def value(name: str, rank: int) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * rank)

    ceilings = [node.output[0] for node in graph.node if node.op_type == "Ceil"]
    durations = ceilings[0] if len(ceilings) == 1 else None
    if durations:
        graph.output.append(value(durations, 3))

    latents, channels = None, 0
    for node in graph.node:
        if node.name == DECODER:
            latents = node.input[0], "given_latents"
            node.input[0] = latents[1]
            graph.output.append(value(latents[0], 3))
            graph.input.append(value(latents[1], 3))
            weight = next(tensor for tensor in graph.initializer if tensor.name == node.input[1])
            channels = weight.dims[1]  # (out, in, width)

    noises: list[str] = []
    nodes = []
    for node in graph.node:
        if node.op_type == NOISE:
            noises.append(f"given_noise{len(noises)}")
            graph.input.append(value(noises[-1], 1))
            nodes += _first_values(noises[-1], node.input[0], node.output[0])
        else:
            nodes.append(node)
    if noises:
        graph.initializer.append(onnx.helper.make_tensor("given_noise_start", onnx.TensorProto.INT64, [1], [0]))
        del graph.node[:]
        graph.node.extend(nodes)
    return OpenedGraph(model.SerializeToString(), durations, tuple(noises), latents, channels)


def _first_values(source: str, like: str, result: str) -> list[Any]:
    """Nodes that give the first values of `source`, in the shape of the tensor `like`, as `result`."""
    from onnx.helper import make_node

    shape, count, part = (f"{result}_{end}" for end in ("shape", "count", "part"))
    return [
        make_node("Shape", [like], [shape]),
        make_node("ReduceProd", [shape], [count]),  # of its only axis, kept: (1,)
        make_node("Slice", [source, "given_noise_start", count], [part]),
        make_node("Reshape", [part, shape], [result]),
    ]
