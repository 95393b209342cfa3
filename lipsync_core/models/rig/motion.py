"""Mel chunks to mouth motion: the small network that decides what the lips do."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lipsync_core.audio.mel import BANDS, SILENCE
from lipsync_core.audio.normalization import Level
from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.installation import resource
from lipsync_core.models.interpolation import smoothstep

CHANNELS = ("open", "width", "pucker", "press", "tuck")
# One head a kind of teacher: real lips, captured face curves, synthetic speech with known phonemes.
REAL = ("open", "width", "press")
CAPTURED = ("open", "width", "pucker", "press")
SYNTHETIC = ("open", "width", "pucker", "press", "tuck")
HEADS = len(REAL) + len(CAPTURED) + len(SYNTHETIC)

WIDTH = 192  # channels of the trunk; a file may hold a narrower or wider one
WIDEST = 512
KERNEL = 6  # mel columns that the first convolution sees, 75 ms
STRIDE = 2  # mel columns a step of the trunk: 25 ms
DILATIONS = (1, 2, 4, 4, 2, 1)
SMOOTH = 2  # steps averaged: 50 ms, a little more than one frame at 25 fps
COLUMNS = KERNEL + STRIDE * (2 * sum(DILATIONS) + SMOOTH - 1)  # 64: 0.4 s to either side of the frame's middle
CLAMP = 4.0  # normalised mel beyond this many deviations tells nothing more
GROUP = 8  # chunks computed together; always as many, so that the result does not depend on the batch size

# Limits of the channels, open and width in eye distances
LOWEST = np.array([0.0, -0.16, 0.0, 0.0, 0.0], np.float32)
HIGHEST = np.array([0.40, 0.14, 1.0, 1.0, 1.0], np.float32)

# What else draws the corners of the mouth in or out, in eye distances of width a unit: rounded lips and an open jaw
# pull them in, pressed lips push them out. Measured on rendered speech; the width channel makes up for it.
BY_PUCKER, BY_OPENING, BY_PRESS = -0.036, -0.07, 0.019

# Silence, against the mean of the speaking columns: below QUIET the mouth rests, above AUDIBLE the network decides.
QUIET, AUDIBLE = -2.2, -1.5  # mel units of 12.5 dB
HEARD_BEFORE, HEARD_AFTER = 7, 13  # columns before and after the frame: a mouth opens before its sound

DEFAULT_WEIGHTS = resource("checkpoints/rig_motion.safetensors")


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each column alone, so that a chunk equals its part of a long window."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, channels, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(1, keepdim=True)
        centred = x - mean
        return centred * torch.rsqrt((centred * centred).mean(1, keepdim=True) + 1e-5) * self.weight + self.bias


class Block(nn.Module):
    """Residual dilated convolution without padding: (n, C, T) -> (n, C, T - 2 * dilation)."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.wide = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.norm = ChannelNorm(channels)
        self.narrow = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout1d(dropout)  # whole channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change: torch.Tensor = self.narrow(self.dropout(F.gelu(self.norm(self.wide(x)))))
        return x[..., self.dilation : x.shape[-1] - self.dilation] + change


class MotionNet(nn.Module):
    """Normalised mel (n, 80, T) -> motion; one trunk, a head for each teacher, and a fixed blend of the heads."""

    blend: torch.Tensor
    offset: torch.Tensor

    def __init__(self, width: int = WIDTH, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv1d(BANDS, width, KERNEL, stride=STRIDE)
        self.blocks = nn.Sequential(*[Block(width, d, dropout) for d in DILATIONS])
        self.heads = nn.Conv1d(width, HEADS, 1)
        # heads -> channels; press and tuck are logits. Set by training.blend
        self.register_buffer("blend", torch.zeros(len(CHANNELS), HEADS))
        self.register_buffer("offset", torch.zeros(len(CHANNELS)))

    def teachers(self, mel: torch.Tensor) -> torch.Tensor:
        """(n, 80, COLUMNS + STRIDE * k) -> (n, HEADS, k + 1): what each head says, averaged over SMOOTH steps."""
        heads = self.heads(F.gelu(self.blocks(self.first(mel))))
        return F.avg_pool1d(heads, SMOOTH, stride=1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """(n, 80, COLUMNS) -> (n, 5): open, width, pucker, press, tuck."""
        mixed = self.teachers(mel)[..., 0] @ self.blend.T + self.offset
        shape, seal = mixed[:, :3], mixed[:, 3:]
        rival = F.relu(seal.flip(1))  # a lip under the teeth is not pressed too: the surer of the two is drawn
        sealed = torch.sigmoid(seal - rival)
        opening, width, pucker, press = shape[:, :1], shape[:, 1:2], shape[:, 2:], sealed[:, :1]
        aside = BY_PUCKER * pucker.clamp(0, 1) + BY_OPENING * opening.clamp(min=0) * (1 - press) + BY_PRESS * press
        return torch.cat([opening, width - aside, pucker, sealed], 1)


def normalise(mel: np.ndarray, level: Level) -> np.ndarray:
    """Raw mel (..., 80, T) -> deviations from the take's own speech, clamped."""
    scale = np.asarray(level.scale, np.float32)[..., None, None]
    deviations: np.ndarray = np.clip((mel - level.means[..., None]) / scale, -CLAMP, CLAMP)
    return deviations.astype(np.float32)


class Motion:
    """The trained network with its normalisation, its silence and its limits."""

    def __init__(self, net: MotionNet) -> None:
        self._net = net.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Motion":
        """Read weights from a safetensors file; by default the ones that come with the program.

        Raises LipsyncError where the file is missing, damaged, or holds another network.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = Path(path) if path is not None else DEFAULT_WEIGHTS
        hint = Message("give the weights that came with this version or train them with python -m training.motion")
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as problem:
            raise LipsyncError(
                "{path} cannot be read as motion weights ({problem}): {hint}.",
                path=path,
                problem=Reason(problem),
                hint=hint,
            ) from problem
        first = weights.get("first.bias", torch.zeros(0))
        net = MotionNet(width=max(1, min(WIDEST, first.numel())))
        wanted = {name: value.shape for name, value in net.state_dict().items()}
        if {name: value.shape for name, value in weights.items()} != wanted:
            raise LipsyncError(
                "{path} holds another network than the rig's motion network: {hint}.", path=path, hint=hint
            )
        if not all(torch.isfinite(value).all() for value in weights.values()):
            raise LipsyncError("{path} holds weights that are not finite numbers: {hint}.", path=path, hint=hint)
        net.load_state_dict(weights)
        return cls(net)

    def __call__(self, chunks: np.ndarray, level: Level) -> np.ndarray:
        """(n, 80, COLUMNS) float32 raw mel, -4..4 -> (n, 5) float32, the CHANNELS.

        Each row depends on its own chunk and its Level alone, to the last bit: chunks are computed in groups of a
        fixed size. In silence every channel is 0.
        """
        count = len(chunks)
        motion = np.zeros((count, len(CHANNELS)), np.float32)
        if count == 0:
            return motion
        padded = np.full((-(-count // GROUP) * GROUP, BANDS, COLUMNS), SILENCE, np.float32)
        padded[:count] = np.nan_to_num(chunks, nan=SILENCE)
        present = presence(padded[:count], level)
        mel = torch.from_numpy(normalise(padded, level.part(np.minimum(np.arange(len(padded)), count - 1))))
        with torch.inference_mode():
            for start in range(0, len(padded), GROUP):
                end = min(count, start + GROUP)
                if present[start:end].any():  # an idle face has nothing to ask the network
                    motion[start:end] = self._net(mel[start : start + GROUP]).numpy()[: end - start]
        moved: np.ndarray = np.clip(motion, LOWEST, HIGHEST) * present[:, None]
        return moved


def presence(chunks: np.ndarray, level: Level) -> np.ndarray:
    """Raw mel (n, 80, COLUMNS) -> (n,) 0 where nothing near the middle of the chunk can be speech, else up to 1."""
    middle = chunks.shape[-1] // 2
    near = chunks[..., middle - HEARD_BEFORE : middle + HEARD_AFTER].mean(1, dtype=np.float32)
    above = near.max(1) - level.means.mean(-1, dtype=np.float32)
    return smoothstep((above - QUIET) / (AUDIBLE - QUIET)).astype(np.float32)
