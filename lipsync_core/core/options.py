"""Every option of a take, once: its default, its range, what it means. All front ends derive theirs from here."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from lipsync_core.errors import LipsyncError
from lipsync_core.face import Avatar
from lipsync_core.face.landmarks import Choice
from lipsync_core.face.photo import SHORTER_RANGE
from lipsync_core.speech.recording import Source
from lipsync_core.speech.stream import FASTEST, SLOWEST

Face = Avatar | str | Path | bytes | np.ndarray

LARGEST_BATCH = 960  # frames
FPS = (1, 120)
SEEDS = 2**32


@dataclass(frozen=True)
class Option:
    """What is known of one option.

    about: what it means, with its unit, for people. lowest, highest: of a number, both allowed. live: whether a live
    session may change it while it runs. words: what stands for a value on a command line, such as N. parse: makes a
    value of what somebody has typed, where that is no plain number or text; raises ValueError.
    """

    name: str
    kind: Any
    default: Any
    about: str
    lowest: float | None = None
    highest: float | None = None
    live: bool = False
    words: str = "N"
    parse: Callable[[str], Any] | None = None

    @property
    def limits(self) -> str:
        """The range of a number, for people, such as "1 to 120"; empty where there is none."""
        if self.lowest is None or self.highest is None:
            return ""
        return " to ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in (self.lowest, self.highest))


def parse_face(text: str) -> Choice:
    """`1`, `320,240` or `0.5,0.4`; whole numbers stay whole, because they are pixels. Raises ValueError."""
    numbers = [float(part) if "." in part else int(part) for part in text.split(",")]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return numbers[0]
    raise ValueError("neither a number nor a point")


def _about(about: str, **more: Any) -> dict[str, Any]:
    return {"about": about, **more}


@dataclass(frozen=True, kw_only=True)
class TakeOptions:
    """What `Studio.take`, a live session, a request, a form and a command line can ask for.

    None stands for a default that depends on the rest: on the settings, the clip, the text. Raises LipsyncError for a
    value out of its range. `options()` tells each one's meaning and range; docs/options.md is made of it.
    """

    text: str | None = field(default=None, metadata=_about("What to say; or else give a recording.", words="T"))
    audio: Source | None = field(default=None, metadata=_about("A recording to play instead of a text.", words="FILE"))
    avatar: Face | None = field(
        default=None,
        metadata=_about(
            "Who speaks: a photo, a video or the name of a default avatar; default the first.", words="FACE"
        ),
    )
    face: Choice = field(
        default=None,
        metadata=_about(
            "Which face of a picture: 0 is the largest, or a point such as 320,240.", words="WHICH", parse=parse_face
        ),
    )
    language: str | None = field(
        default=None,
        metadata=_about("Code or name, such as pt-BR or Russian; default by the text's letters.", live=True, words="L"),
    )
    voice: str | None = field(
        default=None,
        metadata=_about("A voice by its id or name; default the best one of the language.", live=True, words="V"),
    )
    speed: float = field(
        default=1.0,
        metadata=_about("Of the speech, times the normal one.", lowest=SLOWEST, highest=FASTEST, live=True, words="S"),
    )
    model: str | None = field(
        default=None, metadata=_about("What draws the mouth; default that of the settings.", words="M")
    )
    size: int | None = field(
        default=None,
        metadata=_about(
            "Pixels of the shorter side; default the source's, at most 720.",
            lowest=SHORTER_RANGE[0],
            highest=SHORTER_RANGE[1],
        ),
    )
    fps: float | None = field(
        default=None,
        metadata=_about("Frames a second; default the clip's own, or 25.", lowest=FPS[0], highest=FPS[1], words="F"),
    )
    low_latency: bool | None = field(
        default=None,
        metadata=_about("Begin with small batches, for an earlier first frame; default for what is watched live."),
    )
    batch_size: int | None = field(
        default=None,
        metadata=_about(
            "Frames drawn at once; default as many as fit. Overrides low_latency.", lowest=1, highest=LARGEST_BATCH
        ),
    )
    seed: int = field(
        default=0,
        metadata=_about("Of blinks and sway: the same seed gives the same frames.", lowest=0, highest=SEEDS - 1),
    )
    idle: bool = field(default=True, metadata=_about("Whether a photo blinks, sways and breathes.", live=True))
    queue_frames: int | None = field(
        default=None,
        metadata=_about(
            "Frames that may wait for whoever takes them; default that of the settings.", lowest=1, highest=3000
        ),
    )

    def __post_init__(self) -> None:
        for option in options().values():
            _check(option, getattr(self, option.name))

    def check_source(self) -> None:
        """Raises LipsyncError unless there is exactly one of text and audio, with what belongs to it."""
        if (self.text is None) == (self.audio is None):
            raise LipsyncError("A take needs either a text or a recording; give one of the two.")
        if self.audio is not None and (self.language or self.voice or self.speed != 1):
            raise LipsyncError("A recording sounds as it is; leave out language, voice and speed.")

    def silent(self) -> "TakeOptions":
        """Without what is to be said."""
        return replace(self, text=None, audio=None)

    def changed(self, changes: Mapping[str, Any]) -> "TakeOptions":
        """With what a live session may change while it runs. Raises LipsyncError for anything else."""
        for name in changes:
            if name not in options() or not options()[name].live:
                names = ", ".join(option.name for option in options().values() if option.live)
                raise LipsyncError("{option} cannot be changed now; choose from {names}.", option=name, names=names)
        return replace(self, **changes)


@lru_cache(maxsize=1)
def options() -> dict[str, Option]:
    """All options by name, in their order."""
    kinds = get_type_hints(TakeOptions)
    return {
        one.name: Option(one.name, kinds[one.name], None if one.default is MISSING else one.default, **one.metadata)
        for one in fields(TakeOptions)
    }


def _check(option: Option, value: Any) -> None:
    if value is None or option.lowest is None or option.highest is None:
        return
    whole = option.kind in (int, int | None)
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (whole and value != int(value)):
        raise LipsyncError("The {option} {value!r} is no number; give one from {lowest} to {highest}.",
                           option=option.name, value=value, lowest=option.lowest, highest=option.highest)  # fmt: skip
    if not option.lowest <= value <= option.highest:
        raise LipsyncError(
            "The {option} {value} is not possible; choose {lowest} to {highest}.",
            option=option.name,
            value=value,
            lowest=f"{option.lowest:g}",
            highest=f"{option.highest:g}",
        )
