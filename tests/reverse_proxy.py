"""A reverse proxy in front of a server: what lies below one path goes there, streams as they come."""

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from .api_server import until

OF_A_HOP = {"connection", "transfer-encoding", "keep-alive"}  # headers that a proxy does not pass on


class ReverseProxy:
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
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{path}"
        app = Starlette(routes=routes, lifespan=lifespan)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "ReverseProxy":
        self._thread.start()
        assert until(lambda: self._server.started, 10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
