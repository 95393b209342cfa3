"""The text of a file, or of standard input."""

import sys
from pathlib import Path

from lipsync_core.errors import LimitExceeded, LipsyncError, Reason
from lipsync_core.settings import settings

STANDARD_INPUT = "-"
BYTES_PER_CHARACTER = 4  # of UTF-8, at most


def read_text(name: str) -> str:
    """UTF-8, with or without a byte order mark; `-` is standard input. Raises LipsyncError."""
    shown = "The text on standard input" if name == STANDARD_INPUT else name
    limit = settings().max_text_chars
    try:
        if name == STANDARD_INPUT:
            content = sys.stdin.buffer.read(limit * BYTES_PER_CHARACTER + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(limit * BYTES_PER_CHARACTER + 1)
    except (OSError, ValueError) as error:
        raise LipsyncError(
            "The text file {name} cannot be read ({reason}); check its name.", name=name, reason=Reason(error)
        ) from error
    if len(content) > limit * BYTES_PER_CHARACTER:
        raise LimitExceeded(
            "{shown} has more than {limit} characters; cut it into parts (or raise LIPSYNC_MAX_TEXT_CHARS).",
            shown=shown,
            limit=limit,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LipsyncError(
            "{shown} is not UTF-8 (see byte {position}); save it as UTF-8 text.", shown=shown, position=error.start
        ) from error
