"""Which file a render is written to."""

import itertools
import os
import re
from pathlib import Path

from lipsync_core.errors import LipsyncError

WORDS, LETTERS = 6, 40  # of a text that make a file's name, at most


def free_name(hint: str) -> Path:
    """A name in the current folder, made of words of `hint`, that no file has yet."""
    words = re.findall(r"[^\W_]+", hint)[:WORDS]
    stem = "-".join(words)[:LETTERS].strip("-").lower() or "talk"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(Path(f"{name}.mp4") for name in names if not os.path.lexists(f"{name}.mp4"))


def check_not_source(target: Path, sources: list[str | None]) -> None:
    """Raises LipsyncError where the result would replace what it is made from."""
    for source in sources:
        if source and target.exists() and os.path.exists(source) and os.path.samefile(target, source):
            raise LipsyncError(
                "{target} is what the video is made from; choose another name for the result.", target=target
            )
