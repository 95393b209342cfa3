"""The two tracks of a connection, fed by a live session. Sound is never late; a picture that would be is left out."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction

import cv2
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame

from lipsync_core.frame import Frame
from lipsync_core.live import LiveSession
from lipsync_core.sinks.frame_pump import FramePump

RATE = 48000  # samples a second: what Opus works at, and what a session gives
PACKET = 960  # samples, 20 ms: what Opus makes a packet of
VIDEO_CLOCK = 90000  # Hz, of RTP


class SoundTrack(MediaStreamTrack):
    """The sound of frames, in packets. wanted: is called when the first packet is."""

    kind = "audio"

    def __init__(self, wanted: Callable[[], object]) -> None:
        super().__init__()
        self._wanted = wanted
        self._blocks: deque[np.ndarray] = deque()
        self._buffered = self._newest = self._sent = 0  # samples that wait, of the newest frame, and that went out
        self._arrived = 0.0  # when the newest frame came, on the monotonic clock
        self._news = asyncio.Event()

    def put(self, samples: np.ndarray) -> None:
        """Append the sound of a frame that is due now, (n,) float32, -1..1."""
        self._blocks.append((np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype(np.int16))
        self._buffered += len(samples)
        self._newest, self._arrived = len(samples), time.monotonic()
        self._news.set()

    async def recv(self) -> AudioFrame:
        """The next 20 ms. Those of a frame go out one by one while it is shown, what is behind them at once."""
        self._wanted()
        while self.readyState == "live" and (wait := self._wait()) != 0:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
        if self.readyState != "live":
            raise MediaStreamError
        frame = AudioFrame.from_ndarray(self._take()[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._sent
        self._sent += PACKET
        return frame

    def _wait(self) -> float | None:
        """Seconds until the next packet, None for when there is more sound."""
        if self._buffered < PACKET:
            return None
        return max(0.0, self._arrived + (self._newest - self._buffered) / RATE - time.monotonic())

    def _take(self) -> np.ndarray:
        blocks, count = [], 0
        while count < PACKET:
            block = self._blocks.popleft()
            if len(block) > PACKET - count:
                self._blocks.appendleft(block[PACKET - count :])
                block = block[: PACKET - count]
            blocks.append(block)
            count += len(block)
        self._buffered -= PACKET
        return np.concatenate(blocks)

    def stop(self) -> None:
        """No more is sent."""
        super().stop()
        self._news.set()


class PictureTrack(MediaStreamTrack):
    """The newest picture that was not sent yet. wanted: is called when the first one is.

    sent: pictures that went out. skipped: those that were left out. first: when the first one went out, on the
    monotonic clock.
    """

    kind = "video"

    def __init__(self, wanted: Callable[[], object]) -> None:
        super().__init__()
        self._wanted = wanted
        self._next: VideoFrame | None = None
        self._news = asyncio.Event()
        self.sent = self.skipped = 0
        self.first: float | None = None

    def put(self, picture: VideoFrame | None) -> None:
        """Send a picture next, in the place of one that is not sent yet; None is one that is not there in time."""
        self.skipped += picture is None or self._next is not None
        if picture is not None:
            self._next = picture
            self._news.set()

    async def recv(self) -> VideoFrame:
        """The next picture, as soon as it is there."""
        self._wanted()
        while self._next is None and self.readyState == "live":
            self._news.clear()
            await self._news.wait()
        if self.readyState != "live" or self._next is None:
            raise MediaStreamError
        picture, self._next = self._next, None
        self.sent += 1
        self.first = self.first or time.monotonic()
        return picture

    def stop(self) -> None:
        """No more is sent."""
        super().stop()
        self._news.set()


class SessionTracks:
    """Both tracks of a session, whose clock starts when both have been asked for. Lives on one event loop.

    sent: is called with each frame when its sound goes out. ended: is called when no more frames come.
    """

    def __init__(
        self, session: LiveSession, sent: Callable[[Frame], object], ended: Callable[[BaseException | None], object]
    ) -> None:
        self._fps, self._sent = session.fps, sent
        self._asked: set[str] = set()
        self._image: np.ndarray | None = None  # of the picture that was made last
        self._pump = FramePump(session, self._encode, self._put, ended)
        self.sound = SoundTrack(lambda: self._ask("audio"))
        self.pictures = PictureTrack(lambda: self._ask("video"))

    @property
    def running(self) -> bool:
        """Whether the clock has been started."""
        return self._pump.running

    def _ask(self, kind: str) -> None:
        self._asked.add(kind)
        if len(self._asked) == 2:
            self._pump.start()

    def _encode(self, frame: Frame, late: bool) -> VideoFrame | None:
        """A picture as its encoder wants it; None for one that repeats the last one. In the thread of the pump."""
        if late or frame.image is self._image:
            return None
        self._image = frame.image
        # The colours of BT.601, which receivers assume; OpenCV is five times as fast as libswscale here.
        planes = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420), np.uint8)
        picture = VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.time_base = Fraction(1, VIDEO_CLOCK)
        picture.pts = round(frame.index / self._fps * VIDEO_CLOCK)
        return picture

    def _put(self, frame: Frame, picture: VideoFrame | None) -> None:
        self.sound.put(frame.audio)
        self.pictures.put(picture)
        self._sent(frame)

    def stop(self) -> None:
        """Send no more; the pump ends with the session."""
        self.sound.stop()
        self.pictures.stop()
