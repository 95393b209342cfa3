"""Which mel columns the network hears for a frame of the video."""

from functools import lru_cache

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND, chunk_start
from lipsync_core.models.wav2lip.architecture import COLUMNS

HEARD = 32  # columns asked for around a frame: the network's 16, and what the speech activity looks at
# In training, frame k of a clip of 25 frames a second came with the 16 columns from (k - 1) / 25 s on: its own middle
# less one and a half frames.
LEAD_SECONDS = 1.5 / 25


def trained_start(frame: int, fps: float) -> int:
    """First mel column of a frame's chunk, at the time that the network was trained with. May be negative."""
    return int(np.floor(((frame + 0.5) / fps - LEAD_SECONDS) * COLUMNS_PER_SECOND + 1e-9))


def official_start(frame: int, fps: float) -> int:
    """The same as the official script has it: one frame later than in training."""
    return int(frame * (80.0 / fps))


def official_starts(columns: int, fps: float) -> list[int]:
    """All starts of the official script in a spectrogram of so many columns; it ends the video with the last one.

    columns: 16 or more.
    """
    starts: list[int] = []
    while (start := official_start(len(starts), fps)) + COLUMNS <= columns:
        starts.append(start)
    return [*starts, columns - COLUMNS]


@lru_cache(maxsize=4096)
def offset(frame: int, fps: float, official: bool) -> int:
    """Where in the HEARD columns around a frame the network's chunk begins.

    Below 3 frames a second the official start lies outside of them, and the first that lies inside is taken.
    """
    start = official_start(frame, fps) if official else trained_start(frame, fps)
    return int(np.clip(start - chunk_start(frame, fps, HEARD), 0, HEARD - COLUMNS))


def heard(chunks: np.ndarray, frames: np.ndarray, fps: float, official: bool) -> np.ndarray:
    """(n, 80, HEARD) chunks of frames -> (n, 80, 16) float32, what the network hears; NaN is silence."""
    parts = [
        chunk[:, (first := offset(int(frame), fps, official)) : first + COLUMNS]
        for chunk, frame in zip(chunks, frames, strict=True)
    ]
    columns: np.ndarray = np.nan_to_num(np.stack(parts), nan=-4.0, posinf=4.0, neginf=-4.0).astype(np.float32)
    return columns
