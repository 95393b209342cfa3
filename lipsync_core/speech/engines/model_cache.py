"""Models that are loaded once, in the background, by whoever asks first."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from lipsync_core.cancel import CancelToken

Key = TypeVar("Key", bound=Hashable)
Model = TypeVar("Model")


class Loading(Generic[Key, Model]):
    """Gives each key its model; `load` makes it, in a thread of its own, so that whoever is stopped need not wait.

    A model that could not be loaded is tried again by the next who asks.
    """

    def __init__(self, load: Callable[[Key], Model], name: str) -> None:
        self._load = load
        self._name = name
        self._lock = threading.Lock()
        self._models: dict[Key, Future[Model]] = {}

    def get(self, key: Key, cancel: CancelToken) -> Model:
        """The loaded model. Raises what `load` raises, and OperationCancelled."""
        with self._lock:
            future = self._models.get(key)
            if future is None or (future.done() and future.exception()):
                future = self._models[key] = Future()
                threading.Thread(target=self._fill, args=(key, future), name=self._name).start()
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        with cancel.interrupting(ended.set):
            ended.wait()
        cancel.check()
        return future.result()

    def _fill(self, key: Key, future: "Future[Model]") -> None:
        try:
            future.set_result(self._load(key))
        except BaseException as error:  # raised again by whoever waits for the model
            future.set_exception(error)
