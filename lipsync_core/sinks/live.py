"""A take for somebody who watches it live: pictures when they are due, their sound ahead of them."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lipsync_core.core.take import Take
from lipsync_core.frame import Frame

AHEAD = 1.2  # seconds of sound that are sent before their pictures are due, at most
LOW = 0.5  # seconds of sound; with less at hand, frames that cannot be drawn in time are not drawn
COUNT_IN = 3  # times that the first picture is sent before its time, so that the watcher's clock can be set
SLOW = 0.6  # seconds; a machine that has less sound than LOW by then is a slow one, and some frames are not drawn
POLL = 0.005  # seconds


@dataclass(frozen=True)
class Shown:
    """What is sent at one moment.

    image: (H, W, 3) uint8 RGB, or None where the picture stays as it is. time: seconds from the beginning of the
    sound at which it is seen, negative before it. sound: (m,) float32, and start: the sample at which it begins.
    """

    image: np.ndarray | None
    time: float
    sound: np.ndarray
    start: int

    @property
    def moment(self) -> str:
        """`time` and the time of day, in milliseconds, as parameters of a data: URL's media type."""
        return f"t={self.time * 1000:.1f};at={time.time() * 1000:.1f};"


class LivePlay:
    """Iterate once; waits until each picture is due.

    taken: is called with each frame, in order and ahead of its picture. stopped: ends the iteration when it is true.
    late: pictures that could not be sent in time; frames that were not even drawn are in `take.skipped`.

    Where frames are drawn too slowly, some are left out, so that sound and the other pictures go on in time. Where
    there is nothing to hear yet, because the next sentence is not spoken, time stands still.
    """

    def __init__(
        self, take: Take, taken: Callable[[Frame], object], stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.late = 0
        self._take, self._taken, self._stopped = take, taken, stopped
        self._pictures: deque[Frame] = deque()
        self._sounds: list[np.ndarray] = []
        self._sent = self._samples = 0  # samples that were sent, and that were taken
        self._end = 0.0  # seconds, of what was taken
        self._ended = False

    @property
    def skipped(self) -> int:
        """How many pictures could not be seen in time."""
        return self.late + self._take.skipped

    def __iter__(self) -> Iterator[Shown]:
        period = float(1 / self._take.fps)
        self._wait()
        if not self._pictures:
            return
        first = shown = self._pictures.popleft().image
        yield self._shown(first, -COUNT_IN * period)
        self._fill()
        start = time.monotonic() + COUNT_IN * period
        for count in range(COUNT_IN, 0, -1):
            self._sleep(start - count * period)
            yield self._shown(first, -count * period)
        while not self._stopped():
            self._pull(time.monotonic() - start)
            if not self._pictures:
                if self._ended:
                    self._sleep(start + self._end)
                    return
                self._wait()
                if self._pictures:
                    start = max(start, time.monotonic() - self._pictures[0].time)
                continue
            due = start + self._pictures[0].time
            if due > time.monotonic():
                self._sleep(due)
            now = time.monotonic() - start
            frame = self._pictures.popleft()
            while self._pictures and self._pictures[0].time <= now:
                self.late += frame.image is not shown
                frame = self._pictures.popleft()
            if frame.image is not shown or self._sounds:
                yield self._shown(None if frame.image is shown else frame.image, frame.time)
                shown = frame.image

    def _shown(self, image: np.ndarray | None, moment: float) -> Shown:
        sound = np.concatenate(self._sounds) if self._sounds else np.zeros(0, np.float32)
        self._sounds.clear()
        start, self._sent = self._sent, self._sent + len(sound)
        return Shown(image, moment, sound, start)

    def _sleep(self, until: float) -> None:
        time.sleep(max(0.0, until - time.monotonic()))

    def _next(self) -> None:
        frame = next(self._take, None)
        if frame is None:
            self._ended = True
            return
        self._taken(frame)
        self._sounds.append(frame.audio)
        self._pictures.append(frame)
        self._samples += len(frame.audio)
        self._end = self._samples / frame.sample_rate

    def _wait(self) -> None:
        """Take a frame, whenever it comes."""
        while not self._take.ready:
            if self._stopped():
                self._ended = True
                return
            time.sleep(POLL)
        self._next()

    def _fill(self) -> None:
        """Have some sound before it begins."""
        asked = time.monotonic()
        while self._end < LOW and not self._ended and not self._stopped():
            if self._take.ready:
                self._next()
                continue
            if time.monotonic() - asked > SLOW and not self._take.pausing:
                self._take.skip_to(math.ceil(LOW * self._take.fps))
            time.sleep(POLL)

    def _pull(self, now: float) -> None:
        """Take what is there, and see that sound does not run out. now: seconds that were heard."""
        while not self._ended and self._end - now < AHEAD and self._take.ready:
            self._next()
        if not self._ended and self._end - now < LOW and not self._take.ready and not self._take.pausing:
            self._take.skip_to(math.ceil((now + LOW) * self._take.fps))
