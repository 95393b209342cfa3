"""Files of users: stored under a harmless name in the request's own folder, and measured before they are decoded."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_core.errors import LimitExceeded
from lipsync_core.settings import settings
from lipsync_core.speech.recording import Source

if TYPE_CHECKING:
    from starlette.datastructures import UploadFile

MAX_NAME = 60  # characters of a file's name that are kept
PICTURES = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def store(upload: "UploadFile", folder: Path, kind: str) -> Path:
    """Write an upload to a folder of its own inside `folder`; blocks.

    Its name is kept for messages only as far as it is harmless, and no name can lead out of the folder.
    """
    name = re.sub(r"[^\w.-]", "_", Path((upload.filename or "").replace("\\", "/")).name).lstrip(".")[-MAX_NAME:]
    place = folder / kind
    place.mkdir()
    path = place / (name or kind)
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file, 2**20)
    return path


def check_avatar(path: Path) -> None:
    """Raises LipsyncError for a picture or clip beyond the limits of pixels and seconds; reads headers only."""
    from PIL import Image

    limit = settings().max_upload_pixels
    try:
        with Image.open(path, formats=PICTURES) as picture:
            pixels = picture.width * picture.height
    except Image.DecompressionBombError:
        pixels = limit + 1
    except Exception:  # no picture; then perhaps a video
        pixels = _measure(path)
    if pixels > limit:
        raise LimitExceeded(
            "{file} has more than {most:g} million pixels; make it smaller.", file=path.name, most=limit / 1000000.0
        )


def check_recording(path: Path) -> None:
    """Raises LipsyncError for a recording that says itself that it is too long."""
    _measure(path)


def recording_seconds(source: Source | None) -> float | None:
    """Length of a recording's file as its header says; None where that is not known, or it is no file."""
    return _header(Path(source))[0] or None if isinstance(source, str | Path) else None


def _measure(path: Path) -> int:
    """Pixels of a frame, 0 where there is none. Raises LipsyncError for a file that is too long."""
    seconds, pixels = _header(path)
    limit = settings().max_upload_seconds
    if seconds > limit:
        raise LimitExceeded(
            "{file} is {seconds:.0f} seconds long and {limit:g} are allowed here; cut it.",
            file=path.name,
            seconds=seconds,
            limit=limit,
        )
    return pixels


def _header(path: Path) -> tuple[float, int]:
    """Seconds, and pixels of a frame; 0 where there are none. What is wrong with a file is told by who decodes it."""
    import av

    try:
        with path.open("rb") as file, av.open(file, "r", options={"protocol_whitelist": "none"}) as container:
            sizes = [one.codec_context.width * one.codec_context.height for one in container.streams.video]
            return (container.duration or 0) / av.time_base, max(sizes, default=0)
    except (OSError, ValueError, AttributeError, av.error.FFmpegError):
        return 0.0, 0
