"""The network's decoder, for the part of the picture that is wanted."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F

from lipsync_core.audio.mel import BANDS, SILENCE
from lipsync_core.models.wav2lip.network import COLUMNS, Conv, FoldedLayer, Generator, Up, fold, plain

SIDES = (3, 6, 12, 24, 48, 96)  # pixels of the decoder's levels
RESIDUALS = 2  # 3 x 3 convolutions of a level after its transposed one
OUTPUT = 1  # 3 x 3 convolution of the output block


@dataclass(frozen=True)
class Window:
    """Rows top to bottom and columns left to right, the last ones excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def part(self) -> tuple[slice, slice]:
        """To index the last two axes of a tensor that covers everything."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: "Window") -> tuple[slice, slice]:
        """To index the last two axes of a tensor that covers `outer`."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    def grown(self, by: int, side: int) -> "Window":
        """Larger by so many pixels each way, inside a square of `side`."""
        return Window(
            max(0, self.top - by), min(side, self.bottom + by), max(0, self.left - by), min(side, self.right + by)
        )


@dataclass(frozen=True)
class Step:
    """A level of the decoder. needed: what must be right of the level before; made: what is computed of this one.

    doubled: what the transposed convolution makes of `needed`. The convolutions that follow spoil the border of
    `made` where it is not the picture's; `made` is so much larger that nothing that is needed later is spoilt.
    """

    needed: Window
    doubled: Window
    made: Window


def steps(wanted: Window) -> list[Step]:
    """For a part of the 96 x 96 picture: the levels 6, 12, ..., 96, in the decoder's order.

    A transposed convolution of stride 2 makes row o of the rows o // 2 and (o + 1) // 2 before it.
    """
    found = []
    made = wanted.grown(RESIDUALS + OUTPUT, SIDES[-1])
    for side in reversed(SIDES[:-1]):
        needed = Window(
            made.top // 2, min(side, made.bottom // 2 + 1), made.left // 2, min(side, made.right // 2 + 1)
        )  # fmt: skip
        doubled = Window(2 * needed.top, 2 * needed.bottom, 2 * needed.left, 2 * needed.right)
        found.append(Step(needed, doubled, made))
        made = needed.grown(RESIDUALS, side)
    return found[::-1]


WARM_UP = 3  # runs before the recording, as CUDA's libraries choose their ways in the first


@dataclass(frozen=True, eq=False)
class FaceFeatures:
    """What a face adds to each level of the decoder: (1, C, h, w) for the levels 3, 6, ..., 96 and the output block.

    A decoder level begins with a convolution of its own result and of the face encoder's; the second half of that
    does not change with the sound.
    """

    added: tuple[torch.Tensor, ...]

    @property
    def bytes(self) -> int:
        return sum(part.numel() * part.element_size() for part in self.added)


class Decoder:
    """Mel chunks and the features of a face to a part of the face, in float32 equal to Generator within 1e-5."""

    def __init__(self, net: Generator, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.device, self.dtype = torch.device(device), dtype

        def layers(block: torch.nn.Module) -> list[FoldedLayer]:
            return [fold(cast("Conv | Up", part)).to(device=self.device, dtype=dtype) for part in block.children()]

        self._face = [layers(block) for block in net.face_encoder_blocks]
        self._audio = layers(net.audio_encoder)
        first, *levels = (layers(block) for block in net.face_decoder_blocks)
        self._first = first[0]
        self._levels = []  # of the level's own input, of the face's features, residual layers
        channels = self._first.weight.shape[0]
        for up, *residuals in levels:
            own, of_face = up.split(channels)
            self._levels.append((own.to(), of_face.to(), residuals))
            channels = up.weight.shape[1]
        wide = fold(cast(Conv, net.output_block[0])).to(device=self.device, dtype=dtype)
        self._wide, self._wide_of_face = (layer.to() for layer in wide.split(channels))
        self._last = plain(cast(torch.nn.Conv2d, net.output_block[1])).to(device=self.device, dtype=dtype)

        self.silence = self.listen(torch.full((1, BANDS, COLUMNS), SILENCE))  # what is said in silence

    @torch.inference_mode()
    def encode(self, face: torch.Tensor, wanted: Window) -> FaceFeatures:
        """(1, 6, 96, 96) float32 as Generator takes it -> what it adds to the levels, for the wanted part."""
        x = face.to(device=self.device, dtype=self.dtype).contiguous(memory_format=torch.channels_last)
        features = []
        for block in self._face:
            for layer in block:
                x = layer.activated(x)
            features.append(x)
        added = [of_face(features.pop()) for _, of_face, _ in self._levels]
        added.append(self._wide_of_face(features.pop()))
        made = [Window(0, SIDES[0], 0, SIDES[0]), *(step.made for step in steps(wanted))]
        made.append(made[-1])  # the output block stands at the size of the last level
        parts = [
            part[(..., *window.part)].contiguous(memory_format=torch.channels_last)
            for part, window in zip(added, made, strict=True)
        ]
        return FaceFeatures(tuple(parts))

    @torch.inference_mode()
    def listen(self, mel: torch.Tensor) -> torch.Tensor:
        """(n, 80, 16) float32 mel, -4..4 -> (n, 512, 1, 1): what is said."""
        x = mel[:, None].to(device=self.device, dtype=self.dtype).contiguous(memory_format=torch.channels_last)
        for layer in self._audio:
            x = layer.activated(x)
        return x

    @torch.inference_mode()
    def draw(self, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> torch.Tensor:
        """(n, 512, 1, 1) -> (n, 3, h, w) float32, BGR 0..1: the wanted part of the face."""
        x = self._first.activated(said)
        (own, _, residuals), *levels = self._levels
        x = F.relu_(own(x).add_(face.added[0]))
        for layer in residuals:
            x = layer.activated(x)
        outer = Window(0, SIDES[0], 0, SIDES[0])
        for (own, _, residuals), step, added in zip(levels, steps(wanted), face.added[1:-1], strict=True):
            y = own(_cut(x, step.needed, outer))
            x = F.relu_(_cut(y, step.made, step.doubled).add_(added))
            for layer in residuals:
                x = layer.activated(x)
            outer = step.made
        x = F.relu_(self._wide(x).add_(face.added[-1]))
        return torch.sigmoid(self._last(_cut(x, wanted, outer)).float())


class Graph:
    """The drawing of a group of one size, for one face. Where it cannot be recorded, the operations are run singly."""

    def __init__(self, decoder: Decoder, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> None:
        self._decoder, self._face, self._wanted = decoder, face, wanted
        self._input = said.clone()
        self._graph: torch.cuda.CUDAGraph | None = None
        try:
            aside = torch.cuda.Stream(decoder.device)
            aside.wait_stream(torch.cuda.current_stream(decoder.device))
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    decoder.draw(self._input, face, wanted)
            torch.cuda.current_stream(decoder.device).wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._output = decoder.draw(self._input, face, wanted)
            self._graph = graph
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # a driver or a library that cannot: slower, and the same picture
            self._graph = None

    def fits(self, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> bool:
        """Whether it was recorded for these."""
        return face is self._face and wanted == self._wanted and said.shape == self._input.shape

    def __call__(self, said: torch.Tensor) -> torch.Tensor:
        """As Decoder.draw."""
        if self._graph is None:
            return self._decoder.draw(said, self._face, self._wanted)
        self._input.copy_(said)
        self._graph.replay()
        return self._output.clone()


def _cut(x: torch.Tensor, window: Window, outer: Window) -> torch.Tensor:
    """A part of a tensor that covers `outer`."""
    return x if window == outer else x[(..., *window.within(outer))].contiguous(memory_format=torch.channels_last)
