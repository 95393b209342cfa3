"""What the command bench measures, and how it tells it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from statistics import median
from typing import Any

from lipsync_core.bench import process, speed
from lipsync_core.bench.process import machine
from lipsync_core.core.studio import Studio
from lipsync_core.errors import LipsyncError
from lipsync_core.face import Avatar
from lipsync_core.speech import find_voice
from lipsync_core.speech.engines.registry import engine_classes


def report(measured: dict[str, Any]) -> str:
    """What `measure` returned, as text."""
    lines = [f"{name}: {value}" for name, value in measured["machine"].items() if value is not None]
    lines += ["", "| figure | measured | goal | reached |", "| --- | --- | --- | --- |"]
    for figure in FIGURES:
        value = measured["figures"][figure.name]
        bound = f"{'at most' if figure.less else 'at least'} {figure.goal:g}"
        shown = "not measured" if value is None else f"{value:.{0 if value >= 50 else 2}f} {figure.unit}"
        reached = "" if value is None else "yes" if figure.reached(value) else "no"
        lines.append(f"| {figure.about} | {shown} | {bound} | {reached} |")
    return "\n".join([*lines, *([""] if measured["notes"] else []), *measured["notes"]])


PACKAGES = ("torch", "numpy", "opencv-python-headless", "av")  # whose version changes the speed
SHORT, LONG = 10.0, 600.0  # seconds, of the renders whose memory is compared
Tell = Callable[[str], object]


@dataclass(frozen=True)
class Figure:
    """name: key in JSON. goal: on two cores of a usual machine; at least that, or at most where `less` is better."""

    name: str
    about: str
    unit: str
    goal: float
    less: bool = False

    def reached(self, value: float) -> bool:
        """Whether a value meets the goal."""
        return value <= self.goal if self.less else value >= self.goal


# Engines that say how fast they should be, the fastest first, which is the one whose memory is measured.
ENGINES = sorted(
    ((engine, engine.benchmark) for engine in engine_classes().values() if engine.benchmark),
    key=lambda item: item[1].first_frame_ms,
)
FIGURES = (
    *(
        Figure(f"mp4_realtime_{one.name}", f"text to MP4, {one.title}", "x real time", goal.realtime)
        for one, goal in ENGINES
    ),
    Figure("frames_per_second", "frames alone", "a second", 100),
    *(
        Figure(
            f"first_frame_ms_{one.name}",
            f"warm, text to first frame, {one.title}",
            "ms",
            goal.first_frame_ms,
            less=True,
        )
        for one, goal in ENGINES
    ),
    Figure("import_seconds", "import, beyond torch's own", "s", 1.5, less=True),
    Figure("memory_growth_mb", "peak memory, 10 minutes over 10 seconds", "MB", 200, less=True),
)


def measure(quick: bool = False, tell: Tell = lambda what: None) -> dict[str, Any]:
    """Measure everything; some minutes, or half a minute if `quick`.

    tell: is called with what is measured next.
    Returns "machine", "figures" (by name; None where not measured) and "notes" (why not).
    """
    runs, seconds = (1, 6.0) if quick else (3, 30.0)
    figures: dict[str, float | None] = {figure.name: None for figure in FIGURES}
    notes = []
    studio = Studio()
    avatar = studio.avatar(size=speed.SIZE)
    spoken = []
    for engine, goal in ENGINES:
        voice = goal.voice
        try:
            find_voice(voice)
        except LipsyncError as error:
            notes.append(str(error))
            continue
        spoken.append(voice)
        tell(f"Loading {voice}")
        studio.warm_up(avatar=avatar, voice=voice)
        tell("Text to first frame")
        figures[f"first_frame_ms_{engine.name}"] = speed.first_frame_ms(studio, avatar, voice, 7 * runs)
        tell(f"Text to MP4, {seconds:g} seconds")
        figures[f"mp4_realtime_{engine.name}"] = median(
            speed.mp4_factor(studio, avatar, voice, seconds) for _ in range(runs)
        )
        if figures["frames_per_second"] is None:
            tell("Frames alone")
            figures["frames_per_second"] = _frames(studio, avatar, voice, seconds, runs)
    tell("Import")
    figures["import_seconds"] = process.import_seconds(2 * runs - 1)
    if quick:
        notes.append("The memory of a render of ten minutes was left out.")
    elif spoken:
        tell(f"Memory of a render of {SHORT:g} seconds")
        short = process.peak_memory_mb(SHORT, spoken[0])
        tell(f"Memory of a render of {LONG:g} seconds")
        long = process.peak_memory_mb(LONG, spoken[0])
        figures |= {"memory_mb_10s": short, "memory_mb_600s": long, "memory_growth_mb": long - short}
    rounded = {name: value if value is None else round(value, 3) for name, value in figures.items()}
    return {
        "machine": {**machine(), **{name: metadata.version(name) for name in PACKAGES}},
        "figures": rounded,
        "notes": notes,
    }


def _frames(studio: Studio, avatar: Avatar, voice: str, seconds: float, runs: int) -> float:
    sound = speed.spoken(voice, seconds)
    return median(speed.frames_per_second(studio, avatar, sound) for _ in range(runs))
