"""One limit for all jobs, whoever starts them (page, API, stream), and the fair queue of those who wait for a place."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType

from lipsync_core.errors import LipsyncError

REMEMBERED = 20  # jobs whose length tells how long one takes
UNKNOWN_SECONDS = 10.0  # that a job takes as long as none has ended
LONGEST_WAIT = 600  # seconds that anybody is told to come back after


class Busy(LipsyncError):
    """The queue is full; `retry_after` is in seconds."""

    kind = "busy"

    def __init__(self, waiting: int, retry_after: int) -> None:
        super().__init__(
            "All places are taken and {waiting} more jobs wait in line; try again in {retry_after} seconds.",
            waiting=waiting,
            retry_after=retry_after,
        )
        self.retry_after = retry_after


class QueueEntry:
    """One job, waiting or running. A context manager that gives its place back; `leave` may be called from any thread.

    position: 0 while the job may run, else its place in the queue, counted from 1.
    """

    def __init__(self, queue: "JobQueue", owner: str, changed: Callable[[int], object]) -> None:
        self.owner = owner
        self.position = -1
        self.entered = time.monotonic()
        self.started = 0.0  # on the monotonic clock; 0 while it waits
        self._queue, self._changed = queue, changed
        self._may_run = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait in this thread until the job may run; False if it may not by then."""
        return self._may_run.wait(seconds)

    def leave(self) -> None:
        """Let the next one in. May be called again."""
        self._queue._leave(self)

    def _move(self, position: int) -> None:
        if position != self.position:
            self.position = position
            if position == 0:
                self.started = time.monotonic()
                self._may_run.set()
            self._changed(position)

    def __enter__(self) -> "QueueEntry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class AsyncQueueEntry:
    """One job, for a coroutine, which waits without holding a thread; see `JobQueue.entered`."""

    def __init__(self) -> None:
        self._positions: asyncio.Queue[int] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def changed(self, position: int) -> None:
        """Called by the queue, from any thread."""
        self._loop.call_soon_threadsafe(self._positions.put_nowait, position)

    async def positions(self) -> AsyncIterator[int]:
        """Each position in the queue, until the job may run; none where it may at once."""
        while (position := await self._positions.get()) > 0:
            if self._positions.empty():
                yield position

    async def wait(self) -> None:
        """Wait until the job may run."""
        async for _ in self.positions():
            pass


class JobQueue:
    """At most `limit` jobs run at once and `line` wait. May be used from any thread.

    Who is next: among those who wait, whoever has the fewest jobs running and waiting in front, then whoever came
    first. So one client with many requests does not keep the others waiting.

    on_start: is called with the seconds that each job has waited. on_refuse: for each one that found the queue full.
    Neither may wait.
    """

    def __init__(self, limit: int, line: int) -> None:
        self.limit, self.line = limit, line
        self.on_start: Callable[[float], object] = lambda seconds: None
        self.on_refuse: Callable[[], object] = lambda: None
        self._running: list[QueueEntry] = []
        self._waiting: list[QueueEntry] = []
        self._lengths: deque[float] = deque(maxlen=REMEMBERED)
        self._lock = threading.RLock()

    def enter(
        self, owner: str, changed: Callable[[int], object] = lambda position: None, *, line: bool = True
    ) -> QueueEntry:
        """A place for a job of `owner`, such as the client's address.

        changed: is called with each new position, from any thread, and must not wait. line: whether the job can wait.
        Raises Busy where it would have to and cannot, and when all is full.
        """
        with self._lock:
            if len(self._running) >= self.limit and (not line or len(self._waiting) >= self.line):
                self.on_refuse()
                raise Busy(len(self._waiting), self._retry_after())
            entry = QueueEntry(self, owner, changed)
            self._waiting.append(entry)
            self._advance()
            return entry

    @asynccontextmanager
    async def entered(self, owner: str) -> AsyncIterator[AsyncQueueEntry]:
        """As `enter`, for the block of a coroutine; left when the block ends, also by cancellation."""
        waiting = AsyncQueueEntry()
        with self.enter(owner, waiting.changed):
            yield waiting

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
            entry = self._order()[0]
            self._waiting.remove(entry)
            self._running.append(entry)
            entry._move(0)
            self.on_start(entry.started - entry.entered)
        for position, entry in enumerate(self._order(), 1):
            entry._move(position)

    def _order(self) -> list[QueueEntry]:
        """Those who wait, in the order in which they will run."""
        jobs: dict[str, int] = {}  # by owner
        for entry in self._running:
            jobs[entry.owner] = jobs.get(entry.owner, 0) + 1
        ranked = []
        for arrival, entry in enumerate(self._waiting):
            ranked.append((jobs.get(entry.owner, 0), arrival, entry))
            jobs[entry.owner] = jobs.get(entry.owner, 0) + 1
        return [entry for _, _, entry in sorted(ranked, key=lambda one: one[:2])]

    def _leave(self, entry: QueueEntry) -> None:
        with self._lock:
            if entry in self._running:
                self._running.remove(entry)
                self._lengths.append(time.monotonic() - entry.started)
            elif entry in self._waiting:
                self._waiting.remove(entry)
            self._advance()
