"""The sound of the live picture, on a way of its own to the page, because Gradio's events may be merged."""

import asyncio
import re
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, contextmanager

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lipsync_core.jobs.service import owner_of
from lipsync_core.jobs.streaming import Pipe, Stream

PATH = "/page/sound/{name}"
NAME = re.compile(r"[0-9a-f]{32}")  # the page draws it by lot: nobody else can listen
HEAD = struct.Struct("<II")  # of a block: sample at which it begins, and how many there are; 0 at the end
MOST = 256  # pages that listen at once
MOST_EARLY = 16  # of one client that listen before their run has begun
EARLY_SECONDS = 30.0  # that a page may listen before its run begins: it asks for the sound first
POLL_SECONDS = 0.05


class Sounds:
    """Pages that listen, by the name they chose. One for the server."""

    def __init__(self) -> None:
        self._pipes: dict[str, Pipe] = {}
        self._early: dict[str, str] = {}  # client by the name of what it listens to, until that has begun
        self._runs: set[str] = set()

    @property
    def route(self) -> Route:
        """GET: blocks of 16-bit mono samples, 48,000 a second, each after its head."""
        return Route(PATH, self._listen)

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """A run whose sound may be listened to by this name, from its place in the line to its end."""
        self._runs.add(name)
        try:
            yield
        finally:
            self._runs.discard(name)
            self._end(name)

    def send(self, name: str, start: int, samples: np.ndarray) -> None:
        """To whoever listens by this name; from any thread. samples: (n,) float32, -1..1."""
        if len(samples):
            self._write(
                name, HEAD.pack(start, len(samples)) + (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
            )

    def _end(self, name: str) -> None:
        self._write(name, HEAD.pack(0, 0))
        pipe = self._pipes.pop(name, None)
        if pipe:
            pipe.end()

    def _write(self, name: str, block: bytes) -> None:
        pipe = self._pipes.get(name)
        if pipe is not None:
            try:
                pipe.write(block)
            except BrokenPipeError:  # the page is gone; its run ends by itself
                self._pipes.pop(name, None)

    async def _listen(self, request: Request) -> Response:
        name, client = request.path_params["name"], owner_of(request)
        self._make_room(client)
        if not NAME.fullmatch(name) or name in self._pipes or len(self._pipes) >= MOST:
            return PlainTextResponse("There is no such sound.", 404)
        pipe = self._pipes[name] = Pipe()
        self._early[name] = client
        held = AsyncExitStack()
        held.callback(self._forget, name, pipe)
        return Stream(self._blocks(name, pipe), "application/octet-stream", held, {"X-Accel-Buffering": "no"})

    def _make_room(self, client: str) -> None:
        """End the oldest listener whose run has not begun: of this client where it has many, of any where all have."""
        own = [name for name, one in self._early.items() if one == client]
        early = own if len(own) >= MOST_EARLY else list(self._early) if len(self._pipes) >= MOST else []
        if early:
            self._early.pop(early[0])
            self._pipes.pop(early[0]).end()

    def _forget(self, name: str, pipe: Pipe) -> None:
        pipe.close()
        if self._pipes.get(name) is pipe:
            del self._pipes[name]
        self._early.pop(name, None)

    async def _blocks(self, name: str, pipe: Pipe) -> AsyncGenerator[bytes, None]:
        waited = 0.0
        while name not in self._runs and self._pipes.get(name) is pipe:
            if waited >= EARLY_SECONDS:
                return
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        self._early.pop(name, None)
        async for block in pipe.read():
            yield block
