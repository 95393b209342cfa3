"""Telling a synthesis, from any thread, that nobody wants it any more."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """Raised inside an engine that was stopped; never seen by a caller of the room."""


class Stop:
    """A flag that also interrupts what is running. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []
        self._is_set = False

    def set(self) -> None:
        """Stop: what runs is interrupted, and what would start raises Stopped."""
        with self._lock:
            self._is_set = True
            for interrupt in self._interrupts:
                interrupt()

    def check(self) -> None:
        """Raise Stopped where it is set."""
        if self._is_set:
            raise Stopped

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Run a block in which `set` calls `interrupt`, which must be quick and safe in any thread."""
        with self._lock:
            self.check()
            self._interrupts.append(interrupt)
        try:
            yield
        except Exception:
            self.check()  # a failure that comes from being interrupted is none
            raise
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
