"""From a thread that writes to a coroutine that reads."""

import asyncio
import threading
from collections.abc import AsyncGenerator

LIMIT = 2**21  # bytes that may wait for a slow reader


class Pipe:
    """A binary file object for the writing thread; the reader's leaving makes `write` raise BrokenPipeError."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Condition()
        self._waiting = 0
        self._closed = False

    def write(self, data: bytes) -> int:
        """Waits while too much is not read yet."""
        content = bytes(data)
        with self._room:
            self._room.wait_for(lambda: self._closed or self._waiting < LIMIT)
            if self._closed:
                raise BrokenPipeError("the client has left")
            self._waiting += len(content)
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, content)
        return len(content)

    def end(self) -> None:
        """Nothing more is written."""
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, None)

    def close(self) -> None:
        """Nothing more is read."""
        with self._room:
            self._closed = True
            self._room.notify_all()

    async def read(self) -> AsyncGenerator[bytes, None]:
        """What was written, until `end`."""
        while (chunk := await self._chunks.get()) is not None:
            with self._room:
                self._waiting -= len(chunk)
                self._room.notify_all()
            yield chunk
