"""/api/checkpoints: model files and voices, those that are there and those that can be fetched."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from lipsync_core import checkpoints
from lipsync_core.errors import redacted
from lipsync_core.jobs.downloads import Download, may_download
from lipsync_core.jobs.service import Service, service_of
from lipsync_core.jobs.streaming import Stream, until_left
from lipsync_core.server.problem_details import of_error, problem
from lipsync_core.server.server_sent_events import MEDIA_TYPE as EVENTS
from lipsync_core.server.server_sent_events import error_event, event, wants_events

PROGRESS_SECONDS = 0.2

router = APIRouter(tags=["checkpoints"])


class Terms(BaseModel):
    """accept_licence: whoever asks agrees to a licence that forbids commercial use."""

    model_config = ConfigDict(extra="forbid")
    accept_licence: bool = False


@router.get("/api/checkpoints")
def listed(request: Request) -> list[dict[str, Any]]:
    """All entries: whether they are there, by their size; their licence; whether this client may fetch them."""
    allowed = may_download(request)
    found = []
    for one in checkpoints.listing(quick=True):
        how = redacted(one["how_to_get"])
        found.append(one | {"how_to_get": how, "may_fetch": allowed and not (one["bundled"] or one["manual"])})
    return found


@router.post(
    "/api/checkpoints/{name:path}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}, EVENTS: {}}}},
)
async def fetch(request: Request, name: str, terms: Terms | None = None) -> Response:
    """Fetch the files of an entry; leaving ends that, and the next one resumes it.

    409 where its licence has to be agreed to first. With `Accept: text/event-stream`: progress with the bytes done and
    in all, then finished, or error.
    """
    if name not in checkpoints.manifest():
        raise HTTPException(404, "There is no such checkpoint; GET /api/checkpoints lists them.")
    if not may_download(request):
        raise HTTPException(
            403, "Files are fetched for whoever sits at this machine alone; LIPSYNC_DOWNLOADS can allow more."
        )
    if not await asyncio.to_thread(_agreed, name, terms is not None and terms.accept_licence):
        licence = checkpoints.manifest()[name].licence
        detail = f"{name} may not be used commercially ({licence}); agree by sending accept_licence: true."
        return problem(409, detail, kind=checkpoints.NotAccepted.kind)
    service, download = service_of(request), Download(name)
    if wants_events(request):
        return Stream(_told(service, download), EVENTS, AsyncExitStack())
    await until_left(request, download.run(service.downloads))
    return JSONResponse(_facts(name))


def _agreed(name: str, agrees: bool) -> bool:
    """Whether an entry may be fetched, as far as its licence is concerned; an agreement is noted."""
    if checkpoints.accepted(name) or checkpoints.is_there(name):
        return True
    if agrees:
        checkpoints.accept(name)
    return agrees


async def _told(service: Service, download: Download) -> AsyncGenerator[bytes, None]:
    working = asyncio.ensure_future(download.run(service.downloads))
    try:
        while not (await asyncio.wait((working,), timeout=PROGRESS_SECONDS))[0]:
            yield event("progress", done=download.done, total=download.total)
        working.result()
        yield event("finished", **_facts(download.name))
    except Exception as error:
        yield error_event(of_error(error))
    finally:
        working.cancel()


def _facts(name: str) -> dict[str, Any]:
    return {"name": name, "bytes": checkpoints.manifest()[name].bytes, "state": checkpoints.state(name)}
