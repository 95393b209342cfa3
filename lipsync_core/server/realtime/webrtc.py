"""One WebRTC connection: its tracks, its events, its microphone, and its end."""

import asyncio
import json
import logging
import re
from contextlib import suppress
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from lipsync_core import Frame, LipsyncError
from lipsync_core.errors import LimitExceeded
from lipsync_core.jobs.executors import Executor
from lipsync_core.server.realtime.sessions import OpenSession
from lipsync_core.settings import settings
from lipsync_core.sinks.webrtc import Microphone, SessionTracks

CONNECT_SECONDS = 15.0  # that the other side may take
# A receiver reports about once a second; one that is silent for longer is gone, though its page did not say so.
SILENT_SECONDS = 3.5
LOOK_SECONDS = 0.5
UNSENT = 200  # events that wait for a data channel
# Browsers hide their addresses behind names that only the local network can resolve; aioice would wait a second for
# each. It learns the address anyway, from the first packet that comes.
HIDDEN = re.compile(r"a=candidate:[^\r\n]*\.local [^\r\n]*\r?\n")
MOST_CANDIDATES = 40  # to each of which packets are sent

log = logging.getLogger(__name__)


def checked_offer(sdp: str) -> str:
    """The offer without hidden candidates. Raises LipsyncError for one that cannot be answered with this stream."""
    kinds = re.findall(r"^m=(\w+) ", sdp, re.MULTILINE)
    if kinds.count("video") != 1 or kinds.count("audio") != 1:
        raise LipsyncError("The offer must ask for one video and one audio track; add two transceivers that receive.")
    if any(len(re.findall(r"^a=mid:", section, re.MULTILINE)) > 1 for section in sdp.split("\nm=")):
        raise LipsyncError("A section of the offer has two lines a=mid; send what RTCPeerConnection.createOffer gave.")
    sdp = HIDDEN.sub("", sdp)
    if len(re.findall(r"^a=candidate:", sdp, re.MULTILINE)) > MOST_CANDIDATES:
        raise LimitExceeded("The offer has more than {most} candidates; leave some out.", most=MOST_CANDIDATES)
    return sdp


class WebRtcConnection:
    """Sends a session to one peer, and ends it when the peer is gone. Lives on one event loop.

    microphone: what its incoming sound is for, "hear" or "push". calls: where calls of the session run.
    """

    def __init__(self, opened: OpenSession, microphone: str, calls: Executor) -> None:
        self._opened, self._microphone, self._calls = opened, microphone, calls
        servers = [RTCIceServer(**server) for server in settings().ice_servers]
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._tracks = SessionTracks(opened.live, self._sent, opened.fail)
        self._channels: list[RTCDataChannel] = []
        self._unsent: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._peer.on("datachannel", self._add_channel)
        self._peer.on("connectionstatechange", self._changed)
        self._peer.on("track", self._add_track)
        opened.listeners.append(self._tell)
        opened.ending.push_async_callback(self._close)

    async def answer(self, sdp: str) -> RTCSessionDescription:
        """Accept an offer. Raises LipsyncError for one that cannot be used."""
        offer = checked_offer(sdp)
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            for transceiver in self._peer.getTransceivers():
                if transceiver.kind == "video":
                    self._sender: RTCRtpSender = transceiver.sender
                is_video = transceiver.kind == "video"
                transceiver.sender.replaceTrack(self._tracks.pictures if is_video else self._tracks.sound)
                transceiver.direction = "sendonly" if is_video else "sendrecv"  # less where the offer has less
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except asyncio.CancelledError:
            raise
        except Exception as error:  # aiortc raises whatever its parser stumbles over
            log.info("An offer was refused", exc_info=error)
            raise LipsyncError(
                "The offer cannot be answered; send what RTCPeerConnection.createOffer gave, with an Opus and a VP8 "
                "or H264 track to receive."
            ) from None
        self._tasks.append(asyncio.ensure_future(self._watch()))
        return self._peer.localDescription

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tracks.stop()
        with suppress(ConnectionError):
            await self._peer.close()

    def _changed(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self._opened.close()

    async def _watch(self) -> None:
        """End the session when the other side is gone."""
        loop = asyncio.get_running_loop()
        heard, packets = loop.time(), 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = loop.time()
            received = await self._received()
            if received > packets:
                heard, packets = now, received
            limit = SILENT_SECONDS if self._tracks.running else CONNECT_SECONDS
            if now - heard > limit:
                break
        self._opened.close()

    async def _received(self) -> int:
        """Packets that have come from the other side."""
        report = await self._sender.getStats()
        return max((one.packetsReceived for one in report.values() if one.type == "transport"), default=0)

    def _sent(self, frame: Frame) -> None:
        self._opened.sent(frame, self._tracks.pictures.sent, self._tracks.pictures.skipped)

    def _add_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            microphone = Microphone(self._opened.live, self._microphone == "push", self._calls.run)
            self._tasks.append(asyncio.ensure_future(microphone.run(track)))

    def _add_channel(self, channel: RTCDataChannel) -> None:
        self._channels.append(channel)
        for message in self._unsent:
            channel.send(message)
        self._unsent.clear()

    def _tell(self, fields: dict[str, Any]) -> None:
        message = json.dumps(fields, ensure_ascii=False)
        open_ones = [channel for channel in self._channels if channel.readyState == "open"]
        for channel in open_ones:
            channel.send(message)
        if not open_ones and len(self._unsent) < UNSENT:
            self._unsent.append(message)
