"""/api/sessions: a stream's state, its sound, and its end."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from lipsync_core.jobs.service import Service, service_of
from lipsync_core.jobs.sessions import Session
from lipsync_core.jobs.streaming import Stream

EARLY_SECONDS = 5.0  # that a sound may be asked for before its stream has begun
POLL_SECONDS = 0.02
PLAYER_WAITS_SECONDS = 2.0  # at most, for so much sound that a browser's player begins
PLAYER_DELAY_SECONDS = 0.15  # from the answer to the first sound that is heard

router = APIRouter(tags=["streams"])


@router.get("/api/sessions/{name}")
async def state(request: Request, name: str) -> dict[str, Any]:
    """State, and while it waits its position in the line; then size, rate, frames sent and skipped."""
    session = _find(service_of(request), name)
    seconds = round(time.monotonic() - session.opened, 3)
    return {"id": session.id, "kind": session.kind, "state": session.state, "open_seconds": seconds, **session.facts}


@router.delete("/api/sessions/{name}", status_code=204)
async def end(request: Request, name: str) -> None:
    """End a stream now."""
    service = service_of(request)
    await service.threads.closing.run(_find(service, name).close)


@router.get("/api/sessions/{name}/audio", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def audio(
    request: Request,
    name: str,
    start: float | None = Query(None, ge=0, le=86400, description="Seconds; default: where the pictures are now."),
) -> Response:
    """The sound of a stream, as WAV that grows while it is made; header X-Start-Time tells where it begins.

    One channel of 16 bits; for the `<audio>` of a browser, which says that it is one, two channels of float32, because
    that lets it begin sooner.
    """
    service = service_of(request)
    deadline = time.monotonic() + EARLY_SECONDS
    while True:
        session = service.sessions.get(name)
        if session is not None and session.sound is not None:
            break
        if (session is None and time.monotonic() > deadline) or await request.is_disconnected():
            _find(service, name)
        await asyncio.sleep(POLL_SECONDS)
    sound, player = session.sound, _plays(request)
    if player and start is None:
        await sound.enough(PLAYER_WAITS_SECONDS)
    begin = sound.now + (PLAYER_DELAY_SECONDS if player else 0.0) if start is None else start
    return Stream(sound.wav(begin, player), "audio/wav", AsyncExitStack(), {"X-Start-Time": f"{begin:.3f}"})


def _plays(request: Request) -> bool:
    """Whether a browser's player asks; over plain HTTP it says so only by asking for all bytes as a range."""
    return request.headers.get("sec-fetch-dest") in ("audio", "video") or request.headers.get("range") == "bytes=0-"


def _find(service: Service, name: str) -> Session:
    session = service.sessions.get(name)
    if session is None:
        raise HTTPException(404, "There is no such session, or it has ended.")
    return session
