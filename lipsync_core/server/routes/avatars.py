"""/api/avatars: the faces that come with the program, and uploads that are prepared ahead."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from lipsync_core import Avatar, LipsyncError
from lipsync_core.errors import redacted
from lipsync_core.face import default_avatars
from lipsync_core.jobs.queue import AsyncQueueEntry
from lipsync_core.jobs.service import Service, owner_of, service_of
from lipsync_core.jobs.streaming import Stream, until_left
from lipsync_core.server.problem_details import of_error
from lipsync_core.server.request_parsing import ParsedRequest, body_schema, parse_request
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.server.server_sent_events import MEDIA_TYPE as EVENTS
from lipsync_core.server.server_sent_events import error_event, event, wants_events
from lipsync_core.settings import settings

PROGRESS_SECONDS = 0.1

router = APIRouter(tags=["choices"])


@router.get("/api/avatars")
def avatars() -> list[dict[str, Any]]:
    """The avatars that come with the program; uploads are known to whoever has their id alone."""
    return [{"name": name, "picture": f"/api/avatars/{name}/picture"} for name in default_avatars()]


@router.get("/api/avatars/{name}/picture", response_class=FileResponse)
def picture(name: str) -> FileResponse:
    """What a default avatar looks like."""
    path = default_avatars().get(name)
    if path is None:
        raise HTTPException(404, "There is no such avatar.")
    return FileResponse(path)


@router.post(
    "/api/avatars",
    openapi_extra=body_schema(TakeRequest),
    status_code=201,
    response_class=Response,
    responses={201: {"content": {"application/json": {}, EVENTS: {}}}},
)
async def prepare(request: Request) -> Response:
    """Prepare the file `avatar` ahead; the `id` that comes back is an `avatar` for the other routes.

    With `Accept: text/event-stream`: queued, progress, then finished with the same facts, or error.
    """
    service = service_of(request)
    async with AsyncExitStack() as stack:
        parsed = await stack.enter_async_context(parse_request(request, TakeRequest, speech=False))
        if parsed.face is None:
            raise LipsyncError("A face is needed; send a photo or a video as the file `avatar`.")
        entry = await stack.enter_async_context(service.jobs.entered(owner_of(request)))
        if wants_events(request):
            return Stream(_events(service, parsed, entry), EVENTS, stack.pop_all())

        async def work() -> Avatar:
            await entry.wait()
            return await parsed.avatar(service)

        return JSONResponse(_facts(service, await until_left(request, work())), 201)


async def _events(
    service: Service, parsed: ParsedRequest[TakeRequest], entry: AsyncQueueEntry
) -> AsyncGenerator[bytes, None]:
    try:
        async for position in entry.positions():
            yield event("queued", position=position)
        done = 0.0

        def progress(part: float) -> None:
            nonlocal done
            done = part

        working = asyncio.ensure_future(parsed.avatar(service, progress))
        try:
            while not (await asyncio.wait((working,), timeout=PROGRESS_SECONDS))[0]:
                yield event("progress", part=round(done, 3))
        finally:
            working.cancel()
            await asyncio.wait((working,))  # the place is kept as long
        yield event("finished", **_facts(service, working.result()))
    except Exception as error:
        yield error_event(of_error(error))


def _facts(service: Service, avatar: Avatar) -> dict[str, Any]:
    height, width = avatar.size
    return {
        "id": service.avatars.add(avatar),
        "name": avatar.name,
        "width": width,
        "height": height,
        "frames": len(avatar.frames),
        "fps": round(avatar.fps, 3),
        "missed": avatar.missed,
        "notes": [redacted(note) for note in avatar.notes],
        "keep_seconds": settings().keep_seconds,
    }
