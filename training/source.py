"""A teacher: changed copies of its clips, and what is needed to compare its channels with the network's heads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_core.audio.mel import SILENCE, mel_spectrogram
from lipsync_core.audio.normalization import Level, LevelMeter
from lipsync_core.models.rig.motion import COLUMNS
from training.augment import variant
from training.clip import Clip

SEALS = ("press", "tuck")  # channels that are probabilities; the others are standardised
EDGE = COLUMNS // 2  # columns of digital silence on either side, as at the ends of a take
LEVELS = 4  # a copy is heard after as many different beginnings


@dataclass(frozen=True)
class Copy:
    """mel (80, T) float16 raw, track (k, T) float32, and Levels that a listener may have at that point."""

    mel: np.ndarray
    track: np.ndarray
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Source:
    """first: index of its first head. mean, std: (k,) of the channels over all copies; 0 and 1 for seals."""

    name: str
    channels: tuple[str, ...]
    first: int
    copies: list[Copy]
    mean: np.ndarray
    std: np.ndarray
    rest: np.ndarray  # (k,) raw values of the closed, silent mouth
    share: float = 1.0  # of the windows of a step, against the other sources

    @property
    def heads(self) -> slice:
        """Its heads among all."""
        return slice(self.first, self.first + len(self.channels))


def _copy(mel: np.ndarray, track: np.ndarray, rng: np.random.Generator) -> Copy:
    levels = [LevelMeter().update(mel.astype(np.float32))]
    for _ in range(LEVELS - 1):
        length = int(np.exp(rng.uniform(np.log(40), np.log(max(41, mel.shape[1])))))
        start = rng.integers(0, max(1, mel.shape[1] - length))
        levels.append(LevelMeter().update(mel[:, start : start + length].astype(np.float32)))
    padded = np.pad(mel, ((0, 0), (EDGE, EDGE)), constant_values=SILENCE)
    return Copy(padded, np.pad(track, ((0, 0), (EDGE, EDGE)), mode="edge"), tuple(levels))


def build(
    name: str,
    channels: tuple[str, ...],
    first: int,
    clips: Iterable[Clip],
    rest: Sequence[float] | np.ndarray,
    copies: int,
    speeds: tuple[float, float],
    seed: int,
    share: float = 1.0,
) -> Source:
    """`copies` changed copies of each clip, the first one left as it is. Raises ValueError without clips."""
    rng = np.random.default_rng(seed)
    made = []
    for clip in clips:
        mel = mel_spectrogram(clip.samples).astype(np.float16)
        made.append(_copy(mel, clip.track[:, : mel.shape[1]], rng))
        made += [_copy(*variant(clip, rng, speeds), rng) for _ in range(copies - 1)]
    if not made:
        raise ValueError(f"there are no clips of the {name} kind to learn from")
    tracks = np.concatenate([c.track[:, EDGE:-EDGE] for c in made], axis=1)
    seal = np.array([c in SEALS for c in channels])
    mean = np.where(seal, 0.0, tracks.mean(1)).astype(np.float32)
    std = np.where(seal, 1.0, tracks.std(1) + 1e-6).astype(np.float32)
    return Source(name, channels, first, made, mean, std, np.asarray(rest, np.float32), share)
