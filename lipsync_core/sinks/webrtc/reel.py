"""What is to be seen and heard next: between the thread that makes frames and the tracks that play them."""

import math
import threading
from collections.abc import Callable
from fractions import Fraction

import numpy as np

RATE = 48000  # samples a second: what Opus works at
FADE = 960  # samples, 20 ms, in which a voice that is interrupted falls silent


class Reel:
    """Pictures and sound by the index of their frame, which is also their place in time. For any threads.

    moved: is called when something was played, and must not wait.
    missing: samples of silence that were played because no frame had come yet.
    """

    def __init__(self, fps: Fraction, moved: Callable[[], object] = lambda: None) -> None:
        self.fps = fps
        self.missing = 0
        self._moved = moved
        self._pictures: dict[int, np.ndarray] = {}
        self._sounds: dict[int, np.ndarray] = {}
        self._end = self._shown = 0  # indices after the last frame there is, and the last one that was seen
        self._heard = 0  # samples
        self._lock = threading.Lock()

    @property
    def end(self) -> int:
        """Index after the last frame; the next one to be put."""
        return max(self._end, self.next)

    @property
    def next(self) -> int:
        """Index of the first frame of which nothing has been seen or heard."""
        return max(self._shown, self._frame(self._heard - 1) + 1)

    def _sample(self, frame: int) -> int:
        """The first sample of a frame."""
        return round(frame / self.fps * RATE)

    def _frame(self, sample: int) -> int:
        """The frame that a sample belongs to."""
        frame = math.floor(sample * self.fps / RATE)
        return frame + 1 if self._sample(frame + 1) <= sample else frame

    def put(self, index: int, picture: np.ndarray, sound: np.ndarray) -> None:
        """Add a frame; all that was to come after it is let go.

        picture: (H * 3 / 2, W) uint8, the planes of I420. sound: (n,) int16.
        """
        with self._lock:
            self._cut(index)
            self._pictures[index], self._sounds[index] = picture, sound
            self._end = index + 1

    def swap(self, index: int, picture: np.ndarray) -> None:
        """Show another picture in the place of one that is there; its sound stays."""
        with self._lock:
            if index in self._pictures:
                self._pictures[index] = picture

    def cut(self, index: int) -> None:
        """Let go the frames from this one on."""
        with self._lock:
            self._cut(index)

    def _cut(self, index: int) -> None:
        for late in range(index, self._end):
            self._pictures.pop(late, None)
            self._sounds.pop(late, None)
        self._end = min(self._end, index)

    def hush(self) -> None:
        """Let the sound that is there fall silent from now on."""
        with self._lock:
            for index, sound in self._sounds.items():
                since = np.arange(len(sound)) + (self._sample(index) - self._heard)
                self._sounds[index] = (sound * np.clip(1 - since / FADE, 0, 1)).astype(np.int16)

    def peek(self, index: int) -> np.ndarray | None:
        """The picture of a frame that has not been seen yet."""
        return self._pictures.get(index)

    def picture(self, index: int) -> np.ndarray | None:
        """Take the picture of a frame, and let go those before it; None if it has not been made."""
        with self._lock:
            found = self._pictures.pop(index, None)
            for passed in [key for key in self._pictures if key < index]:
                del self._pictures[passed]
            self._shown = max(self._shown, index + 1)
        self._moved()
        return found

    def sound(self, count: int) -> np.ndarray:
        """Take the next (count,) int16 samples, silence where there is no frame."""
        with self._lock:
            start, stop = self._heard, self._heard + count
            heard = np.zeros(count, np.int16)
            index, found = self._frame(start), 0
            while (first := self._sample(index)) < stop:
                sound = self._sounds.get(index)
                if sound is not None:
                    part = sound[max(0, start - first) : stop - first]
                    place = max(0, first - start)
                    heard[place : place + len(part)] = part
                    found += len(part)
                index += 1
            self.missing += count - found
            self._heard = stop
            current = self._frame(stop)
            for passed in [key for key in self._sounds if key < current]:
                del self._sounds[passed]
        self._moved()
        return heard
