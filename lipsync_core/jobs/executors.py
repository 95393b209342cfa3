"""Threads for the work that takes long: a bounded pool for each kind, so that none keeps another from its threads."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

STUCK_SECONDS = 5.0  # that work may go on after it was told to stop

Result = TypeVar("Result")


class Executor:
    """At most `threads` pieces of work at once; more wait."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._stopping: dict[Future[Any], float] = {}  # since when, on the monotonic clock

    async def run(self, work: Callable[[], Result], stop: Callable[[], object] = lambda: None) -> Result:
        """The result of `work`, done in a thread.

        Cancelling calls `stop`, which must not wait and should make the work end, and then waits until the thread has
        left it: whoever holds a place in the queue meanwhile does not give it away while the machine is still busy.
        """
        working = self._pool.submit(work)
        waiting = asyncio.wrap_future(working)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            self._stopping[working] = time.monotonic()
            working.add_done_callback(lambda ended: self._stopping.pop(ended, None))
            stop()
            working.cancel()  # what has not begun never does
            while not waiting.done():
                with suppress(asyncio.CancelledError):  # asked once more: it cannot end sooner
                    await asyncio.wait((waiting,))
            if not waiting.cancelled():
                waiting.exception()  # nobody is left to be told
            raise
        finally:
            del working, waiting  # else an error and this frame would hold each other, and what the work held

    @property
    def stuck(self) -> int:
        """How many threads go on although they were told to stop a while ago."""
        return sum(time.monotonic() - since > STUCK_SECONDS for since in list(self._stopping.values()))

    def close(self) -> None:
        """Take no more work; what waits never begins."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Executors:
    """faces: looking at pictures and clips. renders: whole takes. closing: waiting until threads of takes have ended.
    live: the short calls of live sessions, which nothing long may keep waiting.

    places: how many jobs run at once, which is how many threads each kind needs for none of them to wait.
    """

    def __init__(self, places: int) -> None:
        kinds = ("faces", "renders", "closing", "live")
        self.faces, self.renders, self.closing, self.live = (Executor(name, places) for name in kinds)

    @property
    def stuck(self) -> int:
        """As of an Executor, for all."""
        return self.faces.stuck + self.renders.stuck + self.closing.stuck + self.live.stuck

    def close(self) -> None:
        """Take no more work."""
        for each in (self.faces, self.renders, self.closing, self.live):
            each.close()
