"""What lies in the checkpoints folder, and whether it is what it should be."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lipsync_core.checkpoints.entry import Checkpoint, ModelFile
from lipsync_core.checkpoints.licences import is_accepted
from lipsync_core.checkpoints.manifest import entry_named, manifest
from lipsync_core.errors import LipsyncError, Reason

State = Literal["ready", "missing", "wrong"]


@dataclass(frozen=True)
class Listed:
    """A checkpoint and its state: ready, missing, or wrong (a file of another size or hash)."""

    checkpoint: Checkpoint
    state: State

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; must_accept: whether the licence has still to be agreed to before it is fetched."""
        entry = self.checkpoint
        return {
            "name": entry.name,
            "about": entry.about,
            "language": entry.language,
            "state": self.state,
            "required": entry.required,
            "bundled": entry.bundled,
            "licence": entry.licence,
            "commercial_use": entry.commercial,
            "must_accept": not is_accepted(entry),
            "bytes": entry.bytes,
            "download_bytes": entry.download_bytes,
            "how_to_get": "" if self.state == "ready" else entry.how,
        }


# Hashing half a gigabyte takes a second: a file that has not changed since is not hashed again by this process.
_verified: dict[Path, tuple[int | str, ...]] = {}


def path(name: str) -> Path:
    """The first file of a checkpoint, all of whose files have been verified. Never downloads.

    Raises LipsyncError, which says how to get the files, when one is missing or is not the one expected.
    """
    return paths(name)[0]


def paths(name: str) -> tuple[Path, ...]:
    """As `path`: all files, in the manifest's order."""
    entry = entry_named(name)
    for file in entry.files:
        state = file_state(file)
        if state == "missing":
            raise LipsyncError("The model file {file} is missing: {how}.", file=file.file, how=entry.how)
        if state == "wrong":
            raise LipsyncError(
                "{file} is damaged or another file than the one expected: {how}.", file=file.path, how=entry.how
            )
    return tuple(file.path for file in entry.files)


def state(name: str) -> State:
    """Ready, missing or wrong; files are hashed, once a process as long as they do not change."""
    return entry_state(entry_named(name))


def is_there(name: str) -> bool:
    """Whether all files lie there with the right size; quick, because nothing is hashed."""
    return entry_state(entry_named(name), quick=True) == "ready"


def listing(quick: bool = False) -> list[Listed]:
    """Every checkpoint with its state; quick: by the sizes of its files alone, without hashing."""
    return [Listed(entry, entry_state(entry, quick)) for entry in manifest().values()]


def entry_state(entry: Checkpoint, quick: bool = False) -> State:
    """The state of the worst file: one that is missing comes first."""
    states = {file_state(file, quick) for file in entry.files}
    return "missing" if "missing" in states else "wrong" if "wrong" in states else "ready"


def file_state(file: ModelFile, quick: bool = False) -> State:
    """Whether a file is there and is the one that the manifest means. Raises LipsyncError if it cannot be read."""
    try:
        status = file.path.stat()
        if not file.path.is_file():
            return "wrong"
        if file.digest is None:
            return "ready" if status.st_size else "wrong"
        if status.st_size != file.bytes:
            return "wrong"
        seen = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, *file.digest)
        if not quick and _verified.get(file.path) != seen:
            if hash_of(file.path, file.digest[0]) != file.digest[1]:
                return "wrong"
            _verified[file.path] = seen
        return "ready"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        raise LipsyncError(
            "{path} cannot be read ({reason}); check its permissions.", path=file.path, reason=Reason(error)
        ) from error


def hash_of(path: Path, kind: str) -> str:
    """Hash of a file in hexadecimal; kind: sha256 or md5."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=kind != "md5")).hexdigest()
