"""One run of the page: the options of a take in, what is to be seen and heard meanwhile, and in the end a file."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lipsync_core import Frame, LiveSession, Studio, TakeOptions
from lipsync_core.cancel import OperationCancelled
from lipsync_core.errors import Message
from lipsync_core.jobs.progress import Report
from lipsync_core.jobs.render import Limits, Progress, RenderJob, TooLong
from lipsync_core.jobs.runs import stopped, watched
from lipsync_core.live import Event
from lipsync_core.sinks.mp4 import Mp4Writer

NAME = "lipsync-studio.mp4"
SHOWN_SECONDS = 0.04  # between two pictures of a run that is not seen live
HEAD_START = 0.15  # seconds that speech could begin sooner: its sound is in the browser before its first picture
SOUND_AHEAD = 1.2  # seconds of sound that are sent before their pictures are due, at most
FIRST_PICTURES = 3  # are sent also where they are the same, because the page sets its clock by them
RATE_SECONDS = 0.2  # after which frames a second are told
STAGES = {  # of a render, in words of the page
    "face": "looking", "speech": "preparing_speech", "frames": "drawing", "file": "finishing", "finished": "finishing",
}  # fmt: skip


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


def perform(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """A run that is seen live where the options ask for low latency, else one that draws as fast as it can.

    Raises LipsyncError. Ends early, with the file of what was made, when the folder says so; see `stopped`.
    """
    yield Moment(Report("looking", live=bool(options.low_latency)))
    yield from (_live if options.low_latency else _render)(studio, options, folder)


def _live(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """A face that is there as soon as it can be drawn, and its speech with its sound; the file has that alone."""
    began, limits = time.monotonic(), Limits.of_settings()

    def look(part: float) -> None:
        if stopped(folder):
            raise OperationCancelled

    try:
        avatar = studio.avatar(options.avatar, face=options.face, size=options.size, progress=look)
    except OperationCancelled:
        yield Moment(Report("stopped_early"))
        return
    report = Report("preparing_speech", face=time.monotonic() - began)
    yield Moment(replace(report), notes=avatar.notes)
    latest = began + limits.session_seconds
    with LiveSession(studio, replace(options, avatar=avatar), delay=HEAD_START) as session:
        size, fps, rate = session.size, session.fps, session.sample_rate
        with watched(folder, session.stop, latest), Mp4Writer(folder / NAME, size, fps, rate) as writer:
            first = 0.0

            def write(frame: Frame) -> None:
                nonlocal first
                if options.audio is not None:
                    limits.check_heard(report.length)
                writer.write(frame)
                now = time.monotonic()
                if report.frames == 0:
                    first, report.first = now, now - began
                report.frames += 1
                report.length += len(frame.audio) / frame.sample_rate
                report.rate = (report.frames - 1) / (now - first) if now - first > RATE_SECONDS else None
                report.speech = session.seconds["speech"]

            try:
                yield from _spoken(session, write, report, len(options.text or ""))
                ended = "stopped" if stopped(folder) else "cut" if time.monotonic() > latest else "finished"
                if writer.frames == 0 and ended == "stopped":
                    writer.discard()
                    yield Moment(Report("stopped_early"))
                    return
                last = time.monotonic()
                report.stage, report.part = "finishing", 1.0
                yield Moment(replace(report))
            except GeneratorExit:  # nobody waits for the file any more
                writer.discard()
                raise
        work = {"face": report.face or 0.0, **session.seconds, "file": time.monotonic() - last}
    whole = time.monotonic() - began
    waiting = max(0.0, whole - work["face"] - work["file"] - max(work["speech"], work["frames"]))
    report.times = {**work, "waiting": waiting, "whole": whole}
    report.stage, report.limit = ended, limits.session_seconds if ended == "cut" else 0.0
    yield Moment(replace(report), path=writer.path)


def _spoken(
    session: LiveSession, write: Callable[[Frame], object], report: Report, characters: int
) -> Iterator[Moment]:
    """The face from its first picture to the last one of its speech, of which each frame is written."""
    sentence: Event | None = None
    shown, pictures, repeated, missed = None, 0, 0, 0
    for frame in session:
        kinds = {event.kind: event for event in frame.events}
        if "error" in kinds:
            raise kinds["error"].details["error"]
        sentence = kinds.get("sentence", sentence)
        late, undrawn = session.behind() > 0, session.skipped > repeated
        repeated = session.skipped
        if "started" in kinds:
            report.stage = "speaking"
        if report.stage == "speaking":
            write(frame)
            report.part = _part(sentence, frame.time, characters)
            report.undrawn += undrawn
            report.skipped += undrawn or late
            report.missed = session.missed_faces - missed
        else:
            missed = session.missed_faces
        start, sound = session.sound_ahead(SOUND_AHEAD)
        seen = None if late or (frame.image is shown and pictures >= FIRST_PICTURES) else frame
        if seen:
            shown, pictures = frame.image, pictures + 1
        yield Moment(replace(report), seen, sound, start)
        if "finished" in kinds:
            return


def _part(sentence: Event | None, seconds: float, characters: int) -> float | None:
    """How much of a text of so many characters is said; None for a recording, which may have no end."""
    if sentence is None or not characters:
        return None
    begin, end = sentence.details["span"]
    length = max(0.001, sentence.details["end"] - sentence.time)
    return float(begin + (end - begin) * min(1.0, max(0.0, seconds - sentence.time) / length)) / characters


def _render(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """Every frame, as fast as they come, silent; some of them are seen."""
    newest: Frame | None = None

    def see(frame: Frame) -> None:
        nonlocal newest
        newest = frame

    def work() -> None:
        job.prepare()
        job.run(see)

    with (
        RenderJob(studio, options, folder / NAME, limits=Limits.of_settings()) as job,
        watched(folder, lambda: job.cancel(keep=True)),
        ThreadPoolExecutor(1, "page render") as pool,
    ):
        working = pool.submit(work)
        try:
            yield from _followed(job, working, lambda: newest)
        finally:
            job.cancel()  # where nobody waits for the file any more
    yield _ended(job, working)


def _followed(job: RenderJob, working: "Future[None]", newest: Callable[[], Frame | None]) -> Iterator[Moment]:
    """A render, until it has ended."""
    shown, told = None, False
    while not wait((working,), SHOWN_SECONDS).done:
        seen, take = newest(), job.take
        notes = take.avatar.notes if take is not None and not told else ()
        told = take is not None
        yield Moment(_report(job.progress), seen if seen is not shown else None, notes=notes)
        shown = seen


def _ended(job: RenderJob, working: "Future[None]") -> Moment:
    """The last moment of a render. Raises LipsyncError."""
    report, stage = _report(job.progress), "finished"
    try:
        working.result()
    except OperationCancelled:
        stage = "stopped"
        if job.path is None:
            return Moment(Report("stopped_early", live=False))
    except TooLong:
        stage = "cut"
        if job.path is None:
            raise
    report.stage, report.times = stage, job.progress.times
    report.limit = job.limits.session_seconds if stage == "cut" else 0.0
    return Moment(report, path=job.path)


def _report(progress: Progress) -> Report:
    first, times = progress.first_frame_seconds, progress.times
    drawing = times["whole"] - first if first is not None else 0.0
    return Report(
        STAGES[progress.stage],
        part=progress.part,
        face=times.get("face"),
        speech=times.get("speech"),
        frames=progress.frames,
        rate=(progress.frames - 1) / drawing if drawing > RATE_SECONDS else None,
        first=first,
        length=progress.seconds,
        missed=progress.missed_faces,
        live=False,
    )
