"""How fast takes are made, warm: models, voice and avatar are loaded before a clock starts."""

import itertools
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from lipsync_core.core.studio import Studio
from lipsync_core.core.take import Take
from lipsync_core.face import Avatar
from lipsync_core.sinks.mp4 import Mp4Writer
from lipsync_core.speech import speak

SIZE = 512  # pixels, of all measurements
SENTENCES = (  # of twelve words each
    "The morning train was late again, so we all walked to town.",
    "She found an old map of the coast in her grandfather's desk.",
    "Please put the blue cups on the shelf next to the window.",
    "Nobody knew why the small dog barked every time the phone rang.",
    "Five brave sailors fixed the mast before the storm reached the bay.",
    "We could hear music from the park until the lights went out.",
    "His voice was calm, but both of his hands were shaking badly.",
)


def text_of(seconds: float) -> str:
    """A text that takes any voice longer than this."""
    per_sentence = 2.0  # seconds; they take three to four
    return " ".join(itertools.islice(itertools.cycle(SENTENCES), max(1, round(seconds / per_sentence))))


def mp4_factor(
    studio: Studio, avatar: Avatar, source: str | tuple[np.ndarray, int], seconds: float, limit: float = 1e9
) -> float:
    """To a complete MP4 of this length: seconds of video made in one second.

    source: a voice, which speaks a text, or a sound. limit: seconds to spend, about.
    """
    with TemporaryDirectory(prefix="lipsync-bench-") as folder:
        start = time.perf_counter()
        if isinstance(source, str):
            made = studio.take(text_of(seconds), avatar=avatar, voice=source)
        else:
            made = studio.take(audio=source, avatar=avatar)
        with made as take:
            writer = write(take, Path(folder) / "bench.mp4", seconds, start + limit)
        return float(writer.frames / take.fps) / (time.perf_counter() - start)


def write(take: Take, target: Path, seconds: float, until: float = float("inf")) -> Mp4Writer:
    """Write the first seconds of a take; until: the value of time.perf_counter() at which to stop."""
    with Mp4Writer(target, take.size, take.fps, take.sample_rate) as writer:
        for frame in take:
            writer.write(frame)
            if frame.time >= seconds or time.perf_counter() >= until:
                break
    return writer


def frames_per_second(studio: Studio, avatar: Avatar, sound: tuple[np.ndarray, int], limit: float = 1e9) -> float:
    """Frames alone, from a sound that is there already. limit: seconds to spend, about."""
    start, count = time.perf_counter(), 0
    with studio.take(audio=sound, avatar=avatar) as take:
        for frame in take:
            count = frame.index + 1
            if time.perf_counter() - start >= limit:
                break
        return count / (time.perf_counter() - start)


def first_frame_ms(studio: Studio, avatar: Avatar, voice: str, runs: int) -> float:
    """Text to the first Frame, with small batches; median over sentences."""
    times = []
    for sentence in itertools.islice(itertools.cycle(SENTENCES), runs):
        start = time.perf_counter()
        with studio.take(sentence, avatar=avatar, voice=voice, low_latency=True) as take:
            next(take)
            times.append((time.perf_counter() - start) * 1000)
    return median(times)


def spoken(voice: str, seconds: float) -> tuple[np.ndarray, int]:
    """A sound of this length: (n,) float32 and its rate."""
    parts: list[np.ndarray] = []
    length, rate = 0, 0
    for speech in speak(text_of(seconds), voice=voice):
        parts.append(speech.samples)
        length, rate = length + len(speech.samples), speech.sample_rate
        if length >= seconds * rate:
            break
    return np.concatenate(parts)[: round(seconds * rate)], rate
