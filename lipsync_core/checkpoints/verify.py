"""What lies in the checkpoints folder, and whether it is what it should be."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lipsync_core.checkpoints.licences import accepted
from lipsync_core.checkpoints.manifest import ModelFile, entry_named, manifest
from lipsync_core.errors import LipsyncError, Reason

State = Literal["ready", "missing", "wrong"]  # wrong: of another size or hash
FACTS = ("name", "about", "language", "required", "bundled", "manual", "licence", "bytes", "download_bytes")


def path(name: str) -> Path:
    """The first file of a checkpoint, all of whose files have been verified. Never downloads.

    Raises LipsyncError, which says how to get the files, when one is missing or is not the one expected.
    """
    entry = entry_named(name)
    for file in entry.files:
        found = file_state(file)
        if found == "missing":
            raise LipsyncError("The model file {file} is missing: {how}.", file=file.file, how=entry.how)
        if found == "wrong":
            raise LipsyncError(
                "{file} is damaged or another file than the one expected: {how}.", file=file.path, how=entry.how
            )
    return entry.path


def state(name: str, quick: bool = False) -> State:
    """That of the worst file: missing, wrong or ready; quick: by the sizes alone, without hashing."""
    states = {file_state(file, quick) for file in entry_named(name).files}
    return "missing" if "missing" in states else "wrong" if "wrong" in states else "ready"


def is_there(name: str) -> bool:
    """Whether all files lie there with the right size; quick, because nothing is hashed."""
    return state(name, quick=True) == "ready"


def listing(quick: bool = False) -> list[dict[str, Any]]:
    """Facts of every checkpoint, for JSON; quick: as in `state`. must_accept: before it can be fetched."""
    return [
        {fact: getattr(entry, fact) for fact in FACTS}
        | {"state": (found := state(name, quick)), "how_to_get": "" if found == "ready" else entry.how}
        | {"commercial_use": entry.commercial, "must_accept": not accepted(name)}
        for name, entry in manifest().items()
    ]


def file_state(file: ModelFile, quick: bool = False) -> State:
    """Whether a file is there and is the one that the manifest means. Raises LipsyncError if it cannot be read."""
    try:
        seen = file.path.stat()
        whole = file.path.is_file() and seen.st_size == file.bytes
        right = whole and (
            quick or _sha256_of(file.path, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino) == file.sha256
        )
        return "ready" if right else "wrong"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        raise LipsyncError(
            "{path} cannot be read ({reason}); check its permissions.", path=file.path, reason=Reason(error)
        ) from error


@cache
def _sha256_of(path: Path, *seen: int) -> str:
    """Hashing half a gigabyte takes a second: a file that looks as it did is not hashed again by this process."""
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """In hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
