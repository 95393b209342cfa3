"""From a thread that writes to a client that reads: responses and waits that end as soon as the client has left."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STALLED_SECONDS = 30.0  # without taking anything, after which a client counts as gone
PIPE_BYTES = 2**21  # that may wait for a slow reader
NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Result = TypeVar("Result")


class Left(Exception):
    """The client is gone; nobody is there to be told."""


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def until_left(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client leaves; raises Left then, or HTTPException where
    somebody else has cancelled it.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Left
        if task.cancelled():
            raise HTTPException(410, "The session was ended before it began; ask again for a new one.")
        return task.result()
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.wait((task,))
        del gone, task  # else an error and this frame would hold each other, and the take with its files


class Stream(Response):
    """Sends what an asynchronous generator yields, and closes it and then `held` however the response ends.

    The generator is closed within milliseconds of the client's leaving, also while it waits, and when the client
    takes nothing for half a minute.
    """

    def __init__(
        self,
        body: AsyncGenerator[bytes, None],
        media_type: str,
        held: AsyncExitStack,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body_of, self.held = body, held
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers({**NO_STORE, **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            gone.cancel()
            sending.cancel()
            await asyncio.wait((sending,))
            await self.held.aclose()

    async def _send(self, send: Send) -> None:
        async with aclosing(self.body_of) as body:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in body:
                try:
                    # Not wait_for: before Python 3.12 it loses a cancellation that comes as the wait ends.
                    async with asyncio.timeout(STALLED_SECONDS):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


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
            self._room.wait_for(lambda: self._closed or self._waiting < PIPE_BYTES)
            if self._closed:
                raise BrokenPipeError("the client has left")
            self._waiting += len(content)
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, content)
        return len(content)

    @property
    def waiting(self) -> int:
        """Bytes that are not read yet."""
        return self._waiting

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
