"""Licences that forbid commercial use are asked about once; what was agreed to is noted beside the files."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lipsync_core.checkpoints.entry import Checkpoint
from lipsync_core.checkpoints.lock import locked
from lipsync_core.checkpoints.manifest import entry_named
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings

NOTE = "licences.json"  # in the checkpoints folder: name of the checkpoint to licence and date


def accepted(name: str) -> bool:
    """Whether a checkpoint may be fetched: nothing has to be agreed to, or it has been."""
    return is_accepted(entry_named(name))


def is_accepted(entry: Checkpoint) -> bool:
    """As `accepted`. An agreement to a licence that reads otherwise now does not count."""
    return not entry.ask or _read().get(entry.name, {}).get("licence") == entry.licence


def accept(name: str) -> None:
    """Note that a person has read the licence of a checkpoint and agrees to it. Raises LipsyncError."""
    entry = entry_named(name)
    if is_accepted(entry):
        return
    folder = settings().checkpoints_dir
    try:
        with locked(folder, "licences"):
            note = _read() | {name: {"licence": entry.licence, "date": datetime.now(UTC).isoformat(timespec="seconds")}}
            _write(folder, note)
    except OSError as error:
        raise LipsyncError(
            "{note} cannot be written ({reason}); check its permissions.", note=folder / NOTE, reason=Reason(error)
        ) from error


def _read() -> dict[str, Any]:
    try:
        note = json.loads((settings().checkpoints_dir / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and all(isinstance(one, dict) for one in note.values()) else {}


def _write(folder: Path, note: dict[str, Any]) -> None:
    new = folder / f".{NOTE}.new"  # nobody else writes: the lock is held
    with new.open("w", encoding="utf-8") as file:
        json.dump(note, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, folder / NOTE)
