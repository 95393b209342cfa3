"""What is kept of a prepared face, and the folder of those that were prepared before."""

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np

from lipsync_core.errors import Message
from lipsync_core.face.avatar import Avatar, ClipStore, FrameStore, PhotoStore
from lipsync_core.face.landmarks import COUNT

FRAMES, TABLE = "frames.bin", "avatar.npz"
BLOCK = 2**20  # bytes


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is found out once; the frames lie in FRAMES.

    height, width: of every frame. fps, landmarks, missed: as in Avatar; notes: too.
    spans: (n, 2) int64, where the JPEG frames of a clip begin and end; (1, 2) for a photo, whose frame is raw RGB.
    """

    height: int
    width: int
    fps: float
    landmarks: np.ndarray
    spans: np.ndarray
    missed: int = 0
    notes: tuple[Message, ...] = ()

    def write(self, folder: Path) -> None:
        """TABLE beside FRAMES, which is complete already."""
        with (folder / FRAMES).open("rb") as frames:
            checksum = _checksum(frames)
        with (folder / TABLE).open("wb") as file:
            np.savez(
                file,
                shape=np.array([self.height, self.width]),
                fps=np.array(self.fps),
                landmarks=self.landmarks,
                spans=self.spans,
                missed=np.array(self.missed),
                notes=np.array(json.dumps([(note.template, note.values) for note in self.notes])),
                checksum=np.array(checksum),
            )
            file.flush()
            os.fsync(file.fileno())


def open_prepared(folder: Path, name: str, key: str, keep: TemporaryDirectory[str] | None = None) -> Avatar:
    """The avatar in a folder; its frames stay open while it lives. `keep` lives as long.

    Raises OSError or ValueError when the folder is not there or is damaged.
    """
    frames = (folder / FRAMES).open("rb")
    try:
        _hold(frames)
        table = _read(folder / TABLE)
        if _checksum(frames) != table["checksum"]:
            raise ValueError("the frames are damaged")
        notes = _notes(table, name)
        store: FrameStore
        if table["fps"] > 0:
            store = ClipStore(frames, table["spans"], keep)
        else:
            frames.seek(0)
            image = np.frombuffer(frames.read(), np.uint8).reshape(*table["shape"], 3)
            store = PhotoStore(image, (frames, keep))
    except BaseException:
        frames.close()
        raise
    return Avatar(name, key, store, float(table["fps"]), table["landmarks"], int(table["missed"]), notes)


def in_use(folder: Path) -> bool:
    """Whether an avatar of any process has its frames there open."""
    try:
        import fcntl
    except ImportError:  # Windows, which refuses by itself to delete an open file
        return False
    try:
        with (folder / FRAMES).open("rb") as frames:
            fcntl.flock(frames, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _hold(frames: BinaryIO) -> None:
    """Let other processes see that the file is in use, until it is closed."""
    try:
        import fcntl
    except ImportError:
        return
    with suppress(OSError):  # a file system without locks: an entry may then go while it is in use, and stays readable
        fcntl.flock(frames, fcntl.LOCK_SH)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            table = {name: archive[name] for name in archive.files}
        if table["landmarks"].shape != (len(table["spans"]), COUNT, 3) or table["shape"].shape != (2,):
            raise ValueError("the table does not fit together")
        if missing := {"fps", "missed", "notes", "checksum"} - set(table):
            raise ValueError(f"the table lacks {missing}")
        return table
    except (BadZipFile, KeyError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error


def _notes(table: dict[str, np.ndarray], name: str) -> tuple[Message, ...]:
    """The notes for a source of this name: the same content may come again from somebody who calls it otherwise."""
    try:
        listed = json.loads(str(table["notes"]))
        return tuple(Message(template, **{**values, "name": name}) for template, values in listed)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(str(error)) from error


def _checksum(file: BinaryIO) -> int:
    """CRC-32 of a file, to find damage; it is no protection against intent, and nothing in the file is run."""
    file.seek(0)
    checksum = 0
    while block := file.read(BLOCK):
        checksum = zlib.crc32(block, checksum)
    return checksum


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
