"""POST /api/generate: a text or a recording to a video file."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from lipsync_core.jobs.pipe import Pipe
from lipsync_core.jobs.service import Service, owner_of, service_of
from lipsync_core.jobs.streaming import Stream, until_left
from lipsync_core.jobs.turn import Turn, turn
from lipsync_core.server.problem_details import of_error, problem
from lipsync_core.server.render import Making, making
from lipsync_core.server.request_parsing import Wish, body_schema, wish_of
from lipsync_core.server.schemas import Order
from lipsync_core.server.server_sent_events import MEDIA_TYPE as EVENTS
from lipsync_core.server.server_sent_events import error_event, event, wants_events
from lipsync_core.sinks.mp4 import Mp4Writer

VIDEO = "video/mp4"
NAME = "talk.mp4"
PROGRESS_SECONDS = 0.2  # between two events

router = APIRouter(tags=["video"])


@router.post(
    "/api/generate",
    openapi_extra=body_schema(Order),
    response_class=Response,
    responses={200: {"content": {VIDEO: {}, EVENTS: {}}}},
)
async def generate(request: Request, stream: bool = False) -> Response:
    """An MP4 file; with `stream=true` a fragmented one that plays while it is made.

    With `Accept: text/event-stream` events come instead: queued, started, progress, then finished with the file's
    address, or error.
    """
    service = service_of(request)
    async with AsyncExitStack() as stack:
        wish = await stack.enter_async_context(wish_of(request, Order))
        place = await stack.enter_async_context(turn(service, owner_of(request)))
        if wants_events(request):
            return Stream(_told(service, wish, place), EVENTS, stack.pop_all())
        if stream:
            made = await until_left(request, _begin(stack, service, wish, place))
            pipe = Pipe()
            stack.callback(pipe.close)
            return Stream(_piped(made, pipe), VIDEO, stack.pop_all())
        video = await until_left(request, _whole(service, wish, place))
        return _Once(video, stack.pop_all())


async def _begin(stack: AsyncExitStack, service: Service, wish: Wish[Order], place: Turn) -> Making:
    await place.come()
    return await stack.enter_async_context(making(service, wish, "mp4", low_latency=True))


async def _whole(service: Service, wish: Wish[Order], place: Turn) -> Path:
    await place.come()
    async with making(service, wish, "mp4", low_latency=False) as made:
        return await _file(made, wish.folder / NAME)


async def _file(made: Making, path: Path, told: Callable[[float], object] = lambda seconds: None) -> Path:
    """Write the file in a thread; a take that is closed ends it. told: is called there with the seconds so far."""
    await made.service.threads.renders.run(lambda: _write(made, path, False, told), made.leave)
    made.check_whole()
    return path


def _write(made: Making, target: Any, fragmented: bool, told: Callable[[float], object] = lambda seconds: None) -> None:
    take = made.take
    with Mp4Writer(target, take.size, take.fps, take.sample_rate, fragmented=fragmented) as writer:
        for frame in take:
            if made.cut:  # what is made already is not waited for
                break
            writer.write(frame)
            made.count(frame)
            told(frame.time)
        last = time.monotonic()
    made.service.figures.stages.labels("file").observe(time.monotonic() - last)


async def _piped(made: Making, pipe: Pipe) -> AsyncGenerator[bytes, None]:
    def work() -> None:
        try:
            _write(made, pipe, True)
        finally:
            pipe.end()

    writing = asyncio.ensure_future(made.service.threads.renders.run(work, made.leave))
    try:
        async for chunk in pipe.read():
            yield chunk
        await writing
    finally:
        pipe.close()
        writing.cancel()
        await asyncio.wait((writing,))
        if not writing.cancelled():
            writing.exception()  # told already, or nobody is there to be told
        del writing  # else an error and this frame would hold each other, and the take with its files


async def _told(service: Service, wish: Wish[Order], place: Turn) -> AsyncGenerator[bytes, None]:
    try:
        async for position in place.positions():
            yield event("queued", position=position)
        began = time.monotonic()
        async with making(service, wish, "mp4", low_latency=False) as made:
            yield event("started", **made.facts())
            seconds = 0.0

            def told(now: float) -> None:
                nonlocal seconds
                seconds = now

            writing = asyncio.ensure_future(_file(made, wish.folder / NAME, told))
            try:
                while not (await asyncio.wait((writing,), timeout=PROGRESS_SECONDS))[0]:
                    yield event("progress", **_progress(made, seconds, began))
                path = writing.result()
            finally:
                writing.cancel()  # where it is not done, the client has left
                await asyncio.wait((writing,))
                del writing  # else an error and this frame would hold each other, and the take with its files
            size = path.stat().st_size
            kept = service.videos.add(await asyncio.to_thread(_keep, path, service.folder.path))
            facts = _progress(made, seconds, began) | {"part": 1.0, "first_frame_ms": round(made.first_frame * 1000, 1)}
            yield event(
                "finished", url=f"/api/files/{kept}.mp4", bytes=size, keep_seconds=service.videos.seconds, **facts
            )
    except Exception as error:
        yield error_event(of_error(error))


def _progress(made: Making, seconds: float, began: float) -> dict[str, Any]:
    """part: how far in the text, None for a recording."""
    elapsed = time.monotonic() - began
    return {
        "frames": made.frames,
        "seconds": round(seconds, 3),
        "part": made.take.progress,
        "frames_per_second": round(made.frames / max(elapsed, 1e-3), 1),
    }


def _keep(path: Path, folder: Path) -> Path:
    """Out of the request's folder, which goes with it and whose name is unique."""
    target = folder / f"video-{path.parent.name}.mp4"
    shutil.move(path, target)
    return target


@router.head("/api/files/{name}.mp4", include_in_schema=False)
@router.get("/api/files/{name}.mp4", response_class=FileResponse)
async def file(request: Request, name: str) -> FileResponse:
    """A finished video, as long as it is kept."""
    path = service_of(request).videos.get(name)
    if path is None or not path.is_file():
        raise HTTPException(404, "There is no such video, or it was kept long enough; make it again.")
    return _Ranged(path, media_type=VIDEO, filename=NAME, headers={"Cache-Control": "private, no-store"})


@router.delete("/api/files/{name}.mp4", status_code=204)
async def remove(request: Request, name: str) -> None:
    """Let a finished video go now."""
    if not service_of(request).videos.remove(name):
        raise HTTPException(404, "There is no such video any more.")


class _Ranged(FileResponse):
    """A file of which a range may be asked for; one that it does not have is a problem like others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wrong: dict[str, str] | None = None

        async def told(message: Message) -> None:
            nonlocal wrong
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                wrong = {"Content-Range": f"bytes */{Path(self.path).stat().st_size}"}
            if wrong is None:
                await send(message)

        await super().__call__(scope, receive, told)
        if wrong is not None:
            detail = "There is no such range in the file; ask for bytes=FIRST-LAST within its length."
            await problem(416, detail, wrong)(scope, receive, send)


class _Once(FileResponse):
    """A file that goes after it was sent, however that ended."""

    def __init__(self, path: Path, held: AsyncExitStack) -> None:
        super().__init__(path, media_type=VIDEO, filename=NAME, headers={"Cache-Control": "no-store"})
        self._held = held

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._held.aclose()
