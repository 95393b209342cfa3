"""The routes of /api/realtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from starlette.websockets import WebSocket

from lipsync_core import LipsyncError, Studio
from lipsync_core.jobs.service import owner_of, service_of
from lipsync_core.jobs.streaming import until_left
from lipsync_core.server.realtime.schemas import (
    IceServers,
    InterruptAnswer,
    OfferAnswer,
    OfferRequest,
    SayAnswer,
    SayRequest,
)
from lipsync_core.server.realtime.sessions import OpenSession, OpenSessions
from lipsync_core.server.realtime.webrtc import WebRtcConnection
from lipsync_core.server.realtime.websocket import SocketConnection

CLIENT = Path(__file__).with_name("client.js")
GONE = "There is no such session, or it has ended; open a new one."


def make_realtime(studio: Studio) -> APIRouter:
    """The routes of /api/realtime, for an application that has a Service; its lifespan ends all sessions."""
    sessions = OpenSessions(studio)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await sessions.close()

    router = APIRouter(prefix="/api/realtime", tags=["streams"], lifespan=lifespan)

    def find(key: str) -> OpenSession:
        opened = sessions.find(key)
        if opened is None:
            raise HTTPException(404, GONE)
        return opened

    @router.post("/offer")
    async def offer(request: Request, fields: OfferRequest) -> OfferAnswer:
        """Open a WebRTC connection: video and audio on one clock, events on its data channel."""
        service = service_of(request)

        async def connect() -> OfferAnswer:
            opened = await sessions.open(service, owner_of(request), "webrtc", fields)
            try:
                connection = WebRtcConnection(opened, fields.microphone, service.threads.live)
                described = await connection.answer(fields.sdp)
            except BaseException:
                await sessions.end(opened)
                raise
            return OfferAnswer(sdp=described.sdp, type=described.type, session=opened.entry.id)

        return await until_left(request, connect())

    @router.post("/{session}/say")
    async def say(request: Request, session: str, fields: SayRequest) -> SayAnswer:
        """Say more in an open session, after what is being said."""
        live = find(session).live
        try:
            number = await service_of(request).threads.live.run(lambda: live.say(**fields.model_dump()))
        except LipsyncError:
            find(session)  # it may have ended meanwhile
            raise
        return SayAnswer(say=number)

    @router.post("/{session}/interrupt")
    async def interrupt(request: Request, session: str) -> InterruptAnswer:
        """Stop speaking, forget what waits, and go on as an idle face."""
        live = find(session).live
        return InterruptAnswer(interrupted=await service_of(request).threads.live.run(live.clear))

    @router.post("/{session}/end", status_code=204, include_in_schema=False)  # for navigator.sendBeacon, which posts
    @router.delete("/{session}", status_code=204)
    async def end(session: str) -> None:
        """End the session and its connections."""
        await sessions.end(find(session))

    async def audio(websocket: WebSocket) -> None:
        await SocketConnection(websocket, sessions).run(websocket.path_params["session"])

    # Not FastAPI's own kind of route, to which the application's dependencies, made for HTTP, would be added.
    router.add_websocket_route("/api/realtime/{session}/audio", audio)

    @router.get("/ice")
    async def ice() -> IceServers:
        """STUN and TURN servers for the page's own RTCPeerConnection, from LIPSYNC_ICE_SERVERS."""
        return IceServers.of_settings()

    @router.get("/client.js", response_class=FileResponse)
    async def client() -> FileResponse:
        """A module that connects a `<video>`."""
        return FileResponse(CLIENT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    return router
