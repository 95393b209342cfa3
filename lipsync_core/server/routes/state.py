"""/healthz, /readyz, /metrics and the key of the page."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from lipsync_core.jobs.service import owner_of, service_of
from lipsync_core.server.keys import FORM_ROUTE, KEY_ROUTE, Attempts, Locked, next_page, set_cookie, sign_in_page
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
    """Metrics for Prometheus."""
    return Response(generate_latest(service_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(KEY_ROUTE, tags=["state"])
async def key_state(request: Request) -> dict[str, bool]:
    """Whether a key is needed, and whether this client has it."""
    return {"needed": settings().api_key is not None, "known": _attempts(request).admits(request)}


@router.post(KEY_ROUTE, tags=["state"], status_code=204)
async def give_key(request: Request, given: Key) -> Response:
    """Turn the key into a cookie, which pictures and sounds of a page send by themselves."""
    if settings().api_key is not None and not _attempts(request).is_key(given.key, owner_of(request)):
        raise HTTPException(401, "This is not the key.", {"WWW-Authenticate": "Bearer"})
    response = Response(status_code=204)
    set_cookie(response, request)
    return response


@router.post(FORM_ROUTE, include_in_schema=False)
async def sign_in(request: Request) -> Response:
    """The same for the page that asks for the key, and back to where it was asked for."""
    form = await request.form(max_files=0, max_fields=2)
    key, leads_to = form.get("key"), next_page(form.get("next"))
    try:
        if settings().api_key is not None and not _attempts(request).is_key(str(key), owner_of(request)):
            return sign_in_page(request, FORM_ROUTE, leads_to, wrong=True)
    except Locked as locked:
        return sign_in_page(request, FORM_ROUTE, leads_to, wait=locked.seconds)
    response = RedirectResponse(f"../{leads_to}", 303)
    set_cookie(response, request)
    return response


@router.get(FORM_ROUTE, include_in_schema=False)
async def after_sign_in() -> Response:
    """For a browser that loads the address of the form again."""
    return RedirectResponse("../", 303)


def _attempts(request: Request) -> Attempts:
    attempts: Attempts = request.app.state.attempts
    return attempts


@router.head("/mjpeg_test", include_in_schema=False)
@router.get("/mjpeg_test", include_in_schema=False)
async def playground() -> FileResponse:
    """A page to try the streams."""
    return FileResponse(PLAYGROUND, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})
