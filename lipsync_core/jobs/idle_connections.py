"""Connections on which no whole request comes: uvicorn itself waits for the rest of a header for ever."""

import asyncio
import time
from typing import Any

HEADER_SECONDS = 10.0  # that the header of a request may take
MOST = 512  # connections; where there are more, those that have been idle for longest go
LOOK_SECONDS = 0.5


async def end_idle(connections: set[Any]) -> None:
    """Close, as time passes, those of uvicorn's connections that stay idle; for ever. Runs on the server's loop."""
    since: dict[Any, tuple[Any, float]] = {}  # the request before, and when it was seen to be the last one
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        idle = {one: one.cycle for one in list(connections) if _is_idle(one)}
        known = {one: since[one] for one, request in idle.items() if one in since and since[one][0] is request}
        since = {one: known.get(one, (request, now)) for one, request in idle.items()}
        oldest = sorted(since, key=lambda one: since[one][1])
        extra = max(0, len(connections) - MOST)
        for number, one in enumerate(oldest):
            if number < extra or now - since[one][1] > HEADER_SECONDS:
                one.transport.close()


def _is_idle(connection: Any) -> bool:
    """Whether no request is being answered on it; never for a web socket."""
    if not hasattr(connection, "cycle"):
        return False
    return connection.cycle is None or bool(connection.cycle.response_complete)
