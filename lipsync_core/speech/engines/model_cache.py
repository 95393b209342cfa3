"""The loaded networks of all engines: each is loaded once, and the longest unused ones are let go."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lipsync_core.cancel import CancelToken
from lipsync_core.settings import settings

Model = TypeVar("Model")


@dataclass
class _Entry:
    """A network, or its loading. users: how many hold it at the moment."""

    future: "Future[Any]" = field(default_factory=Future)
    users: int = 0


class ModelCache:
    """Holds LIPSYNC_VOICE_MODELS networks; more only while more are in use at once. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[Callable[[Path], Any], Path], _Entry] = {}  # the longest unused first

    @contextmanager
    def use(self, load: Callable[[Path], Model], path: Path, cancel: CancelToken) -> Iterator[Model]:
        """The network that `load` makes of a path, which stays loaded within the block.

        It is loaded in a thread of its own, so that `cancel` ends the wait for it; one that could not be loaded is
        tried again by the next use. Raises what `load` raises, and OperationCancelled.
        """
        key = load, path
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is None:
                entry = _Entry()
                threading.Thread(target=self._fill, args=(key, entry), name="voice-load").start()
            self._entries[key] = entry
            entry.users += 1
            self._let_go()
        try:
            loaded = threading.Event()
            entry.future.add_done_callback(lambda _: loaded.set())
            with cancel.interrupting(loaded.set):
                loaded.wait()
            cancel.check()
            yield entry.future.result()
        finally:
            with self._lock:
                entry.users -= 1
                self._let_go()

    def _fill(self, key: tuple[Callable[[Path], Any], Path], entry: _Entry) -> None:
        load, path = key
        try:
            entry.future.set_result(load(path))
        except BaseException as error:  # raised again by whoever waits for the network
            with self._lock:
                self._entries.pop(key, None)
            entry.future.set_exception(error)
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        """Forget what is too much; its memory is free when nobody refers to it any more."""
        unused = [key for key, entry in self._entries.items() if not entry.users and entry.future.done()]
        for key in unused[: max(0, len(self._entries) - settings().voice_models)]:
            del self._entries[key]


MODELS = ModelCache()
