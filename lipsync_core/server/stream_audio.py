"""The sound of a stream whose pictures are sent apart."""

import asyncio
import math
import struct
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

import numpy as np

KEPT_SECONDS = 60  # of the past that can still be read
BYTES = 2  # of a sample that is kept: 16 bits, mono
UNKNOWN = 0xFFFFFFFF  # length of what goes on: players read to the end
PCM, FLOAT = 1, 3  # formats of WAV
# Chromium plays a stream of WAV only once it has read so many bytes of samples, whatever they mean. Two channels of
# float32 are that many after 0.6 s of sound; one of int16, after 2.4 s.
PLAYER_BYTES = 7 * 2**15
PLAYER_SECONDS = PLAYER_BYTES / (48000 * 2 * 4)


class Sound:
    """Grows while frames are made; read by any number of clients. For one event loop."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._seen, self._since = 0.0, math.inf  # seconds of the latest picture; when it was, on the monotonic clock
        self._pcm = bytearray()
        self._first = 0  # sample at which `_pcm` begins
        self._ended = False
        self._news = asyncio.Event()

    def add(self, samples: np.ndarray) -> None:
        """(n,) float32, -1..1."""
        self._pcm += (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        extra = len(self._pcm) // BYTES - KEPT_SECONDS * self.sample_rate
        if extra > self.sample_rate:  # now and then, as it moves all that is kept
            del self._pcm[: extra * BYTES]
            self._first += extra
        self._tell()

    def end(self) -> None:
        """No more comes."""
        self._ended = True
        self._tell()

    def follow(self, seconds: float) -> None:
        """The picture of this time is seen now."""
        self._seen, self._since = seconds, time.monotonic()

    @property
    def now(self) -> float:
        """Seconds of the pictures that have been seen; 0 where nobody says which one is."""
        return self._seen + max(0.0, time.monotonic() - self._since)

    async def enough(self, seconds: float) -> None:
        """Wait until a player that begins now could begin at once; at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._ended and self._first + len(self._pcm) // BYTES < (
                    (self.now + PLAYER_SECONDS) * self.sample_rate
                ):
                    await self._news.wait()

    async def wav(self, start: float, player: bool = False) -> AsyncGenerator[bytes, None]:
        """From `start` seconds to the end, as it is made. Who reads too slowly for what is kept misses some.

        player: two channels of float32 instead of one of int16, see PLAYER_BYTES.
        """
        rate = self.sample_rate
        form, channels, width = (FLOAT, 2, 4) if player else (PCM, 1, BYTES)
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF",
            UNKNOWN,
            b"WAVE",
            b"fmt ",
            16,
            form,
            channels,
            rate,
            rate * channels * width,
            channels * width,
            8 * width,
            b"data",
            UNKNOWN,
        )
        yield head
        at = round(start * rate)
        while True:
            at = max(at, self._first)
            chunk = bytes(self._pcm[(at - self._first) * BYTES :])
            if chunk:
                at += len(chunk) // BYTES
                yield _doubled(chunk) if player else chunk
            elif self._ended:
                return
            else:
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _doubled(chunk: bytes) -> bytes:
    """One channel of int16 as two of float32."""
    return np.repeat(np.frombuffer(chunk, "<i2").astype("<f4") / 32768, 2).tobytes()
