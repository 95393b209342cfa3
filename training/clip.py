"""One piece of sound with the mouth that belongs to it."""

from dataclasses import dataclass

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND, RATE


@dataclass(frozen=True)
class Clip:
    """samples: (n,) float32 at 16 kHz. track: (channels, T) float32, column j belongs to time j / 80 s."""

    name: str
    samples: np.ndarray
    track: np.ndarray


def to_columns(values: np.ndarray, fps: float, samples: int, shift: float = 0.0) -> np.ndarray:
    """(frames, k) at `fps`, each frame for its middle -> (k, T) at the mel columns of `samples`, `shift` s later."""
    columns = np.arange(1 + samples * COLUMNS_PER_SECOND // RATE) / COLUMNS_PER_SECOND
    middles = (np.arange(len(values)) + 0.5) / fps + shift
    return np.stack([np.interp(columns, middles, v) for v in values.T.astype(np.float64)]).astype(np.float32)
