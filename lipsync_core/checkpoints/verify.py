"""Whether a checkpoint may be used: its files are there and are the right ones, its licence is accepted."""

import hashlib
import json
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lipsync_core.checkpoints.manifest import ModelFile, entry_named, manifest
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings

State = Literal["ready", "missing", "wrong"]  # wrong: of another size or hash
NOTE = "licences.json"  # in the checkpoints folder: name of a checkpoint to the licence that was accepted, and when
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


class NotAccepted(LipsyncError):
    """A licence that forbids commercial use has to be accepted first."""

    kind = "licence-not-accepted"


def accepted(name: str) -> bool:
    """Whether a checkpoint may be fetched: its licence need not be accepted, or has been, as it reads now."""
    entry = entry_named(name)
    return entry.commercial is not False or entry.bundled or _noted().get(name, {}).get("licence") == entry.licence


def accept(name: str) -> None:
    """Note that a person has read the licence of a checkpoint and accepts it. Raises LipsyncError."""
    if accepted(name):
        return
    note, now = settings().checkpoints_dir / NOTE, datetime.now(UTC).isoformat(timespec="seconds")
    new = note.with_name(f".{NOTE}.{os.getpid()}")
    content = _noted() | {name: {"licence": entry_named(name).licence, "date": now}}
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(new, note)
    except OSError as error:
        raise LipsyncError(
            "{note} cannot be written ({reason}); check its permissions.", note=note, reason=Reason(error)
        ) from error


def _noted() -> dict[str, dict[str, Any]]:
    try:
        note = json.loads((settings().checkpoints_dir / NOTE).read_text(encoding="utf-8"))
        return {name: dict(one) for name, one in note.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none, or none that can be read
        return {}
