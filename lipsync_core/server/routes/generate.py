"""POST /api/generate: a text or a recording to a video file."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from lipsync_core import Frame, Take
from lipsync_core.errors import redacted
from lipsync_core.jobs.progress import Progress
from lipsync_core.jobs.queue import AsyncQueueEntry
from lipsync_core.jobs.render import Limits, RenderJob
from lipsync_core.jobs.service import Service, owner_of, service_of
from lipsync_core.jobs.streaming import Pipe, Stream, until_left
from lipsync_core.server.problem_details import of_error, problem
from lipsync_core.server.request_parsing import ParsedRequest, body_schema, parse_request
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.server.server_sent_events import MEDIA_TYPE as EVENTS
from lipsync_core.server.server_sent_events import error_event, event, wants_events

VIDEO = "video/mp4"
NAME = "talk.mp4"
PROGRESS_SECONDS = 0.2  # between two events

Parsed = ParsedRequest[TakeRequest]

router = APIRouter(tags=["video"])


@router.post(
    "/api/generate",
    openapi_extra=body_schema(TakeRequest),
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
        parsed = await stack.enter_async_context(parse_request(request, TakeRequest))
        entry = await stack.enter_async_context(service.jobs.entered(owner_of(request)))
        if wants_events(request):
            return Stream(_events(service, parsed, entry), EVENTS, stack.pop_all())
        if stream:
            body = await until_left(request, _begin(stack, service, parsed, entry))
            return Stream(body, VIDEO, stack.pop_all())
        return _Once(await until_left(request, _whole(service, parsed, entry)), stack.pop_all())


def _job(service: Service, parsed: Parsed, target: Any, *, low_latency: bool = False) -> RenderJob:
    options = parsed.options(service, low_latency=low_latency)
    return RenderJob(service.studio, options, target, limits=Limits.of_settings())


async def _whole(service: Service, parsed: Parsed, entry: AsyncQueueEntry) -> Path:
    job = _job(service, parsed, parsed.folder / NAME)
    await entry.wait()
    async with service.rendering(job):
        await service.write(job)
    return parsed.folder / NAME


async def _begin(
    stack: AsyncExitStack, service: Service, parsed: Parsed, entry: AsyncQueueEntry
) -> AsyncGenerator[bytes, None]:
    """The file as it grows; returns when there is a frame, so that what is unusable can still be told."""
    pipe, begun = Pipe(), asyncio.Event()
    job = _job(service, parsed, pipe, low_latency=True)
    await entry.wait()
    await stack.enter_async_context(service.rendering(job))
    loop = asyncio.get_running_loop()

    def each(frame: Frame) -> None:
        if frame.index == 0:
            loop.call_soon_threadsafe(begun.set)

    async def write() -> None:
        try:
            await service.write(job, each)
        finally:
            pipe.end()
            begun.set()

    writing = asyncio.ensure_future(write())
    stack.push_async_callback(_end, writing)
    stack.callback(pipe.close)  # before that, as the thread may wait for a reader
    await begun.wait()
    if writing.done():
        writing.result()
    return _chunks(pipe, writing)


async def _chunks(pipe: Pipe, writing: "asyncio.Future[Any]") -> AsyncGenerator[bytes, None]:
    async for chunk in pipe.read():
        yield chunk
    writing.result()


async def _end(writing: "asyncio.Future[Any]") -> None:
    """Cancel what is not done, because the client has left, and wait for its end."""
    writing.cancel()
    await asyncio.wait((writing,))
    if not writing.cancelled():
        writing.exception()  # told already, or nobody is there to be told


async def _events(service: Service, parsed: Parsed, entry: AsyncQueueEntry) -> AsyncGenerator[bytes, None]:
    try:
        job = _job(service, parsed, parsed.folder / NAME)
        async for position in entry.positions():
            yield event("queued", position=position)
        async with service.rendering(job) as take:
            yield event("started", **_facts(take))
            writing = asyncio.ensure_future(service.write(job))
            try:
                while not (await asyncio.wait((writing,), timeout=PROGRESS_SECONDS))[0]:
                    yield event("progress", **_progress(job.progress))
                writing.result()
            finally:
                await _end(writing)
                del writing  # else an error and this frame would hold each other, and the take with its files
        yield event("finished", **await _finished(service, parsed, job.progress))
    except Exception as error:
        yield error_event(of_error(error))


def _facts(take: Take) -> dict[str, Any]:
    height, width = take.size
    return {
        "voice": take.voice,
        "model": take.model,
        "avatar": take.avatar.name,
        "fps": round(float(take.fps), 3),
        "width": width,
        "height": height,
        "notes": [redacted(note) for note in take.avatar.notes],
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "frames": progress.frames,
        "seconds": round(progress.seconds, 3),
        "part": progress.part,
        "frames_per_second": round(progress.frames / progress.times["whole"], 1),
    }


async def _finished(service: Service, parsed: Parsed, progress: Progress) -> dict[str, Any]:
    path = parsed.folder / NAME
    size = path.stat().st_size
    key = service.videos.add(await asyncio.to_thread(_keep, path, service.folder.path))
    return {
        "url": f"/api/files/{key}.mp4",
        "bytes": size,
        "keep_seconds": service.videos.seconds,
        **_progress(progress),
        "first_frame_ms": round((progress.first_frame_seconds or 0.0) * 1000, 1),
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

        async def send_unless_wrong(message: Message) -> None:
            nonlocal wrong
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                wrong = {"Content-Range": f"bytes */{Path(self.path).stat().st_size}"}
            if wrong is None:
                await send(message)

        await super().__call__(scope, receive, send_unless_wrong)
        if wrong is not None:
            detail = "There is no such range in the file; ask for bytes=FIRST-LAST within its length."
            await problem(416, detail, wrong)(scope, receive, send)


class _Once(FileResponse):
    """A file that goes after it was sent, however that ended."""

    def __init__(self, path: Path, resources: AsyncExitStack) -> None:
        super().__init__(path, media_type=VIDEO, filename=NAME, headers={"Cache-Control": "no-store"})
        self._resources = resources

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._resources.aclose()
