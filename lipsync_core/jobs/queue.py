"""One limit for all jobs, whoever starts them: page, API or stream."""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from lipsync_core.errors import LipsyncError

REMEMBERED = 20  # jobs whose length tells how long one takes
UNKNOWN_SECONDS = 10.0  # that a job takes as long as none has ended
LONGEST_WAIT = 600  # seconds that anybody is told to come back after


class Busy(LipsyncError):
    """There is no place in the line; `retry_after` is in seconds."""

    kind = "busy"

    def __init__(self, waiting: int, retry_after: int) -> None:
        super().__init__(
            "All places are taken and {waiting} more jobs wait in line; try again in {retry_after} seconds.",
            waiting=waiting,
            retry_after=retry_after,
        )
        self.retry_after = retry_after


class Ticket:
    """A place in the line. A context manager that gives the place back; `leave` may be called from any thread.

    position: 0 while the job may run, else how many others come before it, this one included.
    """

    def __init__(self, jobs: "Jobs", owner: str, changed: Callable[[int], object]) -> None:
        self.owner = owner
        self.position = -1
        self.entered = time.monotonic()
        self.started = 0.0  # on the monotonic clock; 0 while it waits
        self._jobs, self._changed = jobs, changed
        self._turn = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait in this thread until the job may run; False if it is not its turn by then."""
        return self._turn.wait(seconds)

    def leave(self) -> None:
        """Let the next one in. May be called again."""
        self._jobs._leave(self)

    def _move(self, position: int) -> None:
        if position != self.position:
            self.position = position
            if position == 0:
                self.started = time.monotonic()
                self._jobs.started(self.started - self.entered)
                self._turn.set()
            self._changed(position)

    def __enter__(self) -> "Ticket":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Jobs:
    """At most `limit` run at once and `line` wait. May be used from any thread.

    started: is called where a job begins, with the seconds it has waited; refused: where there is no place for one.

    Whose turn it is: among those who wait, whoever has the fewest jobs running and waiting in front, then whoever
    came first. So one client with many requests does not keep the others waiting.
    """

    def __init__(self, limit: int, line: int) -> None:
        self.limit, self.line = limit, line
        self.started: Callable[[float], object] = lambda seconds: None
        self.refused: Callable[[], object] = lambda: None
        self._running: list[Ticket] = []
        self._waiting: list[Ticket] = []
        self._lengths: deque[float] = deque(maxlen=REMEMBERED)
        self._lock = threading.RLock()

    def enter(self, owner: str, changed: Callable[[int], object] = lambda position: None) -> Ticket:
        """A place for a job of `owner`, such as the client's address.

        changed: is called with each new position, from any thread, and must not wait. Raises Busy when all is full.
        """
        with self._lock:
            if len(self._running) >= self.limit and len(self._waiting) >= self.line:
                self.refused()
                raise Busy(len(self._waiting), self._retry_after())
            ticket = Ticket(self, owner, changed)
            self._waiting.append(ticket)
            self._advance()
            return ticket

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def _retry_after(self) -> int:
        """Seconds until one of the running jobs will have ended, going by those before it."""
        mean = sum(self._lengths) / len(self._lengths) if self._lengths else UNKNOWN_SECONDS
        return min(LONGEST_WAIT, max(1, round(mean * (len(self._waiting) + 1) / self.limit)))

    def _advance(self) -> None:
        while self._waiting and len(self._running) < self.limit:
            ticket = self._order()[0]
            self._waiting.remove(ticket)
            self._running.append(ticket)
            ticket._move(0)
        for position, ticket in enumerate(self._order(), 1):
            ticket._move(position)

    def _order(self) -> list[Ticket]:
        """Those who wait, in the order of their turns."""
        held: dict[str, int] = {}
        for ticket in self._running:
            held[ticket.owner] = held.get(ticket.owner, 0) + 1
        ranked = []
        for arrival, ticket in enumerate(self._waiting):
            ranked.append((held.get(ticket.owner, 0), arrival, ticket))
            held[ticket.owner] = held.get(ticket.owner, 0) + 1
        return [ticket for _, _, ticket in sorted(ranked, key=lambda one: one[:2])]

    def _leave(self, ticket: Ticket) -> None:
        with self._lock:
            if ticket in self._running:
                self._running.remove(ticket)
                self._lengths.append(time.monotonic() - ticket.started)
            elif ticket in self._waiting:
                self._waiting.remove(ticket)
            self._advance()
