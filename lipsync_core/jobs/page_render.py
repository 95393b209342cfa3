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
from lipsync_core.jobs.progress import Progress
from lipsync_core.jobs.render import Limits, RenderJob, TooLong
from lipsync_core.jobs.runs import stopped, watched
from lipsync_core.live import Event
from lipsync_core.sinks.mp4 import Mp4Writer

NAME = "lipsync-studio.mp4"
SHOWN_SECONDS = 0.04  # between two pictures of a run that is not seen live
HEAD_START = 0.15  # seconds that speech could begin sooner: its sound is in the browser before its first picture
SOUND_AHEAD = 1.2  # seconds of sound that are sent before their pictures are due, at most
FIRST_PICTURES = 3  # are sent also where they are the same, because the page sets its clock by them


@dataclass(frozen=True)
class Moment:
    """frame: to be seen now, where there is another picture. sound: (m,) float32 that has come, and start: its first
    sample on the clock of the frames. path: the file, at the end. notes: what its owner should know.
    """

    progress: Progress
    frame: Frame | None = None
    sound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    start: int = 0
    path: Path | None = None
    notes: tuple[Message, ...] = ()


def perform(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """A run that is seen live where the options ask for low latency, else one that draws as fast as it can.

    Raises LipsyncError. Ends early, with the file of what was made, when the folder says so; see `stopped`.
    """
    yield Moment(Progress("looking"))
    yield from (_live if options.low_latency else _render)(studio, options, folder)


def _live(studio: Studio, options: TakeOptions, folder: Path) -> Iterator[Moment]:
    """A face that is there as soon as it can be drawn, and its speech with its sound; the file has that alone."""
    limits, progress = Limits.of_settings(), Progress("looking")

    def look(part: float) -> None:
        if stopped(folder):
            raise OperationCancelled

    try:
        avatar = studio.avatar(options.avatar, face=options.face, size=options.size, progress=look)
    except OperationCancelled:
        yield Moment(Progress("stopped_early"))
        return
    progress.stage, progress.times = "preparing_speech", {"face": progress.elapsed}
    yield Moment(replace(progress), notes=avatar.notes)
    latest = progress.began + limits.session_seconds
    with LiveSession(studio, replace(options, avatar=avatar), delay=HEAD_START) as session:
        size, fps, rate = session.size, session.fps, session.sample_rate
        with watched(folder, session.stop, latest), Mp4Writer(folder / NAME, size, fps, rate) as writer:

            def write(frame: Frame) -> None:
                if options.audio is not None:
                    limits.check_heard(progress.seconds)
                writer.write(frame)
                progress.count(frame)
                progress.times = {**progress.times, **session.seconds}

            try:
                yield from _spoken(session, write, progress, len(options.text or ""))
                ended = "stopped" if stopped(folder) else "cut" if time.monotonic() > latest else "finished"
                if writer.frames == 0 and ended == "stopped":
                    writer.discard()
                    yield Moment(Progress("stopped_early"))
                    return
                last = time.monotonic()
                progress.stage, progress.part = "finishing", 1.0
                yield Moment(replace(progress))
            except GeneratorExit:  # nobody waits for the file any more
                writer.discard()
                raise
        times = {**progress.times, **session.seconds, "file": time.monotonic() - last, "whole": progress.elapsed}
    working = times["face"] + times["file"] + max(times["speech"], times["frames"])
    progress.times = {**times, "waiting": max(0.0, times["whole"] - working)}
    progress.stage, progress.limit = ended, limits.session_seconds if ended == "cut" else 0.0
    yield Moment(replace(progress), path=writer.path)


def _spoken(
    session: LiveSession, write: Callable[[Frame], object], progress: Progress, characters: int
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
            progress.stage = "speaking"
        if progress.stage == "speaking":
            write(frame)
            progress.part = _part(sentence, frame.time, characters)
            progress.undrawn += undrawn
            progress.skipped += undrawn or late
            progress.missed_faces = session.missed_faces - missed
        else:
            missed = session.missed_faces
        start, sound = session.sound_ahead(SOUND_AHEAD)
        seen = None if late or (frame.image is shown and pictures >= FIRST_PICTURES) else frame
        if seen:
            shown, pictures = frame.image, pictures + 1
        yield Moment(replace(progress), seen, sound, start)
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
        yield Moment(job.progress, seen if seen is not shown else None, notes=notes)
        shown = seen


def _ended(job: RenderJob, working: "Future[None]") -> Moment:
    """The last moment of a render. Raises LipsyncError."""
    progress, stage = job.progress, "finished"
    try:
        working.result()
    except OperationCancelled:
        stage = "stopped"
        if job.path is None:
            return Moment(Progress("stopped_early"))
    except TooLong:
        stage = "cut"
        if job.path is None:
            raise
    limit = job.limits.session_seconds if stage == "cut" else 0.0
    return Moment(replace(progress, stage=stage, limit=limit), path=job.path)
