"""One take: speech in one thread, frames in another."""

import itertools
import os
import weakref
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lipsync_core.core.options import TakeOptions
from lipsync_core.core.stage import Stage
from lipsync_core.core.timeline import SAMPLE_RATE, Timeline, batches
from lipsync_core.face import Avatar
from lipsync_core.frame import Frame
from lipsync_core.models import Life, MelChunks, Model, clip_frame
from lipsync_core.settings import settings
from lipsync_core.speech import Speech, SpeechStream, Word

SPEECH_AHEAD = 2  # sentences that may be spoken before their frames are wanted


@dataclass(frozen=True)
class Sentence:
    """A sentence or clause of a take, without its sound.

    span: of `text` in the text that was given. words, start, end: in seconds on the clock of the frames.
    """

    text: str
    span: tuple[int, int]
    words: tuple[Word, ...]
    start: float
    end: float

    @classmethod
    def of(cls, speech: Speech, start: float) -> "Sentence":
        """That of a Speech that begins at `start` seconds."""
        words = tuple(Word(word.text, start + word.start, start + word.end) for word in speech.words)
        return cls(speech.text, speech.span, words, start, start + speech.duration)


@dataclass(frozen=True)
class Performance:
    """What draws: a model, an avatar that was prepared for it, at which rate, with which life of its own.

    state: what the model made of the avatar.
    """

    model: Model
    name: str
    state: Any
    avatar: Avatar
    fps: Fraction
    life: Life

    def render(self, mel: MelChunks, frames: range) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB of each of some frames."""
        indices = np.arange(frames.start, frames.stop)
        parts = self.model.render(self.state, mel, indices, float(self.fps), self.life)
        return itertools.chain.from_iterable(parts)

    def missed(self, frames: range) -> np.ndarray:
        """(n,) bool: in which of some frames the clip shows no face."""
        shown = clip_frame(self.avatar, np.arange(frames.start, frames.stop), float(self.fps))
        missed: np.ndarray = np.isnan(self.avatar.landmarks[shown, 0, 0])
        return missed


class Take:
    """An iterator of Frames and a context manager.

    Closing it, or leaving its `with` block, stops every stage and leaves no thread; so does dropping it.

    avatar, voice (empty for a recording), model: what is used. size: height and width of all frames.
    fps: frames a second, exactly. sample_rate: of the frames' audio.
    sentences: those of a text whose frames have begun to be made, in order.
    """

    def __init__(self, performance: Performance, speech: Iterator[Speech], options: TakeOptions) -> None:
        """Made by `Studio.take`."""
        self._run = run = _Run(performance, speech, options)
        self.avatar, self.model = performance.avatar, performance.name
        self.voice = speech.voice.id if isinstance(speech, SpeechStream) else ""
        self.fps, self.size, self.sample_rate = performance.fps, performance.avatar.size, SAMPLE_RATE
        self.sentences: list[Sentence] = run.sentences
        weakref.finalize(self, run.stop)

    @property
    def missed_faces(self) -> int:
        """Among the frames made so far, those in which the clip shows no face and so nothing was changed."""
        return self._run.missed_faces

    @property
    def progress(self) -> float | None:
        """How far in the text the frames made so far have got, 0 to 1; None for a recording, which may have no end."""
        return self._run.spoken / self._run.length if self._run.length else None

    @property
    def seconds(self) -> dict[str, float]:
        """What the stages have worked so far, in seconds: `speech`, and `frames`, waiting for speech not included.

        The stages run at once, so these overlap.
        """
        frames = self._run.frames.worked - self._run.speech.waited
        return {"speech": self._run.speech.worked, "frames": max(0.0, frames)}

    def save(self, target: str | os.PathLike[str]) -> Path:
        """Write what is left of the take to an MP4 file, and close the take; the file's path.

        The file is complete or not there. Raises LipsyncError where it cannot be written.
        """
        from lipsync_core.sinks.mp4 import Mp4Writer  # the one place above the core that it knows: a loop over it

        with self, Mp4Writer(target, self.size, self.fps, self.sample_rate) as writer:
            for frame in self:
                writer.write(frame)
        return Path(target)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._run.frames)

    def stop(self) -> None:
        """Ask all stages to stop, without waiting for it; `close` does."""
        self._run.stop()

    def close(self) -> None:
        """Stop all stages and wait for their end; at most the 0.2 s that a model takes for one part of a batch."""
        self._run.close()

    def __enter__(self) -> "Take":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Run:
    """The stages of a take; apart from it, so that a take that is dropped is no longer referred to by its threads."""

    def __init__(self, performance: Performance, speech: Iterator[Speech], options: TakeOptions) -> None:
        self.length = len(options.text or "")  # characters; 0 for a recording
        self.spoken = 0.0  # characters whose frames are made
        self.missed_faces = 0
        self.sentences: list[Sentence] = []
        self._performance = performance
        self._sizes = _batch_sizes(options, performance.model.largest_batch(performance.state))
        interrupt = speech.close if isinstance(speech, SpeechStream) else _nothing
        self.speech = Stage(generate(speech), SPEECH_AHEAD, "speech", interrupt)
        self.frames = Stage(self._frames(), options.queue_frames or settings().queue_frames, "frames")

    def stop(self) -> None:
        self.speech.stop()
        self.frames.stop()

    def close(self) -> None:
        self.stop()
        self.frames.close()
        self.speech.close()

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self._performance.fps, self._performance.model.columns)
        heard, index = 0.0, 0
        for piece in self.speech:
            timeline.add_speech(piece)
            if piece.text:
                self.sentences.append(Sentence.of(piece, heard))
            heard += piece.duration
            ready = timeline.known(index, pause=not piece.joined)
            start, end = self.spoken, piece.span[1]
            for frame in self._draw(timeline, ready):
                self.spoken = start + (end - start) * (frame.index + 1 - ready.start) / len(ready)
                yield frame
            index = ready.stop
        timeline.finish()
        yield from self._draw(timeline, timeline.known(index, pause=True))
        self.spoken = float(self.length)

    def _draw(self, timeline: Timeline, ready: range) -> Iterator[Frame]:
        fps = self._performance.fps
        for batch in batches(ready, self._sizes):
            missed = self._performance.missed(batch)
            for index, image, miss in zip(
                batch, self._performance.render(timeline.chunks(batch), batch), missed, strict=True
            ):
                self.missed_faces += int(miss)
                yield Frame(image, index, float(index / fps), timeline.sound(index), SAMPLE_RATE)
            timeline.drop(batch.stop)


def _nothing() -> None:
    """A recording is decoded in short blocks, so there is nothing to interrupt."""


def generate(speech: Iterator[Speech]) -> Generator[Speech, None, None]:
    """A generator over speech, as a Stage wants it."""
    yield from speech


def _batch_sizes(options: TakeOptions, largest: int) -> Iterator[int]:
    if options.batch_size is not None:
        return itertools.repeat(options.batch_size)
    if options.low_latency:
        sizes = settings().low_latency_batches
        return itertools.chain(sizes, itertools.repeat(sizes[-1]))
    return itertools.repeat(max(1, min(largest, settings().throughput_batch)))
