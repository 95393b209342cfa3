"""One run of the page: the options of a take in, what is to be seen and heard meanwhile, and in the end a file."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lipsync_core import Frame, LiveSession, Studio, Take, TakeOptions
from lipsync_core.errors import Message
from lipsync_core.jobs.progress import Report
from lipsync_core.jobs.runs import stopped, watched
from lipsync_core.live import Event
from lipsync_core.settings import settings
from lipsync_core.sinks.mp4 import Mp4Writer

NAME = "lipsync-studio.mp4"
SHOWN_SECONDS = 0.04  # between two pictures of a run that is not seen live
HEAD_START = 0.15  # seconds that speech could begin sooner: its sound is in the browser before its first picture
SOUND_AHEAD = 1.2  # seconds of sound that are sent before their pictures are due, at most


@dataclass(frozen=True)
class Moment:
    """frame: to be seen now, where there is another picture. sound: (m,) float32 that has come, and start: its first
    sample on the clock of the frames. path: the file, at the end. notes: what its owner should know.
    """

    report: Report
    frame: Frame | None = None
    sound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    start: int = 0
    path: Path | None = None
    notes: tuple[Message, ...] = ()


class _Stopped(Exception):
    pass


def perform(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """A run that is seen live where the options ask for low latency, else one that draws as fast as it can.

    Raises LipsyncError. Ends early, with the file of what was made, when the folder says so; see `stopped`.
    """
    began = time.monotonic()
    report = Report("looking", live=bool(options.low_latency))
    yield Moment(replace(report))

    def look(part: float) -> None:
        if stopped(folder):
            raise _Stopped

    try:
        avatar = studio.avatar(options.avatar, face=options.face, size=options.size, progress=look)
    except _Stopped:
        yield Moment(Report("stopped_early"))
        return
    report.face = time.monotonic() - began
    report.stage = "preparing_speech"
    yield Moment(replace(report), notes=avatar.notes)
    options = replace(options, avatar=avatar, face=None, size=None)
    latest = began + settings().max_session_seconds
    source = LiveSession(studio, options, delay=HEAD_START) if report.live else studio.take_of(options)
    with source, watched(folder, source.stop, latest):
        with Mp4Writer(folder / NAME, source.size, source.fps, source.sample_rate) as writer:
            written = _recorder(writer, report, source, began)
            try:
                if isinstance(source, LiveSession):
                    yield from _live(source, written, report, len(options.text or ""))
                else:
                    yield from _unheard(source, written, report)
                ended = "stopped" if stopped(folder) else "cut" if time.monotonic() > latest else "finished"
                if writer.frames == 0 and ended == "stopped":
                    writer.discard()
                    yield Moment(Report("stopped_early"))
                    return
                made = time.monotonic()
                report.stage, report.part = "finishing", 1.0
                yield Moment(replace(report))
            except GeneratorExit:  # nobody waits for the file any more
                writer.discard()
                raise
        work = source.seconds
    whole, file = time.monotonic() - began, time.monotonic() - made
    report.times = {"face": report.face, **work, "file": file}
    if report.live:
        report.times["waiting"] = max(0.0, whole - report.face - file - max(work.values()))
    report.times["whole"] = whole
    report.stage, report.limit = ended, settings().max_session_seconds if ended == "cut" else 0.0
    yield Moment(replace(report), path=writer.path)


def _recorder(writer: Mp4Writer, report: Report, source: LiveSession | Take, began: float) -> Callable[[Frame], object]:
    """What puts a frame into the file, and into the report."""
    first = 0.0

    def written(frame: Frame) -> None:
        nonlocal first
        writer.write(frame)
        now = time.monotonic()
        if report.frames == 0:
            first, report.first = now, now - began
        report.frames += 1
        report.length += len(frame.audio) / frame.sample_rate
        report.rate = (report.frames - 1) / (now - first) if now - first > 0.2 else None
        report.speech = source.seconds["speech"]

    return written


def _live(
    session: LiveSession, written: Callable[[Frame], object], report: Report, characters: int
) -> Iterator[Moment]:
    """The face from its first picture to the last one of its speech; the file has that of the speech alone."""
    sentence: Event | None = None
    shown, repeated, missed = None, 0, 0
    for frame in session:
        kinds = {event.kind: event for event in frame.events}
        if "error" in kinds:
            raise kinds["error"].details["error"]
        if "started" in kinds:
            report.stage = "speaking"
        sentence = kinds.get("sentence", sentence)
        late, undrawn = session.behind() > 0, session.skipped > repeated
        repeated = session.skipped
        if report.stage == "speaking":
            written(frame)
            report.part = _part(sentence, frame.time, characters)
            report.undrawn += undrawn
            report.skipped += undrawn or late
            report.missed = session.missed_faces - missed
        else:
            missed = session.missed_faces
        start, sound = session.sound_ahead(SOUND_AHEAD)
        picture = None if late or frame.image is shown else frame
        shown = frame.image if picture else shown
        yield Moment(replace(report), picture, sound, start)
        if "finished" in kinds:
            return


def _part(sentence: Event | None, time: float, characters: int) -> float | None:
    """How much of a text of so many characters is said; None for a recording, which may have no end."""
    if sentence is None or not characters:
        return None
    begin, end = sentence.details["span"]
    length = max(0.001, sentence.details["end"] - sentence.time)
    return float((begin + (end - begin) * min(1.0, max(0.0, time - sentence.time) / length)) / characters)


def _unheard(take: Take, written: Callable[[Frame], object], report: Report) -> Iterator[Moment]:
    """Frames as fast as they come; some of them are seen."""
    last = 0.0
    for frame in take:
        written(frame)
        report.stage, report.part, report.missed = "drawing", take.progress, take.missed_faces
        if time.monotonic() - last > SHOWN_SECONDS:
            last = time.monotonic()
            yield Moment(replace(report), frame)
