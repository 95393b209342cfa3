"""How much of a frame is speech, so that the mouth rests in silence instead of chewing."""

import numpy as np

from lipsync_core.audio.mel import SILENCE
from lipsync_core.audio.normalization import Level
from lipsync_core.models.interpolation import smoothstep

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
    return (speech * nearness).max(1).astype(np.float32)
