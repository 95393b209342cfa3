"""Who is speaking at the moment, so that Stop finds it."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_core.jobs.work_folder import WorkFolder

PREFIX = "run-"
FLAG = "stop"  # a file, because a run may be in another process
REPLACED = "replaced"
POLL = 0.1  # seconds between two looks for the flag
REMEMBERED = 1000  # names of runs that were stopped, perhaps before they had begun


class Runs:
    """The running takes of all visitors; `place` is where their folders lie."""

    def __init__(self, place: WorkFolder | None = None) -> None:
        self._place = place or WorkFolder()
        self._folders: dict[str, list[Path]] = {}
        self._stopped: deque[str] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()

    @contextmanager
    def folder(self, visitor: str, name: str = "") -> Iterator[Path]:
        """A folder for one run, gone after it. name: that of the run, by which it may have been stopped already."""
        with self._place.job(PREFIX) as path:
            with self._lock:
                self._folders.setdefault(visitor, []).append(path)
                if name and name in self._stopped:
                    (path / FLAG).touch()
            try:
                yield path
            finally:
                with self._lock:
                    self._folders[visitor].remove(path)
                    if not self._folders[visitor]:
                        del self._folders[visitor]

    def stop(self, visitor: str, name: str = "") -> None:
        """Let the visitor's runs end with what they have; the one of this name also where it has not begun yet."""
        with self._lock:
            if name:
                self._stopped.append(name)
            for folder in self._folders.get(visitor, ()):
                (folder / FLAG).touch()

    def end(self) -> bool:
        """Let all visitors' runs end and show nothing more; whether there are any."""
        visitors = list(self._folders)
        for visitor in visitors:
            self.replace(visitor)
        return bool(visitors)

    def replace(self, visitor: str) -> None:
        """Let the visitor's runs end and show nothing more, because another one takes their place on the page."""
        with self._lock:
            for folder in self._folders.get(visitor, ()):
                (folder / REPLACED).touch()
                (folder / FLAG).touch()


def stopped(folder: Path) -> bool:
    """Whether the run of this folder shall end."""
    return (folder / FLAG).exists()


@contextmanager
def watched(folder: Path, stop: Callable[[], object], latest: float = math.inf) -> Iterator[None]:
    """For the block: `stop` is called, from a thread, when the run of this folder shall end, whatever it waits for.

    latest: when that is at the latest, on the monotonic clock.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL):
            if stopped(folder) or time.monotonic() > latest:
                stop()
                return

    watching = threading.Thread(target=watch, name="stop flag", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def replaced(folder: Path) -> bool:
    """Whether another run has taken this one's place on the page."""
    return (folder / REPLACED).exists()
