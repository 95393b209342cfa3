"""One run: a wish in, moments to show and in the end a file out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lipsync_core import Frame, Studio, Take
from lipsync_core.errors import Message
from lipsync_core.jobs.progress import Report
from lipsync_core.jobs.runs import stopped
from lipsync_core.jobs.uploads import check_heard
from lipsync_core.settings import settings
from lipsync_core.sinks.live import LivePlay, Shown
from lipsync_core.sinks.mp4 import Mp4Writer

NAME = "lipsync-studio.mp4"
SHOWN_SECONDS = 0.04  # between two pictures of a run that is not played live
POLL = 0.005  # seconds


@dataclass(frozen=True)
class Wish:
    """What a visitor has chosen. face: a file; which: the face in it."""

    text: str | None
    recording: Path | None
    face: Path
    which: int | None
    language: str | None
    voice: str | None
    model: str
    live: bool
    speed: float
    size: int | None
    seed: int


@dataclass(frozen=True)
class Moment:
    """shown: what is to be seen and heard now. path: the file, at the end; notes: what its owner should know."""

    report: Report
    shown: Shown | None = None
    path: Path | None = None
    notes: tuple[Message, ...] = ()


class _Stopped(Exception):
    pass


def perform(studio: Studio, wish: Wish, folder: Path) -> Iterator[Moment]:
    """Raises LipsyncError. Ends early, with the file of what was made, when the folder says so; see `stopped`."""
    began = time.monotonic()
    report = Report("looking", live=wish.live)
    yield Moment(replace(report))

    def look(part: float) -> None:
        if stopped(folder):
            raise _Stopped

    try:
        avatar = studio.avatar(wish.face, face=wish.which, size=wish.size, progress=look)
    except _Stopped:
        yield Moment(Report("stopped_early"))
        return
    report.face = time.monotonic() - began
    report.stage = "preparing_speech"
    yield Moment(replace(report), notes=avatar.notes)
    take = studio.take(
        wish.text, audio=wish.recording, avatar=avatar, voice=wish.voice, language=wish.language, speed=wish.speed,
        model=wish.model, low_latency=wish.live, seed=wish.seed,
    )  # fmt: skip
    report.voice = take.voice
    with take:
        with Mp4Writer(folder / NAME, take.size, take.fps, take.sample_rate) as writer:
            try:
                for shown in _frames(take, writer, report, began, folder, wish.recording is not None):
                    yield Moment(replace(report), shown)
                stage = report.stage
                if writer.frames == 0 and stopped(folder):
                    writer.discard()
                    yield Moment(Report("stopped_early"))
                    return
                made = time.monotonic()
                report.stage, report.part = "finishing", 1.0
                yield Moment(replace(report))
            except GeneratorExit:  # nobody waits for the file any more
                writer.discard()
                raise
        work = take.seconds
    whole, file = time.monotonic() - began, time.monotonic() - made
    report.times = {"face": report.face, **work, "file": file}
    if wish.live:
        report.times["waiting"] = max(0.0, whole - report.face - file - max(work.values()))
    report.times["whole"] = whole
    report.stage = stage if stage in ("stopped", "cut") else "finished"
    yield Moment(replace(report), path=writer.path)


def _frames(
    take: Take, writer: Mp4Writer, report: Report, began: float, folder: Path, recorded: bool
) -> Iterator[Shown]:
    first = 0.0

    def taken(frame: Frame) -> None:
        nonlocal first
        if recorded:
            check_heard(frame.time)
        writer.write(frame)
        now = time.monotonic()
        if report.frames == 0:
            first, report.first = now, now - began
        report.frames += 1
        report.length += len(frame.audio) / frame.sample_rate
        report.rate = (report.frames - 1) / (now - first) if now - first > 0.2 else None
        report.stage = "speaking" if report.live else "drawing"
        report.part, report.speech, report.missed = take.progress, take.seconds["speech"], take.missed_faces

    def ended() -> bool:
        return stopped(folder) or time.monotonic() - began > settings().max_session_seconds

    if report.live:
        play = LivePlay(take, taken, ended)
        for shown in play:
            report.skipped, report.undrawn = play.skipped, take.skipped
            yield shown
    else:
        yield from _unheard(take, taken, ended)
    if stopped(folder):
        report.stage = "stopped"
    elif ended():
        report.stage, report.limit = "cut", settings().max_session_seconds


def _unheard(take: Take, taken: Callable[[Frame], None], ended: Callable[[], bool]) -> Iterator[Shown]:
    """Frames as fast as they come; some of them are shown."""
    silence, last = np.zeros(0, np.float32), 0.0
    while not ended():
        if not take.ready:
            time.sleep(POLL)
            continue
        frame = next(take, None)
        if frame is None:
            return
        taken(frame)
        if time.monotonic() - last > SHOWN_SECONDS:
            last = time.monotonic()
            yield Shown(frame.image, frame.time, silence, 0)
