"""How fast voices speak on this machine, measured once and kept in the cache folder.

Which voice is the default depends on it: one that sounds better is no use when it cannot keep ahead of playback.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.settings import settings
from lipsync_core.speech.engines.registry import engine_classes, get_engine
from lipsync_core.speech.voice import Voice

SENTENCES = ("The quick brown fox jumps over the lazy dog near the river bank.", "It was never seen there again.")
MOST_FACTOR = 0.5  # of the time that speech takes to play: the rest is for the frames
MOST_FIRST_SECONDS = 1.0

_FILE = "voice_pace.json"


@dataclass(frozen=True)
class Pace:
    """first_seconds: until the first sound of a sentence of 13 words. factor: time to make speech over its length."""

    first_seconds: float
    factor: float

    @property
    def keeps_ahead(self) -> bool:
        """Whether a listener never waits once it has begun, with time left to draw the frames."""
        return self.factor <= MOST_FACTOR

    @property
    def prompt(self) -> bool:
        """Whether it also begins soon."""
        return self.keeps_ahead and self.first_seconds <= MOST_FIRST_SECONDS


def keeps_ahead(voice: Voice) -> bool:
    """Whether the voice is fast enough to be a default; reads a small file at most, and measures nothing."""
    pace = known_pace(voice)
    return engine_classes()[voice.engine].fast if pace is None else pace.keeps_ahead


def is_prompt(voice: Voice) -> bool:
    """Whether it is fast enough and begins soon; of what `keeps_ahead` says."""
    pace = known_pace(voice)
    return engine_classes()[voice.engine].fast if pace is None else pace.prompt


def known_pace(voice: Voice) -> Pace | None:
    """What was measured of the voice on this machine, if anything."""
    return _known(settings().cache_dir, _changed(settings().cache_dir)).get(get_engine(voice.engine).speed_group(voice))


def when_measured() -> int:
    """Changes with whatever was measured last."""
    return _changed(settings().cache_dir)


def measure_pace(voice: Voice) -> Pace:
    """Let a voice speak two sentences, after it has been loaded, and keep the result. Raises LipsyncError."""
    engine = get_engine(voice.engine)
    engine.warm_up(voice)
    first, length = 0.0, 0.0
    start = time.perf_counter()
    for text in SENTENCES:
        for part in engine.synthesize(text, voice, 1.0, CancelToken(), early=True):
            first = first or time.perf_counter() - start
            length += len(part.samples) / part.sample_rate
    pace = Pace(round(first, 3), round(float(np.divide(time.perf_counter() - start, max(length, 0.1))), 3))
    _keep(get_engine(voice.engine).speed_group(voice), pace)
    return pace


def _changed(folder: Path) -> int:
    try:
        return (folder / _FILE).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _known(folder: Path, changed: int) -> dict[str, Pace]:
    if not changed:
        return {}
    try:
        stored = json.loads((folder / _FILE).read_text("utf-8"))
        return {key: Pace(float(one["first_seconds"]), float(one["factor"])) for key, one in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # a cache: what cannot be read was not measured


def _keep(key: str, pace: Pace) -> None:
    folder = settings().cache_dir
    known = {**_known(folder, _changed(folder)), key: pace}
    text = json.dumps({name: asdict(one) for name, one in known.items()}, indent=1)
    part = folder / f"{_FILE}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(text, "utf-8")
        os.replace(part, folder / _FILE)
    except OSError:  # a cache that cannot be written is no reason to fail
        part.unlink(missing_ok=True)
