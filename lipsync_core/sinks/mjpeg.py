"""Frames as JPEG pictures in multipart/x-mixed-replace, which a browser shows in an `<img>`."""

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import simplejpeg

from lipsync_core.frame import Frame
from lipsync_core.settings import settings

BOUNDARY = "frame"
LATE = 0.1  # seconds that a picture may come late before others are skipped for it
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Picture:
    """A frame, encoded. time: in seconds from the start of the take."""

    index: int
    time: float
    jpeg: bytes


def encode(frame: Frame, quality: int | None = None) -> Picture:
    """quality: 1 to 100; default that of the settings."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(frame.image), quality or settings().jpeg_quality, "RGB", "420")
    return Picture(frame.index, frame.time, jpeg)


def part(picture: Picture, last: bool = False) -> bytes:
    """One part, with the boundary after it: a browser shows a picture only when the next boundary has come."""
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n"
        f"X-Frame-Index: {picture.index}\r\nX-Frame-Time: {picture.time:.6f}\r\n\r\n"
    )
    return head.encode() + picture.jpeg + b"\r\n--" + BOUNDARY.encode() + (b"--\r\n" if last else b"\r\n")


PREAMBLE = b"--" + BOUNDARY.encode() + b"\r\n"
END = b"\r\n--" + BOUNDARY.encode() + b"--\r\n"  # after a part that was not known to be the last: an empty one


class PlaybackClock:
    """Starts when it is told; where frames are made too slowly it stands still until they come."""

    def __init__(self) -> None:
        self._start: float | None = None

    @property
    def running(self) -> bool:
        return self._start is not None

    def start(self) -> None:
        """The first frame is shown now."""
        if self._start is None:
            self._start = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds of the take that have been played."""
        return time.monotonic() - self._start if self._start is not None else 0.0

    def hold(self, moment: float) -> None:
        """A frame of this time is ready only now: if it should have been shown already, the clock goes back to it."""
        if self._start is not None:
            self._start = max(self._start, time.monotonic() - moment)


class Latest:
    """Pictures between their making and their sending. A slow client gets the latest one that is due.

    skipped: how many it never got.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._pictures: deque[Picture] = deque()

    def __len__(self) -> int:
        return len(self._pictures)

    def put(self, picture: Picture, now: float | None) -> None:
        """Add the next one. now: seconds of the take that were played; None skips nothing."""
        self._pictures.append(picture)
        if now is not None:
            self._skip(now)

    def wait_seconds(self, now: float) -> float | None:
        """Until the next picture is due; None where there is no picture."""
        return max(0.0, self._pictures[0].time - now) if self._pictures else None

    def take(self, now: float | None) -> Picture:
        """The latest one that is due, or simply the next one."""
        if now is not None:
            self._skip(now)
        return self._pictures.popleft()

    def _skip(self, now: float) -> None:
        """Let go what is too late. A hiccup of a few frames is not: they follow at once, and nothing is missing."""
        if not self._pictures or self._pictures[0].time >= now - LATE:
            return
        while len(self._pictures) > 1 and self._pictures[1].time <= now:
            self._pictures.popleft()
            self.skipped += 1
