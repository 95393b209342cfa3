"""A take that is written to an MP4, whoever asks for it: prepared, limited, followed and cancelled in one way."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from lipsync_core import Frame, Studio, Take, TakeOptions
from lipsync_core.cancel import CancelToken, OperationCancelled
from lipsync_core.errors import LimitExceeded
from lipsync_core.jobs.progress import Progress
from lipsync_core.jobs.uploads import recording_seconds
from lipsync_core.settings import settings
from lipsync_core.sinks.mp4 import Mp4Writer


class TooLong(LimitExceeded):
    """A job was ended because it took as long as one may."""


@dataclass(frozen=True)
class Limits:
    """What one job may ask for and take; nothing is limited for whoever renders on a machine of their own.

    session_seconds: from the start of the job to its end. recording_seconds: of a recording as it sounds, whatever
    its header says. size: pixels of the shorter side.
    """

    session_seconds: float = math.inf
    recording_seconds: float = math.inf
    size: float = math.inf

    @classmethod
    def of_settings(cls) -> "Limits":
        """Those for whoever comes over the web."""
        allowed = settings()
        return cls(allowed.max_session_seconds, allowed.max_upload_seconds, allowed.max_size)

    def check_size(self, size: int | None) -> None:
        """Raises LipsyncError for a size that may not be asked for."""
        if size is not None and size > self.size:
            raise LimitExceeded(
                "The size {size} is too large here; choose up to {most} pixels.", size=size, most=self.size
            )

    def check_heard(self, seconds: float) -> None:
        """Raises LipsyncError for a recording that still sounds after so many seconds."""
        if seconds >= self.recording_seconds:
            raise LimitExceeded(
                "The recording is longer than the {longest:g} seconds allowed here; cut it.",
                longest=self.recording_seconds,
            )


class RenderJob:
    """Context manager for one render; leaving it ends all that is left of it.

    One thread calls `prepare` and `run`; any may call `cancel` and read `progress`.
    take: as soon as it is open. path: the file as soon as it is there, also a shorter one that was left.
    """

    def __init__(
        self,
        studio: Studio,
        options: TakeOptions,
        target: Path | BinaryIO,
        *,
        fragmented: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """target, fragmented: as of Mp4Writer. Raises LipsyncError for options beyond the limits or contradictory."""
        self.limits = limits or Limits()
        self.limits.check_size(options.size)
        options.check_source()
        self.take: Take | None = None
        self.path: Path | None = None
        self._studio, self._options, self._target, self._fragmented = studio, options, target, fragmented
        self._token = CancelToken()
        self._keep = self._expired = False
        self._length: float | None = None  # seconds of a recording, as its header says
        self._progress = Progress("looking")
        self._timer: threading.Timer | None = None

    def cancel(self, keep: bool = False) -> None:
        """End the render, from any thread, without waiting for it. keep: what there is becomes a shorter file."""
        self._keep = keep
        self._token.cancel()

    @property
    def progress(self) -> Progress:
        """As it is now."""
        now, take = self._progress, self.take
        part = take.progress if take is not None else None
        if self._length:
            part = min(1.0, now.seconds / self._length)
        stages = take.seconds if take is not None else {}
        return replace(
            now,
            part=1.0 if now.stage in ("finishing", "finished") else part,
            missed_faces=take.missed_faces if take is not None else 0,
            times={"whole": now.elapsed, **stages, **now.times},
        )

    def prepare(self, progress: Callable[[float], object] = lambda part: None) -> Take:
        """Prepare the face and begin to speak; the job's time begins now.

        progress: is called with how much of the face is done, 0 to 1. Raises LipsyncError for what cannot be used, and
        OperationCancelled after `cancel`.
        """
        self._progress.began = time.monotonic()
        if math.isfinite(self.limits.session_seconds):
            self._timer = threading.Timer(self.limits.session_seconds, self._expire)
            self._timer.name, self._timer.daemon = "time limit", True
            self._timer.start()
        options = self._options

        def look(part: float) -> None:
            self._token.check()
            progress(part)

        with self._in_time():
            avatar = self._studio.avatar(options.avatar, face=options.face, size=options.size, progress=look)
            self._progress.times["face"] = self._progress.elapsed
            self._token.check()
            self._progress.stage = "preparing_speech"
            self._length = recording_seconds(options.audio)
            self.take = self._studio.take_of(replace(options, avatar=avatar))
        return self.take

    def run(self, each: Callable[[Frame], object] = lambda frame: None) -> Path | None:
        """Write all frames, after `prepare` where that was not done; the file, or None for a file object.

        each: is called with each frame that was written. Raises LipsyncError for what turns out unusable only now,
        TooLong, and OperationCancelled after `cancel`; `path` tells whether a shorter file is there then.
        """
        take = self.take or self.prepare()
        with self._in_time(), take:
            writer = Mp4Writer(self._target, take.size, take.fps, take.sample_rate, fragmented=self._fragmented)
            try:
                with writer:
                    self._write(take, writer, each)
                    last = time.monotonic()
            finally:
                self.path = writer.path
        self._progress.times["file"] = time.monotonic() - last
        self._progress.stage = "finished"
        return self.path

    def _write(self, take: Take, writer: Mp4Writer, each: Callable[[Frame], object]) -> None:
        try:
            with self._token.interrupting(take.stop):
                for frame in take:
                    self._token.check()  # also of what is made already, nothing more is wanted
                    if self._options.audio is not None:
                        self.limits.check_heard(frame.time)
                    writer.write(frame)
                    self._progress.count(frame)
                    self._progress.stage = "drawing"
                    each(frame)
                self._token.check()  # a take that was stopped ends like one that is complete
        except OperationCancelled:
            if not self._keep:
                writer.discard()
            raise
        self._progress.stage = "finishing"

    def _expire(self) -> None:
        self._expired = True
        self.cancel(keep=True)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        try:
            yield
        except OperationCancelled:
            if self._expired:
                raise TooLong(
                    "This took longer than the {limit:g} seconds that a job may take; send less at once.",
                    limit=self.limits.session_seconds,
                ) from None
            raise

    def close(self) -> None:
        """End what is left, and wait for it. May be called again, from any thread but not during `run`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # it and this would hold each other
        if self.take is not None:
            self.take.close()
        self._progress.times.setdefault("whole", self._progress.elapsed)

    def __enter__(self) -> "RenderJob":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
