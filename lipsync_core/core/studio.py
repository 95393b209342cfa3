"""The one core: pulls speech, cuts batches, runs a model and yields Frames."""

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

import numpy as np

from lipsync_core.audio.normalization import Level
from lipsync_core.core.stage import Stage
from lipsync_core.core.timeline import SAMPLE_RATE, Timeline, batches
from lipsync_core.errors import LipsyncError
from lipsync_core.face import Avatar, default_avatars, load_avatar
from lipsync_core.frame import Frame, exact_rate
from lipsync_core.models import Life, MelChunks, Model, clip_frame, make_model
from lipsync_core.settings import settings
from lipsync_core.speech import Speech, SpeechStream, Word, read_recording, speak
from lipsync_core.speech.recording import Source

SPEECH_AHEAD = 2  # sentences that may be spoken before their frames are wanted
KEPT = 4  # avatars that stay prepared in memory
FPS = range(1, 121)
SILENCE_SECONDS = 0.2  # of an idle face that are made at once
IDLE_AHEAD = 4  # frames of an idle face that are made before they are wanted: it may have to speak at any moment
IDLE_BATCH = 4  # frames
HURRIED_BATCH = 2  # frames: where drawing is late, sound must not wait for a large batch
HURRIED_FRAMES = 50  # for so long after a frame that was not drawn

Face = Avatar | str | Path | bytes | np.ndarray
Start = int | Callable[[int], int]


@dataclass(frozen=True)
class Said:
    """A sentence or clause of a take, without its sound.

    span: of `text` in the text that was given. words, start, end: in seconds on the clock of the frames.
    """

    text: str
    span: tuple[int, int]
    words: tuple[Word, ...]
    start: float
    end: float


class Take:
    """An iterator of Frames and a context manager.

    Closing it, or leaving its `with` block, stops every stage and leaves no thread; so does dropping it.

    avatar, voice (empty for a recording), model: what is used. size: height and width of all frames.
    fps: frames a second, exactly. sample_rate: of the frames' audio.
    missed_faces: among the frames made so far, those in which the clip shows no face and so nothing was changed.
    said: the sentences of a text whose frames have begun to be made, in order.
    """

    def __init__(self, run: "_Run", avatar: Avatar, model: str) -> None:
        self._run = run
        self.avatar, self.voice, self.model = avatar, run.voice, model
        self.fps, self.size, self.sample_rate = run.fps, avatar.size, SAMPLE_RATE
        self.said: list[Said] = run.said
        weakref.finalize(self, run.stop)

    @property
    def missed_faces(self) -> int:
        return self._run.missed_faces

    @property
    def progress(self) -> float | None:
        """How far in the text the frames made so far have got, 0 to 1; None for a recording, which may have no end."""
        return self._run.spoken / self._run.length if self._run.length else None

    @property
    def ready(self) -> bool:
        """Whether the next frame, or the end, is there without waiting."""
        return self._run.frames.ready

    @property
    def pausing(self) -> bool:
        """Whether no frame can be made now, because the next sentence is still being spoken."""
        return self._run.speech.awaited

    @property
    def skipped(self) -> int:
        """How many frames repeat the picture before them, because of `skip_to`."""
        return self._run.skipped

    @property
    def seconds(self) -> dict[str, float]:
        """What the stages have worked so far, in seconds: `speech`, and `frames`, waiting for speech not included.

        The stages run at once, so these overlap.
        """
        frames = self._run.frames.worked - self._run.speech.waited
        return {"speech": self._run.speech.worked, "frames": max(0.0, frames)}

    def skip_to(self, index: int) -> None:
        """Frames before this index would come too late to be seen: let them be heard, with the picture before them.

        Frames that are made already stay as they are. Batches are small for a while after such a frame.
        """
        self._run.wanted = max(self._run.wanted, index)

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


class Studio:
    """Loaded models and prepared avatars, kept between takes; takes may run at once, from any threads."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}
        self._prepared: OrderedDict[tuple[str, str, Life], Any] = OrderedDict()
        self._lock = Lock()

    def take(
        self,
        text: str | None = None,
        *,
        audio: Source | None = None,
        avatar: Face | None = None,
        voice: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
        model: str = "rig",
        face: int | tuple[float, float] | None = None,
        size: int | None = None,
        fps: float | None = None,
        low_latency: bool = False,
        batch_size: int | None = None,
        seed: int = 0,
        idle: bool = True,
        start: Start = 0,
        queue_frames: int | None = None,
    ) -> Take:
        """Let a face speak a text or a recording.

        text: what to say (see `speak`), or audio: what to play (see `read_recording`).
        avatar: an Avatar, or what `load_avatar` takes with face and size; default the first of `default_avatars`.
        voice, language, speed: of a text, see `speak`.
        fps: frames a second; default the clip's own, or that of the settings for a photo.
        low_latency: batches that start at one frame, for a live preview. batch_size: 1 to 960, overrides the schedule.
            The frames are the same whatever the batches.
        seed, idle: blinks, sway and breathing of a photo, and whether there are any.
        start: index of the first frame, for a take that goes on where another one ended: life and clip go on too. A
            function is asked before each sentence, in another thread, with the index that comes next; if it gives a
            later one, the take goes on there.
        queue_frames: how many may wait for the consumer; default that of the settings.

        Returns at once when the avatar is prepared; speech and frames are made in the background, at most
        `queue_frames` and a batch ahead of the consumer. Raises LipsyncError for what cannot be used; for a text or a
        recording that turns out so only later, when its frame is asked for.
        """
        if (text is None) == (audio is None):
            raise LipsyncError("A take needs either a text or a recording; give one of the two.")
        if batch_size is not None and not 1 <= batch_size <= 960:
            raise LipsyncError(
                "A batch of {batch_size} frames is not possible; choose 1 to 960.", batch_size=batch_size
            )
        if fps is not None and not FPS[0] <= fps <= FPS[-1]:
            raise LipsyncError(
                "{fps:g} frames a second are not possible; choose {lowest} to {highest}.",
                fps=fps,
                lowest=FPS[0],
                highest=FPS[-1],
            )
        speech: Iterator[Speech] = speak(text or "", language, voice, speed) if audio is None else read_recording(audio)
        prepared = self.avatar(avatar, face=face, size=size)
        engine = self.model(model)
        state = self._prepare(model, prepared, Life(seed, idle))
        rate = exact_rate(fps or prepared.fps or settings().fps)
        sizes = _batch_sizes(batch_size, low_latency, engine.largest_batch(state))
        ahead = queue_frames or settings().queue_frames
        run = _Run(speech, engine, state, prepared, rate, sizes, len(text or ""), start, ahead)
        return Take(run, prepared, model)

    def idle(
        self,
        avatar: Face | None = None,
        *,
        model: str = "rig",
        fps: float | None = None,
        seed: int = 0,
        idle: bool = True,
        start: int = 0,
    ) -> Take:
        """A face that says nothing, without end: the frames that `take` would give in silence. Arguments as there."""
        if fps is not None and not FPS[0] <= fps <= FPS[-1]:
            raise LipsyncError(
                "{fps:g} frames a second are not possible; choose {lowest} to {highest}.",
                fps=fps,
                lowest=FPS[0],
                highest=FPS[-1],
            )
        prepared = self.avatar(avatar)
        engine = self.model(model)
        state = self._prepare(model, prepared, Life(seed, idle))
        rate = exact_rate(fps or prepared.fps or settings().fps)
        sizes = itertools.chain((1,), itertools.repeat(IDLE_BATCH))
        return Take(_Run(_silence(), engine, state, prepared, rate, sizes, 0, start, IDLE_AHEAD), prepared, model)

    def avatar(
        self,
        avatar: Face | None = None,
        *,
        face: int | tuple[float, float] | None = None,
        size: int | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Avatar:
        """The avatar as `take` would use it; see there."""
        if isinstance(avatar, Avatar):
            return avatar
        if avatar is None:
            avatar = next(iter(default_avatars()))
        return load_avatar(avatar, face=face, size=size, progress=progress)

    def model(self, name: str) -> Model:
        """A model by name, loaded once. Raises LipsyncError for an unknown one or one that lacks its files."""
        with self._lock:
            if name not in self._models:
                self._models[name] = make_model(name)
            return self._models[name]

    def warm_up(self, avatar: Face | None = None, *, voice: str | None = None, model: str = "rig") -> None:
        """Load and prepare all that the first frame would wait for, by making one."""
        with self.take("Hello.", avatar=avatar, voice=voice, model=model, low_latency=True) as take:
            next(take)

    def _prepare(self, model: str, avatar: Avatar, life: Life) -> Any:
        key, engine = (model, avatar.key, life), self.model(model)
        with self._lock:
            if key not in self._prepared:
                self._prepared[key] = engine.prepare(avatar, life)
            self._prepared.move_to_end(key)
            while len(self._prepared) > KEPT:
                self._prepared.popitem(last=False)
            return self._prepared[key]


class _Run:
    """The stages of one take: speech in one thread, frames in another."""

    def __init__(
        self,
        speech: Iterator[Speech],
        model: Model,
        state: Any,
        avatar: Avatar,
        fps: Fraction,
        sizes: Iterator[int],
        length: int,
        start: Start,
        ahead: int,
    ) -> None:
        self.fps = fps
        self.length = length  # of the text, in characters; 0 for a recording
        self.spoken = 0.0  # characters whose frames are made
        self.missed_faces = self.skipped = 0
        self.wanted = 0  # index of the first frame that is not too late to be seen
        self.said: list[Said] = []
        self._start = start
        self._hurried = 0  # index up to which batches are small
        self._offset = 0  # from a frame's number in the timeline to its index
        self._image: np.ndarray | None = None  # the one before
        self._model, self._state, self._avatar, self._sizes = model, state, avatar, self._in_time(sizes)
        self._next = 0  # index of the frame that comes after the batch before
        self.voice = speech.voice.id if isinstance(speech, SpeechStream) else ""
        interrupt = speech.close if isinstance(speech, SpeechStream) else _nothing
        self.speech = Stage(_generate(speech), SPEECH_AHEAD, "speech", interrupt)
        self.frames = Stage(self._frames(), ahead, "frames")

    def stop(self) -> None:
        self.speech.stop()
        self.frames.stop()

    def close(self) -> None:
        self.stop()
        self.frames.close()
        self.speech.close()

    def _frames(self) -> Generator[Frame, None, None]:
        try:
            yield from self._all_frames()
        finally:
            self._sizes.close()  # else it and this would hold each other, and the avatar with its file

    def _all_frames(self) -> Iterator[Frame]:
        timeline = Timeline(self.fps, self._model.columns)
        heard = 0.0  # seconds
        for piece in self.speech:
            ready = timeline.add(piece)
            self._go_on(ready.start)
            self._tell(piece, heard + float(self._offset / self.fps))
            heard += piece.duration
            start, end = self.spoken, piece.span[1]
            for count, frame in enumerate(self._render(timeline, ready, timeline.level), 1):
                self.spoken = start + (end - start) * count / len(ready)
                yield frame
        yield from self._render(timeline, timeline.finish(), timeline.level)
        self.spoken = float(self.length)

    def _go_on(self, frame: int) -> None:
        """Find the index of the timeline's next frame."""
        index = frame + self._offset
        self._offset += max(0, (self._start(index) if callable(self._start) else self._start) - index)

    def _tell(self, piece: Speech, start: float) -> None:
        if piece.text:
            words = tuple(Word(word.text, start + word.start, start + word.end) for word in piece.words)
            self.said.append(Said(piece.text, piece.span, words, start, start + piece.duration))

    def _in_time(self, sizes: Iterator[int]) -> Generator[int, None, None]:
        """The schedule, but small batches while drawing is late."""
        for size in sizes:
            yield min(size, HURRIED_BATCH) if self._next < self._hurried else size

    def _render(self, timeline: Timeline, ready: range, level: Level) -> Iterator[Frame]:
        for batch in batches(ready, self._sizes):
            chunks, contacts, sounds = timeline.take(batch)
            indices = np.arange(batch.start, batch.stop) + self._offset
            shown = clip_frame(self._avatar, indices, float(self.fps))
            missed = np.isnan(self._avatar.landmarks[shown, 0, 0])
            drawn = indices >= self.wanted
            drawn[0] |= self._image is None
            self._next = int(indices[-1]) + 1
            if not drawn.all():
                self._hurried = self._next + HURRIED_FRAMES
            mel = MelChunks(chunks[drawn], level, contacts[drawn])
            parts = self._model.render(self._state, mel, indices[drawn], float(self.fps)) if drawn.any() else ()
            images = itertools.chain.from_iterable(parts)
            for index, draw, sound, miss in zip(indices.tolist(), drawn, sounds, missed, strict=True):
                if draw:
                    self._image = next(images)
                    self.missed_faces += int(miss)
                else:
                    self.skipped += 1
                assert self._image is not None
                yield Frame(self._image, index, float(index / self.fps), sound, SAMPLE_RATE)


def _silence() -> Iterator[Speech]:
    return itertools.repeat(Speech(np.zeros(round(SILENCE_SECONDS * SAMPLE_RATE), np.float32), SAMPLE_RATE))


def _nothing() -> None:
    """A recording is decoded in short blocks, so there is nothing to interrupt."""


def _generate(speech: Iterator[Speech]) -> Generator[Speech, None, None]:
    yield from speech


def _batch_sizes(batch_size: int | None, low_latency: bool, largest: int) -> Iterator[int]:
    if batch_size is not None:
        return itertools.repeat(batch_size)
    if low_latency:
        sizes = settings().low_latency_batches
        return itertools.chain(sizes, itertools.repeat(sizes[-1]))
    return itertools.repeat(max(1, min(largest, settings().throughput_batch)))
