"""The one way to an Avatar: from the cache when the same face was prepared before, else prepared and kept."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np

from lipsync_core.errors import LimitExceeded, LipsyncError, Message, Reason
from lipsync_core.face import picture
from lipsync_core.face.avatar import Avatar
from lipsync_core.face.clip import prepare_clip
from lipsync_core.face.clip_reader import open_clip
from lipsync_core.face.landmarks import Choice
from lipsync_core.face.photo import prepare_photo
from lipsync_core.face.prepared import Cache, open_prepared
from lipsync_core.face.source import Input, Source, find
from lipsync_core.settings import settings

PREPARE_VERSION = 3  # to be raised whenever the same source would be prepared differently, so that no old entry is used
FOLDER = "avatars"  # in settings().cache_dir
READ = 0.5  # of the progress of a photo, when it is read
BUSY_SECONDS = 0.1  # between two looks whether a face is still wanted that somebody else prepares

Progress = Callable[[float], object]

# Two sessions that ask for the same face at once: one prepares it, the other waits for it. Keys share the locks, which
# therefore do not add up.
_busy = tuple(Lock() for _ in range(64))


def load_avatar(
    source: Input,
    *,
    face: Choice = None,
    size: int | None = None,
    progress: Progress | None = None,
    cache: bool | str | Path | None = None,
) -> Avatar:
    """A photo or a video clip, made ready to speak.

    source: path of a picture or video, name of a default avatar (any case), a file's bytes, or an (H, W, 3 or 4) uint8
        RGB or RGBA array. A file is preferred to a default avatar of the same name.
    face: None for the largest face, an index in the order of `detect_faces` (0 is the largest), or a point (x, y) in
        pixels of the source as it is seen; two floats in 0..1 are fractions of its width and height. In a clip the face
        is chosen in the first frame in which there is such a one.
    size: pixels of the output's shorter side; default the source's own, at most 720 with a longer side of at most 1280.
    progress: is called with 0..1 while a face is prepared; what it raises ends the preparation.
    cache: None for the folder of the settings, False for none, or a folder.

    Raises LipsyncError when the source cannot be used; the sentence says why and what to do.
    """
    found = find(source)
    options = (PREPARE_VERSION, found.digest, _plain(face), None if size is None else int(size))
    key = hashlib.sha256(repr(options).encode()).hexdigest()
    report = progress or (lambda done: None)
    keeper, notes = _keeper(cache)
    try:
        with _alone(key, report):
            avatar = _load(found, key, _plain(face), size, report, keeper)
    except MemoryError:
        raise LimitExceeded("{name} does not fit into memory; make it smaller.", name=found.name) from None
    report(1.0)
    return replace(avatar, notes=(*avatar.notes, *notes))


@contextmanager
def _alone(key: str, progress: Progress) -> Iterator[None]:
    """Nobody else prepares the same face during the block."""
    lock = _busy[int(key, 16) % len(_busy)]
    while not lock.acquire(timeout=BUSY_SECONDS):
        progress(0.0)
    try:
        yield
    finally:
        lock.release()


def _load(
    source: Source, key: str, choice: Choice, size: int | None, progress: Progress, cache: Cache | None
) -> Avatar:
    try:
        avatar = cache.get(key, source.name) if cache else None
        notes: tuple[Message, ...] = ()
        if cache and avatar is None:
            try:
                with cache.add(key) as entry:
                    _prepare(source, choice, size, progress, entry)
                avatar = cache.get(key, source.name)
                cache.prune()
            except OSError as error:  # such as a full disk
                notes = _unusable(cache.folder, error)
        if avatar is None:  # no cache, or another process cleared it in this moment
            folder = TemporaryDirectory(prefix="lipsync-", ignore_cleanup_errors=True)
            _prepare(source, choice, size, progress, Path(folder.name))
            avatar = open_prepared(Path(folder.name), source.name, key, folder)
        return replace(avatar, notes=(*avatar.notes, *notes))
    except OSError as error:
        raise LipsyncError(
            "{name} cannot be prepared ({reason}); see that the disk has room.", name=source.name, reason=Reason(error)
        ) from error


def _prepare(source: Source, choice: Choice, size: int | None, progress: Progress, folder: Path) -> None:
    name = source.name

    def look() -> None:
        progress(READ)

    if isinstance(source.content, np.ndarray):
        prepared = prepare_photo(picture.read_array(source.content, name), choice, size, name, folder, look)
    else:
        clip = open_clip(source, lambda: progress(0.0))
        if clip is None:
            with source.open() as file:
                image = picture.read_photo(file, name, lambda part: progress(part * READ))
            prepared = prepare_photo(image, choice, size, name, folder, look)
        elif clip.count == 1:
            prepared = prepare_photo(next(clip.frames(look)), choice, size, name, folder, look)
        else:
            prepared = prepare_clip(clip, choice, size, progress, folder)
    prepared.write(folder)


def _keeper(cache: bool | str | Path | None) -> tuple[Cache | None, tuple[Message, ...]]:
    """The cache, and a note when there should be one but cannot."""
    if cache is False:
        return None, ()
    folder = settings().cache_dir / FOLDER if cache is None or cache is True else Path(cache)
    try:
        return Cache(folder, settings().cache_limit_bytes), ()
    except OSError as error:
        return None, _unusable(folder, error)


def _unusable(folder: Path, error: OSError) -> tuple[Message, ...]:
    note = Message(
        "The cache folder {folder} cannot be used ({reason}), so faces are prepared anew each time.",
        folder=folder,
        reason=Reason(error),
    )
    return (note,)


def _plain(choice: object) -> Choice:
    """A choice that was given as a list or in NumPy's numbers, in plain ones. Raises LipsyncError if it is none."""
    if choice is None:
        return None
    if isinstance(choice, int | np.integer) and not isinstance(choice, bool):
        return int(choice)
    if isinstance(choice, Sequence | np.ndarray) and not isinstance(choice, str) and len(choice) == 2:
        x, y = (value.item() if isinstance(value, np.generic) else value for value in choice)
        numbers = isinstance(x, int | float) and isinstance(y, int | float)
        if numbers and abs(x) <= sys.float_info.max and abs(y) <= sys.float_info.max:  # not so where one is NaN
            return x, y
    raise LipsyncError(
        "The face {choice!r} cannot be chosen; give a number such as 0 or a point such as (320, 240).", choice=choice
    )
