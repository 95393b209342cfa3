"""What a peer's microphone brings, for a live session."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from lipsync_core.errors import LipsyncError
from lipsync_core.live import LiveSession

PAUSE_SECONDS = 0.7  # of silence, after which an utterance has ended
ONSET_SECONDS = 0.2  # before sound is loud enough to be speech, which belong to it
SPEECH_LEVEL = 0.01  # of full scale, root mean square, above which sound is taken for speech

log = logging.getLogger(__name__)


class Microphone:
    """Gives a session what comes: to `hear`, or where `push` is set to be said, an utterance from pause to pause.

    call: runs a call of the session that may have to wait for its lock.
    """

    def __init__(
        self, session: LiveSession, push: bool, call: Callable[[Callable[[], object]], Awaitable[Any]]
    ) -> None:
        self._session, self._push, self._call = session, push, call
        self._onset: deque[np.ndarray] = deque()
        self._speaking = False
        self._quiet = 0.0  # seconds since the last speech

    async def run(self, track: MediaStreamTrack) -> None:
        """Until the track ends."""
        try:
            while True:
                try:
                    async with asyncio.timeout(PAUSE_SECONDS):  # a muted microphone may send nothing
                        frame: Any = await track.recv()
                except TimeoutError:
                    await self._flush()
                    continue
                samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
                await self.take(samples, frame.sample_rate)
        except MediaStreamError:
            await self._flush()

    async def take(self, samples: np.ndarray, rate: int) -> None:
        """A block of (n, channels) int16."""
        try:
            if self._push:
                await self._say(samples, rate)
            else:
                self._session.hear(samples, rate)
        except LipsyncError as error:  # such as a session that has ended, or too much sound
            log.info("Sound of a microphone is not used: %s", error)

    async def _say(self, samples: np.ndarray, rate: int) -> None:
        level = float(np.sqrt(np.mean(np.square(samples / 32768)))) if len(samples) else 0.0
        if level > SPEECH_LEVEL:
            if not self._speaking:
                samples = np.concatenate([*self._onset, samples])
                self._onset.clear()
            self._speaking, self._quiet = True, 0.0
        elif self._speaking:
            self._quiet += len(samples) / rate
        else:
            self._onset.append(samples)
            while sum(map(len, self._onset)) > ONSET_SECONDS * rate:
                self._onset.popleft()
            return
        await self._call(lambda: self._session.push(samples, rate))
        if self._quiet >= PAUSE_SECONDS:
            await self._flush()

    async def _flush(self) -> None:
        if self._speaking:
            self._speaking = False
            await self._call(self._session.flush)
