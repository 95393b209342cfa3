"""A prepared face on disk: a folder of two files, frames.bin and avatar.npz, neither of which can hold code."""

import json
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np

from lipsync_core.errors import Message
from lipsync_core.face.avatar import Avatar, FrameStore
from lipsync_core.face.frame_store import ClipStore, PhotoStore
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
