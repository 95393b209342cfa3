"""/api/sessions: a stream's state, its sound, and its end."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from ..service import Service, service_of
from ..sessions import Session
from ..watched import Stream

EARLY_SECONDS = 5.0  # that a sound may be asked for before its stream has begun
POLL_SECONDS = 0.02

router = APIRouter(tags=["streams"])


@router.get("/api/sessions/{name}")
async def state(request: Request, name: str) -> dict[str, Any]:
    """State, size, rate, frames sent and skipped."""
    session = _find(service_of(request), name)
    seconds = round(time.monotonic() - session.opened, 3)
    return {"id": session.id, "kind": session.kind, "state": session.state, "open_seconds": seconds, **session.facts}


@router.delete("/api/sessions/{name}", status_code=204)
async def end(request: Request, name: str) -> None:
    """End a stream now."""
    await asyncio.to_thread(_find(service_of(request), name).close)


@router.get("/api/sessions/{name}/audio", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def audio(
    request: Request,
    name: str,
    start: float | None = Query(None, ge=0, description="Seconds; default: where the pictures are now."),
) -> Response:
    """The sound of a stream, as WAV that grows while it is made; header X-Start-Time tells where it begins."""
    service = service_of(request)
    deadline = time.monotonic() + EARLY_SECONDS
    while True:
        session = service.sessions.get(name)
        if session is not None and session.sound is not None:
            break
        if (session is None and time.monotonic() > deadline) or await request.is_disconnected():
            _find(service, name)
        await asyncio.sleep(POLL_SECONDS)
    begin = session.sound.now if start is None else start
    return Stream(session.sound.wav(begin), "audio/wav", AsyncExitStack(), {"X-Start-Time": f"{begin:.3f}"})


def _find(service: Service, name: str) -> Session:
    session = service.sessions.get(name)
    if session is None:
        raise HTTPException(404, "There is no such session, or it has ended.")
    return session
