"""When a frame is to be shown to somebody who watches live."""

import time

LATE = 0.1  # seconds; a frame that comes later is not worth sending
STALLED = 0.5  # seconds without any picture, after which a late frame is better than none


class LiveClock:
    """Starts with the first frame. Where frames are made too slowly, it loses time instead of all pictures.

    skipped: how many frames came too late.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._start: float | None = None  # of the take, on the monotonic clock
        self._shown = 0.0

    def wait(self, moment: float) -> bool:
        """Wait until a frame of this time, in seconds from the start, is due; False if it is to be skipped."""
        now = time.monotonic()
        if self._start is None:
            self._start = now - moment
        late = now - self._start - moment
        if late > LATE and now - self._shown < STALLED:
            self.skipped += 1
            return False
        if late > LATE:
            self._start += late
        elif late < 0:
            time.sleep(-late)
        self._shown = time.monotonic()
        return True
