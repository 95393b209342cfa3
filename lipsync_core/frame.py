"""One picture of a talking video with the sound that belongs to it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """Sound and picture travel together, so that nothing that shows or stores them can drift.

    image: (H, W, 3) uint8 RGB, even height and width; not to be written to.
    index: 0 for the first frame of a take.
    time: when the frame appears, in seconds from the start of the take: index / fps.
    audio: (m,) float32, mono, -1..1: what sounds while the frame is shown. The audio of all frames, one after the
        other, is the sound of the take without gap or overlap.
    sample_rate: samples a second of `audio`.
    """

    image: np.ndarray
    index: int
    time: float
    audio: np.ndarray
    sample_rate: int
