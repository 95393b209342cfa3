"""The routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse

from lipsync_core import Studio
from lipsync_core.jobs.service import owner_of, service_of
from lipsync_core.server.realtime.connections import Connections
from lipsync_core.server.realtime.schemas import Answer, IceServers, Interrupted, Offer, Said, Say
from lipsync_core.server.request_parsing import ParsedRequest

CLIENT = Path(__file__).with_name("client.js")
GONE = "There is no such session, or it has ended; send a new offer."


def make_realtime(studio: Studio) -> APIRouter:
    """The routes of /api/realtime, for an application that has a Service; its lifespan ends all connections."""
    connections = Connections(studio)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await connections.close()

    router = APIRouter(prefix="/api/realtime", tags=["streams"], lifespan=lifespan)

    @router.post("/offer")
    async def offer(request: Request, wish: Offer) -> Answer:
        """Open a WebRTC connection: video and audio on one clock, events on its data channel."""
        service = service_of(request)
        with service.folder.job() as folder:
            face = ParsedRequest(wish, folder, None, None)
            answer = await connections.open(service, owner_of(request), wish, lambda: face.avatar_now(service))
        if await request.is_disconnected():  # nobody will connect
            await connections.end(answer.session)
        return answer

    @router.post("/{session}/say")
    async def say(session: str, wish: Say) -> Said:
        """Say more on an open connection, after what is being said."""
        number = await asyncio.to_thread(connections.say, session, wish)
        if number is None:
            raise HTTPException(404, GONE)
        return Said(say=number)

    @router.post("/{session}/interrupt")
    async def interrupt(session: str) -> Interrupted:
        """Stop speaking, forget what waits, and go on as an idle face."""
        stopped = connections.interrupt(session)
        if stopped is None:
            raise HTTPException(404, GONE)
        return Interrupted(interrupted=stopped)

    @router.post("/{session}/end", status_code=204, include_in_schema=False)  # for navigator.sendBeacon, which posts
    @router.delete("/{session}", status_code=204)
    async def end(session: str) -> None:
        """End the connection."""
        if not await connections.end(session):
            raise HTTPException(404, GONE)

    @router.get("/ice")
    async def ice() -> IceServers:
        """STUN and TURN servers for the page's own RTCPeerConnection, from LIPSYNC_ICE_SERVERS."""
        return IceServers.of_settings()

    @router.get("/client.js", response_class=FileResponse)
    async def client() -> FileResponse:
        """A module that connects a `<video>`."""
        return FileResponse(CLIENT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    return router
