"""The API beside the page: one server, one port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from lipsync_core.server.middleware import BodyLimit, Guard

PLACES = ("/api/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/mjpeg_test")
# Of Gradio, for whoever writes a page or records the screen: they start work without a limit, and the page needs none.
CLOSED = ("/gradio_api/process_recording", "/gradio_api/vibe-", "/gradio_api/undo-vibe-", "/gradio_api/proxy=")


class _Api(BaseRoute):
    """Hands whole requests, and WebSockets, to the application, with its own middleware and errors."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        ours = scope["type"] in ("http", "websocket") and any(
            path == place or path.startswith(place) for place in (*PLACES, *CLOSED)
        )
        return (Match.FULL, {}) if ours else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "app": self.app}, receive, send)


def launch_options(api: FastAPI) -> dict[str, Any]:
    """What Gradio's `launch(app_kwargs=...)` needs so that it serves the API too."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        # Outside of all that Gradio puts before its routes, which is added last and would answer first.
        app.middleware_stack = Guard(BodyLimit(app.middleware_stack), api.state.attempts)
        api.state.loop = asyncio.get_running_loop()
        async with api.router.lifespan_context(api):
            yield

    return {"routes": [_Api(api)], "lifespan": lifespan}
