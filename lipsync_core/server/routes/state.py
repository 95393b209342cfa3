"""/healthz, /readyz, /metrics and the key of the page."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from lipsync_core.jobs.service import service_of
from lipsync_core.server.middleware import COOKIE, cookie_of, knows_key
from lipsync_core.server.schemas import Words
from lipsync_core.settings import settings

PLAYGROUND = Path(__file__).resolve().parents[1] / "static" / "playground.html"
# The playground's script and style are its own, and nothing comes from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)

router = APIRouter()


class Key(BaseModel):
    """What opens the API."""

    key: Words


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", tags=["state"])
async def healthz(request: Request) -> dict[str, Any]:
    """Whether the process answers; whether it has a place for a job says /readyz."""
    return {"status": "ok", **_load(request)}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", tags=["state"], responses={503: {"description": "A job that comes now would have to wait."}})
async def readyz(request: Request) -> JSONResponse:
    """Whether a job that comes now would begin at once: 200 and "ready", or 503 and "busy" or "stuck".

    stuck: threads that go on with work that they were told to leave seconds ago.
    """
    load = _load(request)
    status = "stuck" if load["stuck"] else "busy" if load["running"] >= load["limit"] else "ready"
    return JSONResponse({"status": status, **load}, 200 if status == "ready" else 503)


def _load(request: Request) -> dict[str, int]:
    service = service_of(request)
    jobs = service.jobs
    return {"running": jobs.running, "waiting": jobs.waiting, "limit": jobs.limit, "stuck": service.threads.stuck}


@router.get("/metrics", tags=["state"], response_class=Response)
def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(service_of(request).figures.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/key", tags=["state"])
async def key_state(request: Request) -> dict[str, bool]:
    """Whether a key is needed, and whether this client has it."""
    return {"needed": settings().api_key is not None, "known": knows_key(request)}


@router.post("/api/key", tags=["state"], status_code=204)
async def give_key(request: Request, given: Key) -> Response:
    """Turn the key into a cookie, which pictures and sounds of a page send by themselves."""
    named = Request({**request.scope, "headers": [(b"authorization", b"Bearer " + given.key.encode())]})
    if not knows_key(named):
        raise HTTPException(401, "This is not the key.", {"WWW-Authenticate": "Bearer"})
    response = Response(status_code=204)
    key = settings().api_key
    if key is not None:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, cookie_of(key), path="/api", httponly=True, samesite="strict", secure=secure)
    return response


@router.head("/mjpeg_test", include_in_schema=False)
@router.get("/mjpeg_test", include_in_schema=False)
async def playground() -> FileResponse:
    """A page to try the streams."""
    return FileResponse(PLAYGROUND, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})
