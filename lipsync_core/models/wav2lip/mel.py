"""What the network hears of a frame, and how much of it is speech."""

from functools import lru_cache

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND, SILENCE, chunk_start
from lipsync_core.audio.normalization import Level
from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.wav2lip.network import COLUMNS

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


# Against the mean of the speaking columns, in mel units of 12.5 dB: below QUIET there is no speech, above AUDIBLE
# nothing but. What is quieter than LEAST, by itself, is no speech either.
QUIET, AUDIBLE, LEAST = -2.2, -1.5, -3.4
NEAR_SECONDS, FAR_SECONDS = 0.06, 0.19  # sound this near to the frame counts in full, beyond that far not at all
COLUMN_SECONDS = 0.0125


def activity(chunks: np.ndarray, level: Level) -> np.ndarray:
    """(n, 80, columns) mel around the middle of each frame -> (n,) float32, 0 in silence to 1 in speech.

    It rises and falls over an eighth of a second, and each value depends on its own chunk and the level alone.
    """
    if len(chunks) == 0:
        return np.zeros(0, np.float32)
    count = chunks.shape[-1]
    distance = np.abs(np.arange(count) - (count - 1) / 2) * COLUMN_SECONDS
    nearness = smoothstep((FAR_SECONDS - distance) / (FAR_SECONDS - NEAR_SECONDS))
    loud = np.nan_to_num(chunks, nan=SILENCE, posinf=4, neginf=-4).mean(1, dtype=np.float64)
    quiet = np.maximum(level.means.mean(-1, dtype=np.float64)[..., None] + QUIET, LEAST)
    speech = smoothstep((loud - quiet) / (AUDIBLE - QUIET))
    activity: np.ndarray = (speech * nearness).max(1)
    return activity.astype(np.float32)
