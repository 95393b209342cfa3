"""/api/stream_mjpeg: pictures as they are due, and their sound apart."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lipsync_core import Frame
from lipsync_core.jobs.queue import AsyncQueueEntry
from lipsync_core.jobs.service import Service, owner_of, service_of
from lipsync_core.jobs.sessions import Session
from lipsync_core.jobs.streaming import Stream, until_left
from lipsync_core.server.render import Making, making
from lipsync_core.server.request_parsing import ParsedRequest, body_schema, parse_request, query_schema
from lipsync_core.server.schemas import StreamRequest
from lipsync_core.server.stream_audio import Sound
from lipsync_core.settings import settings
from lipsync_core.sinks import mjpeg
from lipsync_core.sinks.mjpeg import Latest, Picture, PlaybackClock

router = APIRouter(tags=["streams"])
ANSWER: dict[int | str, Any] = {200: {"content": {"multipart/x-mixed-replace": {}}}}


class Show:
    """The pictures of one take on their way to one client."""

    def __init__(self, made: Making, order: StreamRequest, session: Session) -> None:
        self._made, self._session = made, session
        self._quality, self._paced = order.quality, order.pace
        self._ahead = order.queue_frames or settings().queue_frames
        self._clock = clock = PlaybackClock()
        self._latest = Latest()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        # Without a reference to itself: what a take holds, such as the open file of its face, goes at once then.
        self.sound = Sound(made.take.sample_rate, lambda: clock.now)
        self._ended = self._complete = False  # no more comes; because all has come

    async def first(self) -> None:
        """Make the first frame. Raises LipsyncError for what turns out unusable only now."""
        await self._step()

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The parts; ends with the take."""
        feeding = asyncio.ensure_future(self._feed())
        figures, facts = self._made.service.metrics, self._session.facts
        begin, sent, last = mjpeg.PREAMBLE, 0, False
        try:
            while (picture := await self._next()) is not None:
                skipped = self._latest.skipped
                if self._paced:
                    self._clock.start()
                last = sent > 0 and await self._is_last()
                yield begin + mjpeg.part(picture, last)
                begin, sent = b"", sent + 1
                figures.skipped.inc(self._latest.skipped - skipped)
                facts.update(sent=sent, skipped=self._latest.skipped, seconds=round(picture.time, 3))
            await feeding
            if not last:  # it was on its way when the take ended
                yield mjpeg.END
        finally:
            feeding.cancel()
            self.sound.end()
            with suppress(asyncio.CancelledError, Exception):
                await feeding

    async def _next(self) -> Picture | None:
        while True:
            now = self._clock.now if self._paced else None
            wait = self._latest.wait_seconds(now or 0.0)
            if wait is not None and (now is None or wait == 0.0):
                picture = self._latest.take(now)
                self._room.set()
                return picture
            if wait is not None:
                await asyncio.sleep(wait)
            elif self._ended:
                return None
            else:
                self._news.clear()
                await self._news.wait()

    async def _is_last(self) -> bool:
        """Whether none comes after the one just taken, as far as that is known within the time of a frame."""
        if not len(self._latest) and not self._ended:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(float(1 / self._made.take.fps)):
                    await self._news.wait()
        return self._complete and not len(self._latest)

    async def _feed(self) -> None:
        try:
            while await self._step():
                while self._full():
                    self._room.clear()
                    with suppress(TimeoutError):  # the clock makes room too
                        async with asyncio.timeout(float(1 / self._made.take.fps)):
                            await self._room.wait()
            self._complete = True
        finally:
            self._ended = True
            self.sound.end()
            self._news.set()

    def _full(self) -> bool:
        if not self._paced:
            return len(self._latest) >= self._ahead
        return self._newest - self._clock.now > self._ahead / float(self._made.take.fps)

    async def _step(self) -> bool:
        """Make one more picture; False at the end."""
        made = await self._made.next(self._encode)
        if made is None:
            return False
        frame, picture = made
        self.sound.add(frame.audio)
        self._newest = frame.time
        if self._paced and not len(self._latest):
            self._clock.hold(picture.time)
        self._latest.put(picture, self._clock.now if self._paced and self._clock.running else None)
        self._news.set()
        return True

    def _encode(self, frame: Frame) -> tuple[Frame, Picture]:
        return frame, mjpeg.encode(frame, self._quality)


@router.get("/api/stream_mjpeg", openapi_extra=query_schema(StreamRequest), response_class=Response, responses=ANSWER)
async def watch(request: Request) -> Response:
    """The same for the address of an `<img>`; choose the name of the `session` to find its sound."""
    return await _show(request)


@router.post("/api/stream_mjpeg", openapi_extra=body_schema(StreamRequest), response_class=Response, responses=ANSWER)
async def stream(request: Request) -> Response:
    """Pictures, each with its index and time; the sound is at /api/sessions/{X-Session-Id}/audio."""
    return await _show(request)


async def _show(request: Request) -> Response:
    service = service_of(request)
    async with AsyncExitStack() as stack:
        wish = await stack.enter_async_context(parse_request(request, StreamRequest))
        entry = await stack.enter_async_context(service.jobs.entered(owner_of(request)))
        show, session = await until_left(request, _begin(stack, service, wish, entry))
        return Stream(show.body(), mjpeg.MEDIA_TYPE, stack.pop_all(), {"X-Session-Id": session.id})


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
) -> tuple[Show, Session]:
    session = service.sessions.open("mjpeg", _cancel_this(), name=wish.order.session)
    stack.callback(service.sessions.remove, session)
    async for position in entry.positions():
        session.facts["position"] = position
    session.facts = {}
    made = await stack.enter_async_context(making(service, wish, "mjpeg", low_latency=True))
    show = Show(made, wish.order, session)
    session.sound, session.state, session.close = show.sound, "running", made.take.close
    session.facts = made.facts()
    await show.first()
    session.facts["first_frame_ms"] = round(made.first_frame * 1000, 1)
    return show, session
