"""The one clock of a connection: both tracks play by it, so they cannot drift apart."""

import asyncio

KINDS = frozenset({"audio", "video"})
PREROLL_SECONDS = 0.02  # from the moment both tracks are wanted to the first frame


class Clock:
    """Starts when both tracks have been asked for something. Lives on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: set[str] = set()
        self._started = asyncio.Event()
        self._zero = 0.0  # on the loop's clock

    @property
    def running(self) -> bool:
        return self._started.is_set()

    @property
    def now(self) -> float:
        """Seconds of the stream that have passed; below 0 before the first frame is due."""
        return self._loop.time() - self._zero if self.running else -PREROLL_SECONDS

    async def start(self, kind: str) -> None:
        """Say that a track, "audio" or "video", is wanted, and wait for the other one."""
        self._asked.add(kind)
        if self._asked == KINDS and not self.running:
            self._zero = self._loop.time() + PREROLL_SECONDS
            self._started.set()
        await self._started.wait()

    async def until(self, seconds: float) -> None:
        """Wait until this time of the stream; at once where it has passed."""
        wait = seconds - self.now
        if wait > 0:
            await asyncio.sleep(wait)
