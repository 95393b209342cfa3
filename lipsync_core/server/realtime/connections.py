"""The connections of one server."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from lipsync_core import Avatar, LipsyncError, Studio
from lipsync_core.jobs.queue import Busy, Ticket
from lipsync_core.jobs.service import Service
from lipsync_core.server.realtime.connection import Connection
from lipsync_core.server.realtime.schemas import Answer, Offer, Say
from lipsync_core.sinks.webrtc import Agenda, Player, Voicing, use_steady_encoders

RETRY_SECONDS = 10  # after which a client that found no place may come again


class Connections:
    """Open connections by the id of their session. Lives on one event loop."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._open: dict[str, tuple[Connection, Offer]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        use_steady_encoders()

    async def open(self, service: Service, owner: str, offer: Offer, avatar: Callable[[], Avatar]) -> Answer:
        """Answer an offer. Raises Busy where no place is free now, LipsyncError for what cannot be used."""
        offer.take_options(low_latency=True)  # checks them
        figures, began = service.figures, time.monotonic()
        ticket = self._ticket(service, owner)
        try:
            agenda = Agenda()
            face = await asyncio.to_thread(avatar)
            figures.stages.labels("face").observe(time.monotonic() - began)
            player = await asyncio.to_thread(self._player, offer, face, agenda)
        except BaseException:
            ticket.leave()
            raise
        loop = asyncio.get_running_loop()
        running = figures.sessions.labels("webrtc")
        running.inc()

        def sent(pictures: int, skipped: int) -> None:
            figures.frames.labels("webrtc").inc(pictures)
            figures.skipped.inc(skipped)

        async def ended() -> None:
            self._open.pop(session.id, None)
            service.sessions.remove(session)
            if (first := connection.first_picture) is not None:
                figures.stages.labels("first_frame").observe(first - began)
            figures.stages.labels("whole").observe(time.monotonic() - began)
            running.dec()
            ticket.leave()

        connection = Connection(player, agenda, ended, sent)
        session = service.sessions.open("webrtc", lambda: loop.call_soon_threadsafe(self._end, connection))
        session.state, session.facts = "running", connection.facts
        connection.facts.update(model=offer.model, fps=round(float(player.fps), 3), size=list(player.size))
        self._open[session.id] = connection, offer
        try:
            described = await connection.answer(offer.sdp)
        except BaseException:
            await self._end(connection)
            raise
        return Answer(sdp=described.sdp, type=described.type, session=session.id)

    def _ticket(self, service: Service, owner: str) -> Ticket:
        """A place among the jobs: a live connection cannot wait in line."""
        ticket = service.jobs.enter(owner)
        if ticket.position > 0:
            ticket.leave()
            service.figures.refused.inc()
            raise Busy(service.jobs.waiting, RETRY_SECONDS)
        return ticket

    def _player(self, offer: Offer, avatar: Avatar, agenda: Agenda) -> Player:
        voicing = Voicing(avatar, offer.model, offer.fps, offer.seed, offer.idle, offer.batch_size, offer.queue_frames)
        player = Player(self._studio, voicing, agenda)
        try:
            if offer.text is not None:
                player.say(offer.text, offer.language, offer.voice, offer.speed)
        except LipsyncError:
            player.close()
            raise
        return player

    def say(self, key: str, wish: Say) -> int | None:
        """Number of the text; None where there is no such session. Raises LipsyncError for what cannot be said."""
        if key not in self._open:
            return None
        connection, offer = self._open[key]
        named = wish.language is not None or wish.voice is not None
        language, voice = (wish.language, wish.voice) if named else (offer.language, offer.voice)
        return connection.player.say(wish.text, language, voice, offer.speed if wish.speed is None else wish.speed)

    def interrupt(self, key: str) -> bool | None:
        """Whether there was something to interrupt; None where there is no such session."""
        return self._open[key][0].player.interrupt() if key in self._open else None

    async def end(self, key: str) -> bool:
        """End a session; False where there is none."""
        if key not in self._open:
            return False
        await self._end(self._open[key][0])
        return True

    def _end(self, connection: Connection) -> Awaitable[None]:
        task = connection.close()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return asyncio.shield(task)

    async def close(self) -> None:
        """End all."""
        for connection, _ in list(self._open.values()):
            self._end(connection)
        await asyncio.gather(*self._ending, return_exceptions=True)
