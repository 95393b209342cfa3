"""How much of a frame is speech, so that the mouth rests in silence instead of chewing."""

import numpy as np

from lipsync_core.audio import SILENCE
from lipsync_core.level import Level

# Against the mean of the speaking columns, in mel units of 12.5 dB: below QUIET there is no speech, above AUDIBLE
# nothing but.
QUIET, AUDIBLE = -2.2, -1.5
NEAR_SECONDS, FAR_SECONDS = 0.08, 0.19  # sound this near to the frame counts in full, beyond that far not at all
COLUMN_SECONDS = 0.0125
FADE = 4.0  # mel units by which sound at the far end counts as quieter


def activity(chunks: np.ndarray, level: Level) -> np.ndarray:
    """(n, 80, columns) mel around the middle of each frame -> (n,) float32, 0 in silence to 1 in speech.

    It rises and falls over a tenth of a second, and each value depends on its own chunk and the level alone.
    """
    if len(chunks) == 0:
        return np.zeros(0, np.float32)
    count = chunks.shape[-1]
    distance = np.abs(np.arange(count) - (count - 1) / 2) * COLUMN_SECONDS
    farther = np.clip((distance - NEAR_SECONDS) / (FAR_SECONDS - NEAR_SECONDS), 0, 1) * FADE
    loud = np.nan_to_num(chunks, nan=SILENCE).mean(1, dtype=np.float64) - float(level.means.mean()) - farther
    part = np.clip((loud.max(1) - QUIET) / (AUDIBLE - QUIET), 0, 1)
    return (part * part * (3 - 2 * part)).astype(np.float32)
