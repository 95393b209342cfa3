"""One picture of a talking video with the sound that belongs to it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

NTSC_RATES = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120))  # frames a second


@dataclass(frozen=True, eq=False)
class Frame:
    """Sound and picture travel together, so that nothing that shows or stores them can drift.

    image: (H, W, 3) uint8 RGB, even height and width; not to be written to.
    index: 0 for the first frame of a take, unless it starts later.
    time: when the frame appears, in seconds: index / fps.
    audio: (m,) float32, mono, -1..1: what sounds while the frame is shown. The audio of all frames, one after the
        other, is the sound of the take without gap or overlap.
    sample_rate: samples a second of `audio`.
    events: of a live session, what happens while the frame is shown.
    """

    image: np.ndarray
    index: int
    time: float
    audio: np.ndarray
    sample_rate: int
    events: tuple[Any, ...] = ()


def exact_rate(fps: float | Fraction) -> Fraction:
    """Frames a second as the fraction that is meant: 23.976 and 23.98 are 24000/1001, 29.97 is 30000/1001."""
    if isinstance(fps, Fraction):
        return fps
    for rate in NTSC_RATES:
        if abs(fps - rate) < 0.005:
            return rate
    return Fraction(fps).limit_denominator(1001)
