"""A reverse proxy in front of a server: what lies below one path goes there, streams as they come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from .thread_server import ThreadServer

OF_A_HOP = {"connection", "transfer-encoding", "keep-alive"}  # headers that a proxy does not pass on


class ReverseProxy(ThreadServer):
    """Context manager; `url` is where the server at `target` is reached, `path` of the proxy included."""

    def __init__(self, target: str, path: str = "/studio") -> None:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with httpx.AsyncClient(base_url=target, timeout=60, trust_env=False) as self._client:
                yield

        async def passed_on(request: Request) -> StreamingResponse:
            place = request.url.path.removeprefix(path) + (f"?{request.url.query}" if request.url.query else "")
            asked = self._client.build_request(
                request.method, place, headers=request.headers.raw, content=await request.body()
            )
            answer = await self._client.send(asked, stream=True)
            headers = {name: value for name, value in answer.headers.items() if name not in OF_A_HOP}
            return StreamingResponse(
                answer.aiter_raw(), answer.status_code, headers, background=BackgroundTask(answer.aclose)
            )

        routes = [Route(path + "/{rest:path}", passed_on, methods=["GET", "HEAD", "POST", "DELETE"])]
        super().__init__(Starlette(routes=routes, lifespan=lifespan))
        self.url += path
