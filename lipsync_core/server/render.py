"""A take for a request: waits for its turn, is timed, limited in length and closed at the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import anyio.to_thread

from lipsync_core import Frame, Take
from lipsync_core.errors import LimitExceeded, redacted
from lipsync_core.jobs.service import Service
from lipsync_core.jobs.streaming import Left
from lipsync_core.jobs.uploads import check_heard
from lipsync_core.server.request_parsing import ParsedRequest
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.settings import settings


@dataclass(eq=False)
class Making:
    """take: the frames. began: when the job's turn came, on the monotonic clock.

    cut: whether the take was ended because a session may not be longer. recorded: whether it plays an upload.
    left: whether the client has.
    """

    service: Service
    take: Take
    kind: str
    began: float
    cut: bool = False
    frames: int = 0
    first_frame: float = 0.0  # seconds after `began`
    recorded: bool = False
    left: bool = False
    _one: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    async def next(self, work: Any = None) -> Any:
        """The next frame, or what `work` makes of it in the same thread; None at the end."""

        def step() -> Any:
            frame = next(self.take, None)
            if frame is None:
                return None
            self.count(frame)
            return frame if work is None else work(frame)

        # A limiter of its own, so that many takes never wait for one another's threads.
        return await anyio.to_thread.run_sync(step, abandon_on_cancel=True, limiter=self._one)

    def count(self, frame: Frame) -> None:
        """Whoever takes frames from the take itself calls this for each. Raises LipsyncError for one too many."""
        if self.left:
            raise Left
        if self.recorded:
            check_heard(frame.time)
        if not self.frames:
            self.first_frame = time.monotonic() - self.began
            self.service.metrics.stages.labels("first_frame").observe(self.first_frame)
        self.frames += 1
        self.service.metrics.frames.labels(self.kind).inc()

    def leave(self) -> None:
        """Nobody waits for the frames any more, also not for those that are made; does not wait."""
        self.left = True
        self.take.stop()

    def check_whole(self) -> None:
        """Raises LipsyncError when the take was cut."""
        if self.cut:
            limit = settings().max_session_seconds
            raise LimitExceeded(
                "This took longer than the {limit:g} seconds that a job may take; send less at once.", limit=limit
            )

    def facts(self) -> dict[str, Any]:
        """What is known of the take."""
        height, width = self.take.size
        return {
            "voice": self.take.voice,
            "model": self.take.model,
            "avatar": self.take.avatar.name,
            "fps": round(float(self.take.fps), 3),
            "width": width,
            "height": height,
            "notes": [redacted(note) for note in self.take.avatar.notes],
        }


@asynccontextmanager
async def making(
    service: Service, wish: ParsedRequest[TakeRequest], kind: str, low_latency: bool
) -> AsyncIterator[Making]:
    """Open the take of a wish whose turn has come; it is closed, with its threads, when the block ends."""
    began = time.monotonic()
    threads, loop = service.threads, asyncio.get_running_loop()
    avatar = await wish.avatar(service)
    service.metrics.stages.labels("face").observe(time.monotonic() - began)
    order = wish.order
    options = order.options(low_latency=low_latency, avatar=avatar, audio=wish.audio)

    left = Event()

    def open_take() -> Take:
        take = service.studio.take_of(options)
        if left.is_set():
            take.close()
        return take

    take = await threads.renders.run(open_take, left.set)
    made = Making(service, take, kind, began, recorded=wish.audio is not None)

    def cut() -> None:
        made.cut = True
        take.stop()

    limit = loop.call_later(settings().max_session_seconds, cut)
    try:
        with service.metrics.sessions.labels(kind).track_inprogress():
            yield made
    finally:
        limit.cancel()
        await threads.closing.run(take.close)
        service.metrics.stages.labels("whole").observe(time.monotonic() - began)
