"""What an avatar is made from: a file, a default avatar's name, bytes or an array."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipsync_core.errors import LimitExceeded, LipsyncError, Message, Reason
from lipsync_core.installation import resource

DEFAULTS = resource("assets/avatars")
SUFFIXES = (".png", ".webp", ".jpg")
MAX_BYTES = 2**30  # of a file

Input = str | Path | bytes | np.ndarray


@dataclass(frozen=True, eq=False)
class Source:
    """name: what to call it. digest: SHA-256 of its content. content: a path, the bytes themselves, or pixels."""

    name: str
    digest: str
    content: Path | bytes | np.ndarray

    def open(self) -> io.BufferedReader | io.BytesIO:
        """The file from its beginning. Raises LipsyncError when it cannot be read; not for arrays."""
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        if isinstance(self.content, Path):
            return _open(self.content)
        raise TypeError("an array is no file")


def default_avatars() -> dict[str, Path]:
    """The avatars that come with the program, by name."""
    return {path.stem: path for path in sorted(DEFAULTS.glob("*")) if path.suffix in SUFFIXES}


def find(source: Input) -> Source:
    """Raises LipsyncError when there is no such file or avatar, or when it cannot be read or is too large."""
    if isinstance(source, np.ndarray):
        digest = hashlib.sha256(repr((source.shape, source.dtype.str)).encode())
        digest.update(np.ascontiguousarray(source).tobytes())
        return Source("the picture", digest.hexdigest(), source)
    if isinstance(source, bytes):
        _check_size(len(source), "the picture")
        return Source("the picture", hashlib.sha256(source).hexdigest(), source)
    path, name = _path(source)
    with _open(path) as file:
        _check_size(path.stat().st_size, path.name)
        return Source(name, hashlib.file_digest(file, "sha256").hexdigest(), path)


def _path(source: str | Path) -> tuple[Path, str]:
    """The file and what to call it."""
    path = Path(source)
    try:
        if path.is_file():
            return path, path.name
        exists = path.exists()
    except (OSError, ValueError):  # a name that is too long, or has a null character
        exists = False
    defaults = default_avatars()
    for name, file in defaults.items():
        if str(source).casefold() == name.casefold():
            return file, name
    known = Message("check its name")
    if defaults:
        known = Message("give an existing file or one of the avatars {names}", names=tuple(defaults))
    given = source if isinstance(source, Path) else source[:200]
    if exists:
        raise LipsyncError("{source!r} is a folder, not a file; {known}.", source=given, known=known)
    raise LipsyncError("{source!r} does not exist; {known}.", source=given, known=known)


def _open(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise LipsyncError(
            "{path} cannot be read ({reason}); check its permissions.", path=path, reason=Reason(error)
        ) from error


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise LimitExceeded(
            "{name} is larger than {most} MB; cut it or save it smaller.", name=name, most=MAX_BYTES // 2**20
        )
    if size == 0:
        raise LipsyncError("{name} is empty; save or download it again.", name=name)
