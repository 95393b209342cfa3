"""One process, and one thread of it, fetches a thing; the others wait for its result."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_core.checkpoints.failures import Cancelled
from lipsync_core.errors import LipsyncError

WORK = ".fetch"  # in the checkpoints folder: locks, and what is not complete yet
LOOK_SECONDS = 0.1  # between two looks at a lock, or at a running download
IDLE_SECONDS = 900  # that whoever holds a lock may go on without anything coming


def work_folder(folder: Path, name: str) -> Path:
    """Where the unfinished files of an entry lie: beside the finished ones, so that they are moved in one step."""
    return folder / WORK / name.replace("/", "--")


@contextmanager
def locked(
    folder: Path,
    name: str,
    cancel: threading.Event | None = None,
    waiting: Callable[[int], object] = lambda count: None,
) -> Iterator[None]:
    """Hold the lock of `name` in a checkpoints folder.

    waiting: is called now and then with the bytes that whoever holds it has got so far. Raises Cancelled, OSError, or
    LipsyncError where nothing has come for a quarter of an hour.
    """
    from filelock import FileLock, Timeout  # here, because most starts of the program fetch nothing

    work = work_folder(folder, name)
    work.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{work}.lock")
    seen, since = -1, time.monotonic()
    while True:
        try:
            lock.acquire(timeout=LOOK_SECONDS, poll_interval=LOOK_SECONDS / 2)
            break
        except Timeout:
            if cancel is not None and cancel.is_set():
                raise Cancelled(name) from None
            count = bytes_below(work)
            waiting(count)
            if count != seen:
                seen, since = count, time.monotonic()
            elif time.monotonic() - since > IDLE_SECONDS:
                raise LipsyncError(
                    "Another process fetches {name} and has got nothing for {minutes} minutes; end it and try again.",
                    name=name,
                    minutes=IDLE_SECONDS // 60,
                ) from None
    try:
        yield
    finally:
        lock.release()


def bytes_below(folder: Path) -> int:
    """Bytes of all files in a folder, however deep."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # moved meanwhile
                continue
    return total
