"""The connections of one server."""

import asyncio
from collections.abc import Awaitable, Callable

from lipsync_core import Avatar, LipsyncError, Studio
from lipsync_core.sinks.webrtc import Agenda, Player, Voicing, use_steady_encoders

from ..jobs import Busy
from ..service import Service
from .connection import Connection
from .wishes import Answer, Offer, Say

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
        options = offer.take_options(low_latency=True)
        ticket = service.jobs.enter(owner)
        try:
            if ticket.position > 0:  # a live connection cannot wait in line
                raise Busy(service.jobs.waiting - 1, RETRY_SECONDS)
            agenda = Agenda()
            player = await asyncio.to_thread(self._player, offer, options, avatar, agenda)
        except BaseException:
            ticket.leave()
            raise
        loop = asyncio.get_running_loop()
        running = service.figures.sessions.labels("webrtc")
        running.inc()

        async def ended() -> None:
            self._open.pop(session.id, None)
            service.sessions.remove(session)
            service.figures.frames.labels("webrtc").inc(connection.facts.get("sent", 0))
            service.figures.skipped.inc(connection.facts.get("skipped", 0))
            running.dec()
            ticket.leave()

        connection = Connection(player, agenda, ended)
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

    def _player(self, offer: Offer, options: dict[str, object], avatar: Callable[[], Avatar], agenda: Agenda) -> Player:
        fps, seed, idle = offer.fps, offer.seed, offer.idle
        player = Player(self._studio, Voicing(avatar(), offer.model, fps, seed, idle), agenda)
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
