"""Sound in, and events and frames out, over a WebSocket; docs/streaming.md has its messages."""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

import numpy as np
from fastapi import HTTPException
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from lipsync_core import Frame, LipsyncError, LiveSession
from lipsync_core.jobs.service import owner_of, service_of
from lipsync_core.jobs.streaming import STALLED_SECONDS, Pipe
from lipsync_core.server.problem_details import of_error
from lipsync_core.server.realtime.outbox import Outbox
from lipsync_core.server.realtime.schemas import SayRequest, SetRequest, SocketRequest
from lipsync_core.server.realtime.sessions import OpenSession, OpenSessions
from lipsync_core.server.request_parsing import BYTES_PER_CHARACTER, FORM_OVERHEAD
from lipsync_core.settings import settings
from lipsync_core.sinks.frame_pump import FramePump
from lipsync_core.sinks.mjpeg import JpegEncoder
from lipsync_core.sinks.mp4 import Mp4Writer

NEW = "new"  # in the place of a session's id: open one
FIRST_SECONDS = 15.0  # that a client may take to say what it wants
GOODBYE_SECONDS = 1.0  # that what waits for a client gets to go out when the session has ended
TYPES: dict[str, np.dtype[Any]] = {"s16": np.dtype("<i2"), "f32": np.dtype("<f4")}
MOST_MP4 = 2**19  # bytes that wait for it, before frames are left out; about two seconds
CODES = {429: 1013, 500: 1011}  # of closing, by status: try again later, an error of ours; 1008 is a wrong request


class SocketConnection:
    """One client. Lives on one event loop."""

    def __init__(self, websocket: WebSocket, sessions: OpenSessions) -> None:
        self._websocket, self._sessions = websocket, sessions
        self._service = service_of(websocket)
        self._outbox = Outbox()
        self._pipe: Pipe | None = None
        self._hears = False  # whether its sound is the other person's
        self._request: SocketRequest
        self._opened: OpenSession
        self._live: LiveSession

    async def run(self, key: str) -> None:
        """Until the client leaves or the session ends. key: a session's id, or `new` for one that ends with this."""
        await self._websocket.accept()
        try:
            self._request = await self._first()
            self._opened = await self._find(key)
        except WebSocketDisconnect:
            return
        except (LipsyncError, HTTPException, ValidationError) as error:
            await self._refuse(error)
            return
        opened = self._opened
        self._live = opened.live
        try:
            opened.listeners.append(self._outbox.put)
            if key == NEW:
                self._take_frames()
            self._outbox.put(self._facts())
            await self._serve()
        finally:
            if key == NEW:
                await self._sessions.end(opened)
            elif self._outbox.put in opened.listeners:
                opened.listeners.remove(self._outbox.put)

    async def _first(self) -> SocketRequest:
        """What the client wants."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                message = await self._websocket.receive()
        except TimeoutError:
            raise HTTPException(408, f"Nothing came for {FIRST_SECONDS:g} seconds; connect again.") from None
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect
        return SocketRequest.model_validate(_fields(message.get("text") or ""))

    async def _find(self, key: str) -> OpenSession:
        """The session that is meant. Raises HTTPException or LipsyncError."""
        request = self._request
        if key == NEW:
            return await self._sessions.open(self._service, owner_of(self._websocket), "websocket", request)
        opened = self._sessions.find(key)
        if opened is None:
            raise HTTPException(404, "There is no such session, or it has ended; open one as /api/realtime/new/audio.")
        if request.frames != "none" or request.asked:
            name = "frames" if request.frames != "none" else min(request.asked)
            raise LipsyncError("This session is open already, so {option} cannot be chosen; leave it out.", option=name)
        return opened

    def _facts(self) -> dict[str, Any]:
        live = self._live
        height, width = live.size
        return {
            "event": "opened",
            "session": self._opened.entry.id,
            "fps": round(float(live.fps), 3),
            "width": width,
            "height": height,
            "sample_rate": live.sample_rate,
        }

    async def _refuse(self, error: Exception) -> None:
        response = of_error(error)
        told = json.loads(bytes(response.body)) | {"event": "error"}
        if after := response.headers.get("retry-after"):
            told["retry_after"] = int(after)
        with suppress(WebSocketDisconnect, RuntimeError):  # it has left
            await self._websocket.send_text(json.dumps(told, ensure_ascii=False))
            await self._websocket.close(CODES.get(response.status_code, 1008))

    async def _serve(self) -> None:
        over = self._opened.over
        work = [self._receive(), self._send(), *([self._send_mp4(self._pipe)] if self._pipe else [])]
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            done, _ = await asyncio.wait({*tasks, over}, return_when=asyncio.FIRST_COMPLETED)
            if over in done and not tasks[0].done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        while not self._outbox.empty and not tasks[1].done():
                            await asyncio.sleep(0.01)
                with suppress(WebSocketDisconnect, RuntimeError):
                    await self._websocket.close(1011 if self._opened.failed else 1000)
            for task in tasks:
                if task.done():
                    task.result()
        except WebSocketDisconnect:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # In

    async def _receive(self) -> None:
        while (message := await self._websocket.receive())["type"] == "websocket.receive":
            try:
                if (data := message.get("bytes")) is not None:
                    await self._take(data)
                else:
                    await self._do(_fields(message.get("text") or ""))
            except (LipsyncError, HTTPException, ValidationError) as error:
                if not self._opened.is_open:
                    return
                told = json.loads(bytes(of_error(error).body))
                await self._outbox.reply({"event": "error", "type": told["type"], "detail": told["detail"]})

    async def _take(self, data: bytes) -> None:
        """Sound."""
        request, live = self._request, self._live
        kind = TYPES[request.format]
        if len(data) % (kind.itemsize * request.channels):
            raise LipsyncError(
                "{size} bytes are no whole samples; send {format} with {channels} channels, as the first message said.",
                size=len(data), format=request.format, channels=request.channels,
            )  # fmt: skip
        samples = np.frombuffer(data, kind).astype(kind.newbyteorder("=")).reshape(-1, request.channels)
        if self._hears:
            live.hear(samples, request.sample_rate)
        else:
            await self._call(lambda: live.push(samples, request.sample_rate))

    async def _do(self, fields: dict[str, Any]) -> None:
        kind = fields.pop("type", None)
        live = self._live
        if kind == "say":
            say = SayRequest.model_validate(fields)
            number = await self._call(lambda: live.say(**say.model_dump()))
            await self._outbox.reply({"event": "accepted", "say": number})
        elif kind == "set":
            changes = SetRequest.model_validate(fields).model_dump(exclude_unset=True)
            await self._call(lambda: live.set(**changes))
        elif kind in ("flush", "clear"):
            await self._call(live.flush if kind == "flush" else live.clear)
        elif kind in ("hear", "push"):
            self._hears = kind == "hear"
        else:
            raise LipsyncError(
                "There is no message of type {type!r}; send say, flush, clear, set, hear or push.", type=str(kind)[:60]
            )

    async def _call(self, work: Callable[[], Any]) -> Any:
        return await self._service.threads.live.run(work)

    # Out

    def _take_frames(self) -> None:
        """Run the session, whose only consumer this is."""
        opened, live, request, outbox = self._opened, self._live, self._request, self._outbox
        writer: Mp4Writer | None = None
        encoder = JpegEncoder(request.quality)
        if request.frames == "mp4":
            self._pipe = pipe = Pipe()
            writer = Mp4Writer(pipe, live.size, live.fps, live.sample_rate, fragmented=True)  # type: ignore[arg-type]

        def encode(frame: Frame, late: bool) -> bytes:
            if request.frames == "jpeg" and not late:
                return encoder.encode(frame).jpeg
            if writer is not None:
                if pipe.waiting < MOST_MP4:
                    writer.write(frame)
                    outbox.sent += 1
                else:
                    outbox.skipped += 1
            return b""

        def send(frame: Frame, jpeg: bytes) -> None:
            if request.frames == "jpeg":
                outbox.put_frame(frame, jpeg)
            opened.sent(frame, outbox.sent, outbox.skipped)

        pump = FramePump(live, encode, send, opened.fail)

        def finish() -> None:
            live.close()
            pump.join()
            if writer is not None:
                pipe.close()
                writer.discard()

        async def end() -> None:
            await self._service.threads.closing.run(finish)

        opened.ending.push_async_callback(end)
        pump.start()

    async def _send(self) -> None:
        while True:
            message = await self._outbox.next()
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    await self._websocket.send({"type": "websocket.send", _kind(message): message})
            except TimeoutError:
                return

    async def _send_mp4(self, pipe: Pipe) -> None:
        async with aclosing(pipe.read()) as chunks:
            async for chunk in chunks:
                try:
                    async with asyncio.timeout(STALLED_SECONDS):
                        await self._websocket.send_bytes(chunk)
                except TimeoutError:
                    return


def _kind(message: str | bytes) -> str:
    return "text" if isinstance(message, str) else "bytes"


def _fields(text: str) -> dict[str, Any]:
    """A message in JSON. Raises HTTPException for anything else."""
    if len(text) > settings().max_text_chars * BYTES_PER_CHARACTER + FORM_OVERHEAD:
        raise HTTPException(413, f"The message has {len(text)} characters; send a shorter text.")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise HTTPException(400, "The message is not a JSON object; see docs/streaming.md for what can be sent.")
    return fields
