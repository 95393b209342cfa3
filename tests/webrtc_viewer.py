"""A client of the WebRTC stream: receives, decodes and remembers."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack


@dataclass(frozen=True)
class Seen:
    """arrived: on the monotonic clock. time: of the stream, by its RTP timestamps. content: grey pixels."""

    arrived: float
    time: float
    content: np.ndarray


@dataclass(frozen=True)
class Heard:
    """loudness: of the loudest sample, 0 to 1."""

    arrived: float
    time: float
    loudness: float


class Viewer:
    """An asynchronous context manager. offered: when the offer was sent, on the monotonic clock.

    codec: the only one for pictures, such as "video/H264"; default all. microphone: a track that is sent.
    """

    def __init__(self, url: str, codec: str | None = None, microphone: MediaStreamTrack | None = None) -> None:
        self.codec, self.microphone = codec, microphone
        self.http = httpx.AsyncClient(base_url=f"{url}/api/realtime", timeout=30, trust_env=False)
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures: list[Seen] = []
        self.sounds: list[Heard] = []
        self.events: list[dict[str, Any]] = []
        self.session = ""
        self.offered = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def offer(self, kinds: tuple[str, ...] = ("audio", "video")) -> str:
        """What to send to the server."""
        for kind in kinds:
            if kind == "audio" and self.microphone:
                self.peer.addTransceiver(self.microphone, direction="sendrecv")
                continue
            transceiver = self.peer.addTransceiver(kind, direction="recvonly")
            if kind == "video" and self.codec:
                known = RTCRtpReceiver.getCapabilities("video").codecs
                transceiver.setCodecPreferences([one for one in known if one.mimeType in (self.codec, "video/rtx")])
        self.peer.createDataChannel("events").on("message", self._told)
        self.peer.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._receive(track))))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def connect(self, **options: object) -> None:
        """Send an offer, and wait for the first picture and sound."""
        sdp = await self.offer()
        self.offered = time.monotonic()
        response = await self.http.post("/offer", json={"sdp": sdp, "type": "offer", **options})
        assert response.status_code == 200, response.text
        answer = response.json()
        self.session = answer["session"]
        await self.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await self.until(lambda: self.pictures and self.sounds)

    async def post(self, verb: str, **fields: object) -> Any:
        """say or interrupt."""
        response = await self.http.post(f"/{self.session}/{verb}", json=fields or None)
        assert response.status_code == 200, response.text
        return response.json()

    async def until(self, true: Callable[[], object], seconds: float = 15) -> None:
        """Wait until it becomes true; AssertionError if it does not in time."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain; events: {self.events}"
            await asyncio.sleep(0.01)

    def told(self, name: str) -> list[dict[str, Any]]:
        """The events of a name."""
        return [event for event in self.events if event["event"] == name]

    def motion(self, start: float, end: float) -> float:
        """How much the mouth's part of the picture moves between two times of the stream, in grey levels."""
        shown = [seen.content for seen in self.pictures if start <= seen.time < end]
        height, width = shown[0].shape
        mouths = np.stack(shown)[:, height // 2 : height * 7 // 8, width // 3 : width * 2 // 3].astype(np.float32)
        return float(np.abs(np.diff(mouths, axis=0)).mean((1, 2)).mean())

    def loudness(self, start: float, end: float) -> float:
        """The loudest sample between two times of the stream."""
        return max(heard.loudness for heard in self.sounds if start <= heard.time < end)

    def vanish(self) -> None:
        """Be gone without a word, as when the network is lost."""
        for transceiver in self.peer.getTransceivers():
            connection = transceiver.receiver.transport.transport._connection
            for protocol in connection._protocols:
                protocol.transport.close()

    def _told(self, message: str) -> None:
        self.events.append(json.loads(message))

    async def _receive(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                moment, place = time.monotonic(), float(frame.pts * frame.time_base)
                if track.kind == "video":
                    self.pictures.append(Seen(moment, place, frame.to_ndarray(format="gray")))
                else:
                    loudest = np.abs(frame.to_ndarray().astype(np.int32)).max() / 32768
                    self.sounds.append(Heard(moment, place, float(loudest)))

    async def __aenter__(self) -> "Viewer":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.aclose()
