"""Which model files are there."""

from typing import Any

from lipsync_core import checkpoints as files


def checkpoints() -> list[dict[str, Any]]:
    """Each entry: its state (ready, missing or wrong, by its hash), licence, size, and how to get it."""
    return [listed.as_dict() for listed in files.listing()]
