"""Prepared faces kept on disk, each under its key; the longest unused go when there are too many."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from lipsync_core.face.avatar import Avatar
from lipsync_core.face.prepared import in_use, open_prepared

UNFINISHED = ".new-"  # what the name of a folder begins with while a face is being prepared in it
ABANDONED_SECONDS = 3600.0  # without a write, until such a folder is taken for one of a process that was killed


class Cache:
    """A folder of prepared faces. Several threads and processes may use it at once.

    An entry appears whole, by one rename, or not at all; one that is in use is never removed.
    """

    def __init__(self, folder: Path, limit_bytes: int):
        """Raises OSError when the folder cannot be made or written to."""
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written to")
        self.folder = folder
        self.limit_bytes = limit_bytes

    def get(self, key: str, name: str) -> Avatar | None:
        """The face under a key, called `name`; None when there is none, or a damaged one, which is removed."""
        entry = self.folder / key
        if not entry.is_dir():
            return None
        try:
            avatar = open_prepared(entry, name, key)
        except (OSError, ValueError):
            _remove(entry)
            return None
        with suppress(OSError):  # removed just now by another process: what is open stays readable
            os.utime(entry)
        return avatar

    @contextmanager
    def add(self, key: str) -> Iterator[Path]:
        """A folder to prepare a face in; it becomes the entry of `key` when the block ends, and goes if it fails."""
        temporary = Path(mkdtemp(prefix=UNFINISHED, dir=self.folder))
        try:
            yield temporary
            try:
                temporary.rename(self.folder / key)
            except OSError:
                if not (self.folder / key).is_dir():
                    raise
                # Another process was faster; its entry is as good.
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def prune(self) -> None:
        """Remove the entries that were not used for the longest time, until the rest fits the limit."""
        entries = []
        for entry in self.folder.iterdir():
            with suppress(OSError):  # removed by another process meanwhile
                used, size = entry.stat().st_mtime, 0
                for file in entry.iterdir():
                    status = file.stat()
                    size += status.st_size
                    used = max(used, status.st_mtime)
                if not entry.name.startswith(UNFINISHED):
                    entries.append((entry.stat().st_mtime, size, entry))
                elif time.time() - used > ABANDONED_SECONDS:
                    _remove(entry)
        total = sum(size for _, size, _ in entries)
        for _, size, entry in sorted(entries):
            if total <= self.limit_bytes:
                return
            if not in_use(entry):
                _remove(entry)
                total -= size


def _remove(entry: Path) -> None:
    """Out of sight at once, then off the disk, so that nobody finds half an entry."""
    trash = Path(mkdtemp(prefix=UNFINISHED, dir=entry.parent))
    with suppress(OSError):
        entry.rename(trash / entry.name)
    shutil.rmtree(trash, ignore_errors=True)
