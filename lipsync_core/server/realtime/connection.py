"""One WebRTC connection: its tracks, its events, and its end."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from lipsync_core.errors import LipsyncError, redacted
from lipsync_core.server.problem_details import problem_type
from lipsync_core.server.realtime.offer import checked
from lipsync_core.settings import settings
from lipsync_core.sinks.webrtc import Agenda, Clock, PictureTrack, Player, SoundTrack

CONNECT_SECONDS = 15.0  # that the other side may take
# A receiver reports about once a second; one that is silent for longer is gone, though its page did not say so.
SILENT_SECONDS = 3.5
LOOK_SECONDS = 0.5
UNSENT = 200  # events that wait for a data channel

log = logging.getLogger(__name__)


class Connection:
    """Lives on one event loop.

    ended: is awaited once, when the connection is over, whoever ended it. counted: is told now and then how many
    pictures have been sent and skipped since the last time.
    """

    def __init__(
        self,
        player: Player,
        agenda: Agenda,
        ended: Callable[[], Awaitable[None]],
        counted: Callable[[int, int], object] = lambda sent, skipped: None,
    ) -> None:
        self.player, self._agenda, self._ended, self._counted = player, agenda, ended, counted
        self._told = (0, 0)  # pictures sent and skipped of which `counted` knows
        servers = [RTCIceServer(**server) for server in settings().ice_servers]
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._clock = Clock()
        self._pictures = PictureTrack(player.reel, self._clock)
        self._sounds = SoundTrack(player.reel, self._clock, self._heard)
        self._channels: list[RTCDataChannel] = []
        self._unsent: list[str] = []
        self._closing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.facts: dict[str, Any] = {}
        self._peer.on("datachannel", self._add_channel)
        self._peer.on("connectionstatechange", self._changed)

    async def answer(self, sdp: str) -> RTCSessionDescription:
        """Accept an offer. Raises LipsyncError for one that cannot be used."""
        offer = checked(sdp)
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            for transceiver in self._peer.getTransceivers():
                if transceiver.kind == "video":
                    self._sender: RTCRtpSender = transceiver.sender
                transceiver.sender.replaceTrack(self._pictures if transceiver.kind == "video" else self._sounds)
                transceiver.direction = "sendonly"
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except asyncio.CancelledError:
            raise
        except Exception as error:  # aiortc raises whatever its parser stumbles over
            log.info("An offer was refused", exc_info=error)
            raise LipsyncError(
                "The offer cannot be answered; send what RTCPeerConnection.createOffer gave, with an Opus and a VP8 "
                "or H264 track to receive."
            ) from None
        self._watching = asyncio.ensure_future(self._watch())
        return self._peer.localDescription

    def close(self) -> "asyncio.Task[None]":
        """End the connection; the task is done when nothing of it is left."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        return self._closing

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._sounds.stop()
        self._pictures.stop()
        self._count()
        try:
            await asyncio.to_thread(self.player.close)
            with suppress(ConnectionError):
                await self._peer.close()
        finally:
            await self._ended()

    def _changed(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self.close()

    async def _watch(self) -> None:
        """End the connection when the other side is gone or the time is over."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        heard, packets = began, 0
        while loop.time() - began < settings().max_session_seconds:
            await asyncio.sleep(LOOK_SECONDS)
            now = loop.time()
            received = await self._received()
            if received > packets:
                heard, packets = now, received
            self._count()
            limit = SILENT_SECONDS if self._clock.running else CONNECT_SECONDS
            if now - heard > limit:
                break
        self.close()

    @property
    def first_picture(self) -> float | None:
        """When the first picture went out, on the monotonic clock."""
        return self._pictures.first

    def _count(self) -> None:
        sent, skipped = self._pictures.sent, self._pictures.skipped
        self._counted(sent - self._told[0], skipped - self._told[1])
        self._told = sent, skipped
        self.facts.update(sent=sent, skipped=skipped, seconds=round(max(0.0, self._clock.now), 3))

    async def _received(self) -> int:
        """Packets that have come from the other side."""
        report = await self._sender.getStats()
        return max((one.packetsReceived for one in report.values() if one.type == "transport"), default=0)

    # Events

    def _add_channel(self, channel: RTCDataChannel) -> None:
        self._channels.append(channel)
        for message in self._unsent:
            channel.send(message)
        self._unsent.clear()

    def _heard(self, now: float) -> None:
        for event in self._agenda.due(now):
            if event["event"] == "error":
                event |= {"type": problem_type(event.pop("kind")), "detail": redacted(event["detail"])}
            message = json.dumps(event, ensure_ascii=False)
            open_ones = [channel for channel in self._channels if channel.readyState == "open"]
            for channel in open_ones:
                channel.send(message)
            if not open_ones and len(self._unsent) < UNSENT:
                self._unsent.append(message)
