"""One way to cancel work that is under way, from any thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OperationCancelled(Exception):
    """Raised inside work whose token was cancelled; whoever started the work handles it, users never see it."""


class CancelToken:
    """Given to work that may be cancelled; safe to use from several threads. Once cancelled, it stays so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Interrupt what runs with this token; what would start with it raises OperationCancelled."""
        with self._lock:
            if not self._cancelled:
                self._cancelled = True
                for interrupt in self._interrupts:
                    interrupt()

    def check(self) -> None:
        """Raise OperationCancelled where it was cancelled."""
        if self._cancelled:
            raise OperationCancelled

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Run a block during which `cancel` calls `interrupt`, which must be quick and safe in any thread.

        What the block raises after a cancel counts as its consequence: OperationCancelled is raised instead.
        """
        with self._lock:
            self.check()
            self._interrupts.append(interrupt)
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
