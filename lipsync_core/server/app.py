"""The FastAPI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from lipsync_core import Studio
from lipsync_core.jobs.service import Service
from lipsync_core.server.keys import Attempts
from lipsync_core.server.middleware import BodyLimit, Guard
from lipsync_core.server.problem_details import tell_problems
from lipsync_core.server.realtime import make_realtime
from lipsync_core.server.routes import avatars, checkpoints, choices, docs, generate, mjpeg, sessions, state

ROUTERS = [generate.router, mjpeg.router, sessions.router, choices.router, avatars.router, checkpoints.router]
OPEN = [state.router, docs.router]
KEY = "Needed only where LIPSYNC_API_KEY is set."
DESCRIPTION = "A face speaks a text or a recording: as a video file, or live. Errors are problem details (RFC 9457)."


def make_api(studio: Studio | None = None) -> FastAPI:
    """The API over one studio; `app.state.service` is what its routes share, with the limit of all jobs.

    Serve it alone with uvicorn, or beside the page with `launch_options`. OpenAPI is at /docs.
    """
    service = Service(studio or Studio())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.ensure_future(service.tidy())
        try:
            yield
        finally:
            tidying.cancel()
            await service.close()

    app = FastAPI(
        title="Lipsync Studio", description=DESCRIPTION, version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.service, app.state.attempts = service, Attempts()
    tell_problems(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, attempts=app.state.attempts)
    key = [Security(HTTPBearer(auto_error=False, description=KEY))]  # for /docs; the Guard is what asks for it
    for router in (*ROUTERS, make_realtime(service.studio)):
        app.include_router(router, dependencies=key)
    for router in OPEN:
        app.include_router(router)
    return app
