"""The files of a render: where its text comes from, and the name of its video."""

import itertools
import os
import re
import sys
from pathlib import Path

from lipsync_core.errors import LimitExceeded, LipsyncError, Reason
from lipsync_core.settings import settings

STANDARD_INPUT = "-"
BYTES_PER_CHARACTER = 4  # of UTF-8, at most
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
