"""/api/stream_mjpeg: pictures as they are due, and their sound apart."""

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

from lipsync_core import LiveSession, Take
from lipsync_core.errors import redacted
from lipsync_core.jobs.queue import AsyncQueueEntry
from lipsync_core.jobs.render import Limits
from lipsync_core.jobs.service import Service, owner_of, service_of
from lipsync_core.jobs.sessions import Session
from lipsync_core.jobs.streaming import Stream, until_left
from lipsync_core.server.request_parsing import ParsedRequest, body_schema, parse_request, query_schema
from lipsync_core.server.schemas import StreamRequest
from lipsync_core.server.stream_audio import Sound
from lipsync_core.settings import settings
from lipsync_core.sinks import mjpeg
from lipsync_core.sinks.mjpeg import JpegEncoder, LatestPictures, Picture

router = APIRouter(tags=["streams"])
ANSWER: dict[int | str, Any] = {200: {"content": {"multipart/x-mixed-replace": {}}}}


class MjpegStream:
    """The pictures of a live session, or of a take, on their way to one client, and their sound apart."""

    def __init__(self, source: LiveSession | Take, wish: ParsedRequest[StreamRequest], service: Service) -> None:
        self.sound = Sound(source.sample_rate)
        self.facts = _facts(source)
        self._source, self._metrics = source, service.metrics
        self._encoder = JpegEncoder(wish.order.quality)
        self._ahead = (wish.order.queue_frames or settings().queue_frames) / float(source.fps)  # seconds
        self._limits = Limits.of_settings() if wish.audio is not None else Limits()
        self._threads = anyio.CapacityLimiter(1)  # its own, so that many streams never wait for one another's threads
        self._first: Picture | None = None

    async def begin(self) -> None:
        """Wait for the first picture. Raises LipsyncError for what turns out unusable only now."""
        self._first = await self._next()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The body; ends with the speech."""
        begin, sent = mjpeg.PREAMBLE, 0
        picture, last = None, False
        pictures = self._all() if isinstance(self._source, Take) else self._due(self._source)
        async with aclosing(pictures):
            async for picture, last in pictures:
                yield begin + mjpeg.part(picture, last)
                begin, sent = b"", sent + 1
                self.facts.update(sent=sent, seconds=round(picture.time, 3))
        if picture is not None and not last:  # the stream was ended: only a part can close it
            yield mjpeg.part(picture, last=True)

    async def _all(self) -> AsyncGenerator[tuple[Picture, bool], None]:
        """Every picture of a take, and whether it is the last one."""
        picture = self._first
        try:
            while picture is not None:
                following = await self._next()
                yield picture, following is None
                picture = following
        finally:
            self.sound.end()

    async def _due(self, session: LiveSession) -> AsyncGenerator[tuple[Picture, bool], None]:
        """The pictures of a session when they are due, as far as the client takes them."""
        latest = LatestPictures()
        feeding = asyncio.ensure_future(self._feed(session, latest))
        try:
            while (picture := await latest.take()) is not None:
                self._metrics.skipped.inc(latest.skipped - self.facts["skipped"])
                self.facts.update(skipped=latest.skipped, repeated=session.skipped)
                yield picture, latest.ended
            await feeding
        finally:
            feeding.cancel()
            self.sound.end()
            with suppress(asyncio.CancelledError, Exception):
                await feeding

    async def _feed(self, session: LiveSession, latest: LatestPictures) -> None:
        picture = self._first
        try:
            while picture is not None:
                latest.put(picture)
                picture = await self._next() if session.speaking else None
        finally:
            latest.end()
            self.sound.end()

    async def _next(self) -> Picture | None:
        """The next picture, when it is there; None at the end. Its sound is added."""
        made = await anyio.to_thread.run_sync(self._step, abandon_on_cancel=True, limiter=self._threads)
        if made is None:
            return None
        picture, sound = made
        if isinstance(self._source, LiveSession):
            self.sound.follow(picture.time)
        self.sound.add(sound)
        return picture

    def _step(self) -> tuple[Picture, np.ndarray] | None:
        frame = next(self._source, None)
        if frame is None:
            return None
        self._limits.check_heard(frame.time)
        for event in frame.events:
            if event.kind == "error":
                raise event.details["error"]
        self._metrics.frames.labels("mjpeg").inc()
        sound = frame.audio
        if isinstance(self._source, LiveSession):
            _, sound = self._source.sound_ahead(self._ahead)
        return self._encoder.encode(frame), sound


def _facts(source: LiveSession | Take) -> dict[str, Any]:
    """What GET /api/sessions/{id} tells of a stream."""
    height, width = source.size
    return {
        "voice": source.voice,
        "model": source.model,
        "avatar": source.avatar.name,
        "fps": round(float(source.fps), 3),
        "width": width,
        "height": height,
        "notes": [redacted(note) for note in source.avatar.notes],
        "skipped": 0,
    }


@router.get("/api/stream_mjpeg", openapi_extra=query_schema(StreamRequest), response_class=Response, responses=ANSWER)
async def watch(request: Request) -> Response:
    """The same for the address of an `<img>`; choose the name of the `session` to find its sound."""
    return await _stream(request)


@router.post("/api/stream_mjpeg", openapi_extra=body_schema(StreamRequest), response_class=Response, responses=ANSWER)
async def stream(request: Request) -> Response:
    """Pictures, each with its index and time; the sound is at /api/sessions/{X-Session-Id}/audio."""
    return await _stream(request)


async def _stream(request: Request) -> Response:
    service = service_of(request)
    async with AsyncExitStack() as stack:
        wish = await stack.enter_async_context(parse_request(request, StreamRequest))
        entry = await stack.enter_async_context(service.jobs.entered(owner_of(request)))
        made, session = await until_left(request, _begin(stack, service, wish, entry))
        return Stream(made.parts(), mjpeg.MEDIA_TYPE, stack.pop_all(), {"X-Session-Id": session.id})


def _cancel_this() -> Callable[[], object]:
    """What cancels the running task, from any thread."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    # Not the task itself: an error in it and what its frames hold would hold each other, and the take with its files.
    here = weakref.ref(task)

    def cancel() -> None:
        if (running := here()) is not None:
            loop.call_soon_threadsafe(running.cancel)

    return cancel


async def _begin(
    stack: AsyncExitStack, service: Service, wish: ParsedRequest[StreamRequest], entry: AsyncQueueEntry
) -> tuple[MjpegStream, Session]:
    session = service.sessions.open("mjpeg", _cancel_this(), name=wish.order.session)
    stack.callback(service.sessions.remove, session)
    async for position in entry.positions():
        session.facts["position"] = position
    session.facts = {}
    began = time.monotonic()
    source = await stack.enter_async_context(_opened(service, wish))
    made = MjpegStream(source, wish, service)
    session.sound, session.facts, session.state, session.close = made.sound, made.facts, "running", source.stop
    await made.begin()
    first = time.monotonic() - began
    service.metrics.stages.labels("first_frame").observe(first)
    made.facts["first_frame_ms"] = round(first * 1000, 1)
    return made, session


@asynccontextmanager
async def _opened(service: Service, wish: ParsedRequest[StreamRequest]) -> AsyncIterator[LiveSession | Take]:
    """A live session that says what is asked for, or its take; closed, with its threads, when the block ends."""
    began = time.monotonic()
    metrics, threads = service.metrics, service.threads
    avatar = await wish.avatar(service)
    metrics.stages.labels("face").observe(time.monotonic() - began)
    options = wish.order.options(low_latency=True, avatar=avatar, audio=wish.audio)
    sources: list[LiveSession | Take] = []  # has it also where the wait for it is cancelled

    def open_source() -> None:
        studio = service.studio
        live = wish.order.pace
        sources.append(LiveSession(studio, options, wait_for_speech=True) if live else studio.take_of(options))

    def stop() -> None:
        for source in sources:
            source.stop()

    limit = asyncio.get_running_loop().call_later(Limits.of_settings().session_seconds, stop)
    try:
        with metrics.sessions.labels("mjpeg").track_inprogress():
            await threads.renders.run(open_source)
            yield sources[0]
    finally:
        limit.cancel()
        for source in sources:
            await threads.closing.run(source.close)
        metrics.stages.labels("whole").observe(time.monotonic() - began)
