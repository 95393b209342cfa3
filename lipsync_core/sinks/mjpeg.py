"""Frames as JPEG pictures in multipart/x-mixed-replace, which a browser shows in an `<img>`."""

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np
import simplejpeg

from lipsync_core.frame import Frame
from lipsync_core.settings import settings

BOUNDARY = "frame"
LATE = 0.1  # seconds of pictures that may wait for a client; with more, it gets the latest one instead of them
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Picture:
    """A frame, encoded. time: in seconds from the start of the take."""

    index: int
    time: float
    jpeg: bytes


class JpegEncoder:
    """quality: 1 to 100; default that of the settings."""

    def __init__(self, quality: int | None = None) -> None:
        self._quality = quality or settings().jpeg_quality
        self._image: np.ndarray | None = None
        self._jpeg = b""

    def encode(self, frame: Frame) -> Picture:
        """A picture that is repeated is not encoded again."""
        if frame.image is not self._image:
            self._image = frame.image
            self._jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(frame.image), self._quality, "RGB", "420")
        return Picture(frame.index, frame.time, self._jpeg)


def part(picture: Picture, last: bool = False) -> bytes:
    """One part, with the boundary after it: a browser shows a picture only when the next boundary has come."""
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n"
        f"X-Frame-Index: {picture.index}\r\nX-Frame-Time: {picture.time:.6f}\r\n\r\n"
    )
    return head.encode() + picture.jpeg + b"\r\n--" + BOUNDARY.encode() + (b"--\r\n" if last else b"\r\n")


PREAMBLE = b"--" + BOUNDARY.encode() + b"\r\n"


class LatestPictures:
    """Pictures that are due and not sent. A slow client gets the latest one. For one event loop.

    skipped: how many it never got.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._pictures: deque[Picture] = deque()
        self._ended = False
        self._news = asyncio.Event()

    def put(self, picture: Picture) -> None:
        """Add the next one. After a hiccup of a few frames they follow at once, and nothing is missing."""
        if self._pictures and picture.time - self._pictures[0].time > LATE:
            self.skipped += len(self._pictures)
            self._pictures.clear()
        self._pictures.append(picture)
        self._news.set()

    def end(self) -> None:
        """No more comes."""
        self._ended = True
        self._news.set()

    async def take(self) -> Picture | None:
        """The next one, when there is one; None at the end."""
        while not self._pictures:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        return self._pictures.popleft()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._pictures)

    @property
    def ended(self) -> bool:
        """Whether all have been taken, and no more comes."""
        return self._ended and not self._pictures
