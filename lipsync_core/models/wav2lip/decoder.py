"""The network with all that depends on the face alone computed once, for the part of the face that is shown."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F

from lipsync_core.audio.mel import BANDS, SILENCE
from lipsync_core.models.wav2lip.architecture import COLUMNS, Conv, Generator, Up
from lipsync_core.models.wav2lip.conv_bn_folding import Layer, fold, plain
from lipsync_core.models.wav2lip.window import SIDES, Window, steps


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

        def layers(block: torch.nn.Module) -> list[Layer]:
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


def _cut(x: torch.Tensor, window: Window, outer: Window) -> torch.Tensor:
    """A part of a tensor that covers `outer`."""
    return x if window == outer else x[(..., *window.within(outer))].contiguous(memory_format=torch.channels_last)
