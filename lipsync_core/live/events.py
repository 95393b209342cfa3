"""What happens in a live session, on the clock of its frames."""

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LASTING = ("interrupted", "error")  # stay to be told when what was to be said is cleared


@dataclass(frozen=True)
class Event:
    """kind: started, sentence, word, finished, interrupted or error. time: seconds on the session's clock.

    say: number of what is said. details: of a sentence or word its `text`, and its `end` in seconds; of a sentence also
    its `span` in the whole text; of an interruption `dropped`, the numbers of what was not heard at all; of an error
    `error`, the LipsyncError.
    """

    kind: str
    time: float
    say: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class EventQueue:
    """Events until they are due. Its owner's lock guards it."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, Event]] = []
        self._count = itertools.count()  # events of one time stay in order

    def add(self, kind: str, time: float, say: int | None = None, **details: Any) -> None:
        """To be told at a time of the session; at once where that has passed."""
        event = Event(kind, max(0.0, time), say, details)
        heapq.heappush(self._events, (time, next(self._count), event))

    def clear(self) -> None:
        """What was to come does not happen; what has failed or was interrupted stays."""
        self._events = [entry for entry in self._events if entry[2].kind in LASTING]
        heapq.heapify(self._events)

    def due(self, until: float) -> tuple[Event, ...]:
        """Take the events before a time, in order."""
        found = []
        while self._events and self._events[0][0] < until:
            found.append(heapq.heappop(self._events)[2])
        return tuple(found)
