"""A generator that runs ahead in a thread of its own: the one place where stages of the core get threads."""

import atexit
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
_running: "set[Stage[Any]]" = set()
POLL = 0.05  # seconds after which a full or empty queue looks whether it is still wanted


class Stage(Generic[Item]):
    """Iterate over `source`, which runs ahead by at most `ahead` items.

    An exception in the source is raised at the consumer, after the items that came before it. `interrupt` is called
    by `stop`, from another thread than the source's, and should end what the source is busy with.

    ready: is called, in the source's thread, whenever an item or the end is there to be taken; only `close` waits for
    the thread then.

    worked: seconds that the source has taken for its items. waited: seconds that the consumer has waited for them.
    """

    def __init__(
        self,
        source: Generator[Item, None, None],
        ahead: int,
        name: str,
        interrupt: Callable[[], object] = lambda: None,
        ready: Callable[[], object] | None = None,
    ) -> None:
        self._source, self._interrupt, self._ready = source, interrupt, ready
        self._items: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._ended = False
        self.worked = self.waited = 0.0
        _running.add(self)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        end: BaseException = StopIteration()
        began = time.perf_counter()
        try:
            for item in self._source:
                self.worked += time.perf_counter() - began
                if not self._put((item, None)):
                    return
                began = time.perf_counter()
        except BaseException as error:
            end = error
        finally:
            self._source.close()
            self._put((None, end))
            _running.discard(self)

    def _put(self, entry: tuple[Item | None, BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._items.put(entry, timeout=POLL)
                if self._ready is not None:
                    self._ready()
                return True
            except queue.Full:
                continue
        return False

    @property
    def ready(self) -> bool:
        """Whether the next item, or the end, is there without waiting."""
        return self._ended or not self._items.empty()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        began = time.perf_counter()
        while not self._ended:
            try:
                item, end = self._items.get(timeout=POLL)
            except queue.Empty:
                self._ended = self._stop.is_set()
                continue
            self.waited += time.perf_counter() - began
            if end is None:
                return item  # type: ignore[return-value]
            self._ended = True
            if self._ready is None:  # whom it calls may be waiting for this very consumer
                self._thread.join()
            if not isinstance(end, StopIteration):
                raise end
        raise StopIteration

    def stop(self) -> None:
        """Ask the source to stop, and wake a consumer that waits for it; does not wait."""
        if not self._stop.is_set():
            self._stop.set()
            self._interrupt()

    def close(self) -> None:
        """Stop, whatever the source is doing, and leave no thread."""
        self.stop()
        self._ended = True
        if self._thread is not threading.current_thread():
            self._thread.join()


@atexit.register
def _end() -> None:
    """A process that ends in the middle of a take must not take the ground from under compiled code that still runs."""
    for stage in list(_running):
        stage.stop()
    for stage in list(_running):
        stage.close()
