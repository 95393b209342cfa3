"""The two tracks of a connection. Sound is never late or left out; pictures that come late are."""

import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame

from lipsync_core.sinks.webrtc.clock import Clock
from lipsync_core.sinks.webrtc.reel import RATE, Reel

PACKET = 960  # samples, 20 ms: what Opus makes a packet of
VIDEO_CLOCK = 90000  # Hz, of RTP


class SoundTrack(MediaStreamTrack):
    """heard: is called with the time of the stream, fifty times a second, and must not wait."""

    kind = "audio"

    def __init__(self, reel: Reel, clock: Clock, heard: Callable[[float], object]) -> None:
        super().__init__()
        self._reel, self._clock, self._heard = reel, clock, heard
        self._packets = 0

    async def recv(self) -> AudioFrame:
        """The next 20 ms of sound, when they are due."""
        await self._clock.start(self.kind)
        begin = self._packets * PACKET / RATE
        await self._clock.until(begin)
        if self.readyState != "live":
            raise MediaStreamError
        self._heard(begin)
        frame = AudioFrame.from_ndarray(self._reel.sound(PACKET)[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._packets * PACKET
        self._packets += 1
        return frame


class PictureTrack(MediaStreamTrack):
    """sent: pictures that went out. skipped: those that were not there in time, or that nobody had time to draw.

    first: when the first one went out, on the monotonic clock.
    """

    kind = "video"

    def __init__(self, reel: Reel, clock: Clock) -> None:
        super().__init__()
        self._reel, self._clock = reel, clock
        self._next = 0
        self._last: np.ndarray | None = None
        self.sent = self.skipped = 0
        self.first: float | None = None

    async def recv(self) -> VideoFrame:
        """The next picture, when it is due."""
        await self._clock.start(self.kind)
        fps = self._reel.fps
        while True:
            current = int(self._clock.now * fps)
            if current > self._next:
                self.skipped += current - self._next
                self._next = current
            index, self._next = self._next, self._next + 1
            await self._clock.until(float(index / fps))
            if self.readyState != "live":
                raise MediaStreamError
            picture = self._reel.picture(index)
            if picture is not None and picture is not self._last:
                break
            self.skipped += 1
        self._last = picture
        self.sent += 1
        self.first = self.first or time.monotonic()
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.time_base, frame.pts = Fraction(1, VIDEO_CLOCK), round(index / fps * VIDEO_CLOCK)
        return frame
