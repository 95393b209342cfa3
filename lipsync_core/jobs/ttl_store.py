"""A store whose items expire: whoever has the id of one finds it for a limited time, among a limited number."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
ID_BYTES = 16  # of randomness: an id cannot be guessed


class TtlStore(Generic[Item]):
    """The oldest go when there are more than `count`, and each after `seconds`; `drop` is called with what goes."""

    def __init__(self, seconds: float, count: int, drop: Callable[[Item], object] = lambda item: None) -> None:
        self.seconds, self.count = seconds, count
        self._drop = drop
        self._items: OrderedDict[str, tuple[float, Item]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, item: Item) -> str:
        """Store it; the id under which it is found."""
        key = secrets.token_urlsafe(ID_BYTES)
        with self._lock:
            self._items[key] = time.monotonic() + self.seconds, item
        self.prune()
        return key

    def get(self, key: str) -> Item | None:
        """The item of an id, unless it has expired."""
        self.prune()
        entry = self._items.get(key)
        return entry[1] if entry else None

    def remove(self, key: str) -> bool:
        """Let go an item; whether there was one."""
        with self._lock:
            entry = self._items.pop(key, None)
        if entry:
            self._drop(entry[1])
        return entry is not None

    def prune(self) -> None:
        """Let go what is too old or too many."""
        now, gone = time.monotonic(), []
        with self._lock:
            while self._items and (len(self._items) > self.count or next(iter(self._items.values()))[0] < now):
                gone.append(self._items.popitem(last=False)[1][1])
        for item in gone:
            self._drop(item)

    def clear(self) -> None:
        """Let go all."""
        for key in list(self._items):
            self.remove(key)
