"""The one folder that requests may write to; it goes with the process, or when the next one finds that it is dead."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from lipsync_core.settings import settings

PREFIX = "lipsync-work-"
UNLOCKED = ".lipsync-work-"  # of a folder that is not locked yet, so that nobody takes it for an abandoned one
ALIVE = "alive"  # a file that is locked as long as the process lives


class WorkFolder:
    """A private folder, made when it is first needed and made anew after `remove`."""

    def __init__(self) -> None:
        self._parent = settings().work_dir or Path(tempfile.gettempdir())
        self._path: Path | None = None
        self._alive: FileLock | None = None
        self._making = Lock()
        atexit.register(self.remove)  # for an end that does not wait for the streams that are open

    @property
    def path(self) -> Path:
        with self._making:
            if self._path is None or not self._path.is_dir():
                self._parent.mkdir(parents=True, exist_ok=True)
                _sweep(self._parent)
                made = Path(tempfile.mkdtemp(prefix=UNLOCKED, dir=self._parent))
                self._alive = FileLock(made / ALIVE, thread_local=False)
                self._alive.acquire()
                before, self._path = self._path, made.rename(self._parent / made.name.removeprefix("."))
                if before is not None and tempfile.tempdir == str(before):
                    tempfile.tempdir = str(self._path)
            return self._path

    def take_all(self) -> None:
        """Let all temporary files of this process lie here, those of libraries too."""
        tempfile.tempdir = str(self.path)

    @contextmanager
    def job(self, prefix: str = "job-") -> Iterator[Path]:
        """A folder for one request, gone after it whatever happens."""
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.path))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Leave nothing."""
        if self._path and self._alive:
            if tempfile.tempdir == str(self._path):
                tempfile.tempdir = None
            self._alive.release()
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            known = folder.lstat().st_uid == os.getuid() and not folder.is_symlink() and (folder / ALIVE).is_file()
            if known:
                with FileLock(folder / ALIVE, blocking=False):
                    shutil.rmtree(folder, ignore_errors=True)
        except (OSError, Timeout):
            continue
