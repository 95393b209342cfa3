"""A file that grows under another name until it is complete."""

import os
from pathlib import Path

from lipsync_core.errors import LipsyncError, Reason

try:
    import fcntl
except ImportError:  # Windows: two renders to one file at once are not told apart there
    fcntl = None  # type: ignore[assignment]


class PartFile:
    """TARGET.part beside TARGET, held by a lock, so that one of a killed process can be told from a living one.

    Raises LipsyncError where the target cannot be written or another process is writing it.
    """

    def __init__(self, target: str | os.PathLike[str], suffix: str) -> None:
        try:
            self.target = Path(os.path.realpath(target))  # a link stays a link to the new file
            if self.target.is_dir():
                raise LipsyncError(
                    "{target} is a folder; give the name of a {suffix} file in it.", target=target, suffix=suffix
                )
            if self.target.suffix.lower() != suffix:
                raise LipsyncError(
                    "{target} does not end in {suffix}; choose a name that does.", target=target, suffix=suffix
                )
            if not self.target.parent.is_dir():
                raise LipsyncError(
                    "{target} cannot be written, because its folder does not exist; make that first.", target=target
                )
            self.path = self.target.with_name(self.target.name + ".part")
            self._lock = self._locked()
            while self._lock < 0:
                self._lock = self._locked()
        except BlockingIOError:
            raise LipsyncError(
                "{target} is being written by another render; wait or choose another name.", target=target
            ) from None
        except OSError as error:
            raise LipsyncError(
                "{target} cannot be written ({reason}); choose another place.", target=target, reason=Reason(error)
            ) from error

    def _locked(self) -> int:
        """A descriptor that holds the lock of the empty file, or -1 if the file has changed hands meanwhile."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not self.path.exists() or self.path.stat().st_ino != os.fstat(descriptor).st_ino:
                    os.close(descriptor)
                    return -1
            os.ftruncate(descriptor, 0)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def keep(self, replace: bool) -> Path | None:
        """Give the file its name. A target that exists is replaced only if told so, else None comes back."""
        if not replace and self.target.exists():
            return None
        os.replace(self.path, self.target)
        self._release()
        return self.target

    def remove(self) -> None:
        """Leave nothing, unless the file was kept."""
        if self._lock >= 0:
            self.path.unlink(missing_ok=True)
            self._release()

    def _release(self) -> None:
        os.close(self._lock)
        self._lock = -1
