"""When a frame is due. The one clock of a live session; it stands still while nobody takes frames."""

import math
import time
from fractions import Fraction

HOLD_SECONDS = 1.0  # behind, after which the clock waits for whoever takes the frames


class Clock:
    """Counts frames from the moment it is started, on the monotonic clock."""

    def __init__(self, fps: Fraction) -> None:
        self._period = float(1 / fps)
        self._zero: float | None = None

    @property
    def running(self) -> bool:
        return self._zero is not None

    def start(self, delay: float = 0.0) -> None:
        """Frame 0 is due after `delay` seconds."""
        self._zero = time.monotonic() + delay

    def until(self, index: int) -> float:
        """Seconds until a frame is due, negative where it is late; infinite before the start."""
        return math.inf if self._zero is None else self._zero + index * self._period - time.monotonic()

    @property
    def index(self) -> int:
        """The frame that is due now; 0 before the start."""
        return 0 if self._zero is None else max(0, math.floor((time.monotonic() - self._zero) / self._period))

    def hold(self, index: int) -> None:
        """A frame is taken now. Where it should have been long ago, time goes on from here."""
        behind = -self.until(index)
        if self._zero is not None and behind > HOLD_SECONDS:
            self._zero += behind
