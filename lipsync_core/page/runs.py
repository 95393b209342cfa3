"""Who is speaking at the moment, so that Stop finds it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = "lipsync-page-"
FLAG = "stop"  # a file, because a run may be in another process
REPLACED = "replaced"


class Runs:
    """The running takes of all visitors."""

    def __init__(self) -> None:
        self._folders: dict[str, list[Path]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def folder(self, visitor: str) -> Iterator[Path]:
        """A folder for one run, gone after it."""
        with TemporaryDirectory(prefix=PREFIX) as name:
            path = Path(name)
            with self._lock:
                self._folders.setdefault(visitor, []).append(path)
            try:
                yield path
            finally:
                with self._lock:
                    self._folders[visitor].remove(path)
                    if not self._folders[visitor]:
                        del self._folders[visitor]

    def stop(self, visitor: str) -> None:
        """Let the visitor's runs end with what they have."""
        with self._lock:
            for folder in self._folders.get(visitor, ()):
                (folder / FLAG).touch()

    def replace(self, visitor: str) -> None:
        """Let the visitor's runs end and show nothing more, because another one takes their place on the page."""
        with self._lock:
            for folder in self._folders.get(visitor, ()):
                (folder / REPLACED).touch()
                (folder / FLAG).touch()


def stopped(folder: Path) -> bool:
    """Whether the run of this folder shall end."""
    return (folder / FLAG).exists()


def replaced(folder: Path) -> bool:
    """Whether another run has taken this one's place on the page."""
    return (folder / REPLACED).exists()
