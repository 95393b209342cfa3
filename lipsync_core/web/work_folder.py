"""The one folder that requests may write to; it goes with the process."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_core.settings import settings

PREFIX = "lipsync-work-"


class WorkFolder:
    """A private folder, made when it is first needed and made anew after `remove`."""

    def __init__(self) -> None:
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        if self._path is None or not self._path.is_dir():
            parent = settings().work_dir
            if parent:
                parent.mkdir(parents=True, exist_ok=True)
            self._path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        return self._path

    @contextmanager
    def job(self) -> Iterator[Path]:
        """A folder for one request, gone after it whatever happens."""
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=self.path))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Leave nothing."""
        if self._path:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
