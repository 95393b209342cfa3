"""Sound at another rate, as it comes."""

from typing import Any

import numpy as np


class Resampler:
    """One channel from one rate to another, in Hz, with a delay of a millisecond.

    FFmpeg's resampler, since others wait for tens of milliseconds of sound before they give any. What comes out
    does not depend on how the sound was cut into blocks.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        # Here, so that importing the package stays cheap; and whole, since of two threads that import other parts of
        # it at once one may get what is half made.
        import av

        self._rate = rate
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted) if rate != wanted else None

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 -> (m,) float32, what is complete."""
        if self._resampler is None or not len(samples):
            return samples
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = self._rate
        return self._joined(self._resampler.resample(frame))

    def flush(self) -> np.ndarray:
        """The rest. The stream can be pushed to no more."""
        return np.zeros(0, np.float32) if self._resampler is None else self._joined(self._resampler.resample(None))

    def _joined(self, frames: list[Any]) -> np.ndarray:
        parts = [frame.to_ndarray()[0] for frame in frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
