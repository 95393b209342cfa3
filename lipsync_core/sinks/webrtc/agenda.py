"""What is told to the other side, each thing when it is heard."""

import heapq
import itertools
import threading
from typing import Any

LASTING = ("interrupted", "error")


class Agenda:
    """Events by their time on the stream's clock. For any threads."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, dict[str, Any]]] = []
        self._count = itertools.count()  # events of one time stay in order
        self._lock = threading.Lock()

    def add(self, event: str, seconds: float, **more: Any) -> None:
        """Tell an event at a time of the stream; at once where that has passed."""
        told = {"event": event, "time": round(max(0.0, seconds), 3), **more}
        with self._lock:
            heapq.heappush(self._events, (seconds, next(self._count), told))

    def clear(self) -> list[dict[str, Any]]:
        """What was to come does not happen, and is returned in order; what has failed or was interrupted stays told."""
        with self._lock:
            events = sorted(self._events, key=lambda event: event[:2])
            self._events = [event for event in events if event[2]["event"] in LASTING]  # sorted, so a heap
        return [told for _, _, told in events if told["event"] not in LASTING]

    def due(self, now: float) -> list[dict[str, Any]]:
        """Take the events up to a time, in order."""
        found = []
        with self._lock:
            while self._events and self._events[0][0] <= now:
                found.append(heapq.heappop(self._events)[2])
        return found
