"""The sound of the live picture, on a way of its own to the page, because Gradio's events may be merged."""

import re
import struct
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lipsync_core.jobs.streaming import Pipe, Stream

PATH = "/page/sound/{name}"
NAME = re.compile(r"[0-9a-f]{32}")  # the page draws it by lot: nobody else can listen
HEAD = struct.Struct("<II")  # of a block: sample at which it begins, and how many there are; 0 at the end
MOST = 256  # pages that listen at once


class Sounds:
    """Pages that listen, by the name they chose. One for the server."""

    def __init__(self) -> None:
        self._pipes: dict[str, Pipe] = {}

    @property
    def route(self) -> Route:
        """GET: blocks of 16-bit mono samples, 48,000 a second, each after its head."""
        return Route(PATH, self._listen)

    def send(self, name: str, start: int, samples: np.ndarray) -> None:
        """To whoever listens by this name; from any thread. samples: (n,) float32, -1..1."""
        if len(samples):
            self._write(
                name, HEAD.pack(start, len(samples)) + (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
            )

    def end(self, name: str) -> None:
        """Nothing more comes."""
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
        name = request.path_params["name"]
        if not NAME.fullmatch(name) or name in self._pipes or len(self._pipes) >= MOST:
            return PlainTextResponse("There is no such sound.", 404)
        pipe = self._pipes[name] = Pipe()
        held = AsyncExitStack()
        held.callback(self._forget, name, pipe)
        return Stream(self._blocks(pipe), "application/octet-stream", held, {"X-Accel-Buffering": "no"})

    def _forget(self, name: str, pipe: Pipe) -> None:
        pipe.close()
        if self._pipes.get(name) is pipe:
            del self._pipes[name]

    async def _blocks(self, pipe: Pipe) -> AsyncGenerator[bytes, None]:
        async for block in pipe.read():
            yield block
