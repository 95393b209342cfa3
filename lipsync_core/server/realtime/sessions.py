"""Live sessions that clients have opened, by WebRTC or by a WebSocket: their places among the jobs, and their ends."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

from lipsync_core import Frame, LipsyncError, LiveSession, Studio
from lipsync_core.errors import redacted
from lipsync_core.jobs.service import Service
from lipsync_core.jobs.sessions import Session
from lipsync_core.live import Event, State
from lipsync_core.server.problem_details import problem_type
from lipsync_core.server.request_parsing import ParsedRequest
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.settings import settings
from lipsync_core.sinks.webrtc import use_managed_encoders

LEAD_IN_SECONDS = 0.32  # before the first word: a browser needs a moment until it plays all that it gets
LAST_MESSAGE_SECONDS = 0.1  # that the news of a failure gets to go out before its connection ends
FAILED = "The session has failed, which the server's log explains; open a new one."


def event_fields(event: Event) -> dict[str, Any]:
    """An event as clients get it, in JSON."""
    fields = {"event": event.kind, "time": round(event.time, 3), "say": event.say, **event.details}
    error = fields.pop("error", None)
    return fields if error is None else fields | error_fields(error)


def error_fields(error: BaseException) -> dict[str, str]:
    """What clients get to know of an error."""
    if isinstance(error, LipsyncError):
        return {"type": problem_type(error.kind), "detail": redacted(error.message)}
    return {"type": problem_type(""), "detail": FAILED}


class OpenSession:
    """One live session and whoever is connected to it. Lives on one event loop.

    live: the session itself, until the end: what refers to this may live longer than a face should. entry: what
    /api/sessions says of it. listeners: each is called with the fields of every event. ending: what happens when it
    ends, last things first; whoever connects adds to it. over: done when its end has begun. failed: whether it ended
    because something went wrong.
    """

    def __init__(self, service: Service, began: float) -> None:
        self.live: LiveSession
        self.entry: Session
        self.listeners: list[Callable[[dict[str, Any]], object]] = []
        self.ending = AsyncExitStack()
        self.failed = False
        self._service, self._began = service, began
        self._sent = self._skipped = 0
        self._seconds = 0.0
        self._closing: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_open(self) -> bool:
        """Whether it can still be spoken to."""
        return self._closing is None and self.live.state is not State.CLOSED

    def sent(self, frame: Frame, pictures: int, skipped: int) -> None:
        """A frame goes out: its events happen. pictures, skipped: how many were sent, and left out, so far."""
        metrics = self._service.metrics
        if pictures and not self._sent:
            metrics.stages.labels("first_frame").observe(time.monotonic() - self._began)
        metrics.frames.labels(self.entry.kind).inc(pictures - self._sent)
        metrics.skipped.inc(skipped - self._skipped)
        self._sent, self._skipped = pictures, skipped
        self._seconds = frame.time + len(frame.audio) / frame.sample_rate
        self.entry.facts.update(sent=pictures, skipped=skipped, seconds=round(self._seconds, 3))
        for event in frame.events:
            self._tell(event_fields(event))

    def _tell(self, fields: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener(fields)

    def live_ended(self, error: BaseException | None) -> None:
        """The session has ended by itself; called from its thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.fail, error)

    def fail(self, error: BaseException | None) -> None:
        """End it because something has failed, and tell the clients so; without an error, just end it."""
        if self._closing is not None or not hasattr(self, "live"):
            return
        if error is None:
            self.close()
            return
        self.failed = True
        self._tell({"event": "error", "time": round(self._seconds, 3), "say": None, **error_fields(error)})
        self.close(LAST_MESSAGE_SECONDS)

    def close(self, delay: float = 0.0) -> "asyncio.Task[None]":
        """End it; the task is done when nothing of it is left. delay: seconds that its connections stay meanwhile."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(delay))
        return self._closing

    async def _close(self, delay: float) -> None:
        try:
            with suppress(asyncio.CancelledError):  # it ends in any case
                await asyncio.sleep(delay)
            self.over.set_result(None)
            await self.ending.aclose()
        finally:
            self.listeners.clear()
            del self.live


class OpenSessions:
    """The open ones of one server, by id. Lives on one event loop."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._open: dict[str, OpenSession] = {}
        self._closing: set[asyncio.Task[None]] = set()
        use_managed_encoders()

    async def open(self, service: Service, owner: str, kind: str, request: TakeRequest) -> OpenSession:
        """A new session. kind: "webrtc" or "websocket".

        Raises Busy where no place is free now, LipsyncError for what cannot be used.
        """
        request.options(low_latency=True)  # refuses what is wrong before anything is begun
        metrics, began = service.metrics, time.monotonic()
        async with AsyncExitStack() as stack:
            stack.callback(service.jobs.enter(owner, line=False).leave)  # what is live cannot wait
            stack.callback(lambda: metrics.stages.labels("whole").observe(time.monotonic() - began))
            running = metrics.sessions.labels(kind)
            running.inc()
            stack.callback(running.dec)
            face = await ParsedRequest(request, service.folder.path, None, None).avatar(service)
            metrics.stages.labels("face").observe(time.monotonic() - began)
            loop, opened = asyncio.get_running_loop(), OpenSession(service, began)
            options = request.options(low_latency=True, avatar=face)
            made: list[LiveSession] = []  # also where this is cancelled as it comes

            async def leave() -> None:
                for live in made:
                    await service.threads.closing.run(live.close)

            def make() -> None:
                lead_in = LEAD_IN_SECONDS if kind == "webrtc" else 0.0
                made.append(LiveSession(self._studio, options, lead_in=lead_in, closed=opened.live_ended))

            stack.push_async_callback(leave)
            await service.threads.renders.run(make)
            live = made[0]
            if live.error is not None:
                raise live.error
            entry = service.sessions.open(kind, lambda: loop.call_soon_threadsafe(self.end_now, opened))
            stack.callback(service.sessions.remove, entry)
            opened.live, opened.entry, entry.state = live, entry, "running"
            entry.facts.update(model=live.model, fps=round(float(live.fps), 3), size=list(live.size))
            self._open[entry.id] = opened
            stack.callback(self._open.pop, entry.id)
            limit = loop.call_later(settings().max_session_seconds, self.end_now, opened)
            stack.callback(limit.cancel)
            opened.ending = stack.pop_all()
        return opened

    def find(self, key: str) -> OpenSession | None:
        """The session of an id, as long as it is open."""
        opened = self._open.get(key)
        return opened if opened is not None and opened.is_open else None

    async def end(self, opened: OpenSession) -> None:
        """End a session, and wait until nothing of it is left."""
        await asyncio.shield(self.end_now(opened))

    def end_now(self, opened: OpenSession) -> "asyncio.Task[None]":
        """End a session; the task is done when nothing of it is left."""
        task = opened.close()
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def close(self) -> None:
        """End all."""
        for opened in list(self._open.values()):
            self.end_now(opened)
        await asyncio.gather(*self._closing, return_exceptions=True)
