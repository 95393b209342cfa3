"""Licences that forbid commercial use are accepted once; licences.json beside the model files says which and when."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from lipsync_core.checkpoints.manifest import entry_named
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings

NOTE = "licences.json"  # name of a checkpoint to the licence and the date


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
