"""Which model files are there."""

from typing import Any

from lipsync_core import checkpoints as files


def checkpoints() -> list[dict[str, Any]]:
    """Each file: its state (ready, missing or wrong), licence, whether it is required, and how to get it."""
    return [
        {
            "name": listed.checkpoint.name,
            "about": listed.checkpoint.about,
            "state": listed.state,
            "required": listed.checkpoint.required,
            "licence": listed.checkpoint.licence,
            "commercial_use": listed.checkpoint.commercial,
            "how_to_get": "" if listed.state == "ready" else listed.checkpoint.how,
        }
        for listed in files.listing()
    ]
