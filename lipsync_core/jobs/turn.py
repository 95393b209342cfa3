"""Waiting in line without holding a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lipsync_core.jobs.service import Service


class Turn:
    """A place in the line, for a coroutine. Left when the block of `turn` ends, also by cancellation."""

    def __init__(self) -> None:
        self._positions: asyncio.Queue[int] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def moved(self, position: int) -> None:
        """Called by Jobs, from any thread."""
        self._loop.call_soon_threadsafe(self._positions.put_nowait, position)

    async def positions(self) -> AsyncIterator[int]:
        """Each position in the line, until it is this one's turn; no position where it is its turn at once."""
        while (position := await self._positions.get()) > 0:
            if self._positions.empty():
                yield position

    async def come(self) -> None:
        """Wait until it is this one's turn."""
        async for _ in self.positions():
            pass


@asynccontextmanager
async def turn(service: Service, owner: str) -> AsyncIterator[Turn]:
    """A place in the line for the block. Raises Busy at the start."""
    place = Turn()
    with service.jobs.enter(owner, place.moved):
        yield place
