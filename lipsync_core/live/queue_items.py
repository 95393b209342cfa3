"""What a live session has to say: a text, a recording, or sound as it comes."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lipsync_core.audio.resampling import Resampler
from lipsync_core.core.stage import Stage
from lipsync_core.core.take import SPEECH_AHEAD, generate
from lipsync_core.core.timeline import SAMPLE_RATE, resampled
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import Speech, SpeechStream
from lipsync_core.speech.speech import Phoneme

MOST_PENDING = 600.0  # seconds of pushed sound that may wait
RATES = (4000, 384_000)  # Hz of pushed sound
CHANNELS = 8


@dataclass(frozen=True)
class SoundPiece:
    """Sound that follows on what came before it.

    samples: (n,) float32 at SAMPLE_RATE. speech: what it was made of; None for pushed sound. joined: more follows
    without a pause, so that its last frames wait for it.
    """

    samples: np.ndarray
    speech: Speech | None
    joined: bool

    @property
    def phonemes(self) -> tuple[Phoneme, ...]:
        return self.speech.phonemes if self.speech else ()


class QueueItem:
    """One thing to say. Its owner's lock guards it.

    number: counts what a session says, from 1. began: seconds on the session's clock, None before it is placed there.
    ended: whether all of it has been taken. end: seconds on the session's clock, once it has ended.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.began: float | None = None
        self.end: float | None = None
        self.ended = False

    @property
    def expected(self) -> bool:
        """Whether sound of it is on its way."""
        return not self.ended

    @property
    def worked(self) -> float:
        """Seconds that its sound has taken to be made, or to be read."""
        return 0.0

    def next(self) -> SoundPiece | None:
        """The next piece, None where there is none now or ever. Does not wait. Raises LipsyncError."""
        raise NotImplementedError

    def stop(self) -> None:
        """It is not wanted any more; does not wait."""

    def close(self) -> None:
        """Leave no thread."""


class SpeechItem(QueueItem):
    """A text or a recording. ready: is called when something has come, from another thread."""

    def __init__(self, number: int, speech: Callable[[], Iterator[Speech]], ready: Callable[[], object]) -> None:
        super().__init__(number)
        self._make, self._ready = speech, ready
        self._stage: Stage[Speech] | None = None

    @property
    def worked(self) -> float:
        return self._stage.worked if self._stage else 0.0

    def open(self) -> None:
        """Begin to synthesise. Raises LipsyncError where that has become impossible."""
        if self._stage is None:
            speech = self._make()
            interrupt = speech.close if isinstance(speech, SpeechStream) else lambda: None
            self._stage = Stage(generate(speech), SPEECH_AHEAD, "live speech", interrupt, self._ready)

    def next(self) -> SoundPiece | None:
        self.open()
        assert self._stage is not None
        if self.ended or not self._stage.ready:
            return None
        try:
            speech = next(self._stage, None)
        except LipsyncError:
            self.ended = True
            raise
        if speech is None:
            self.ended = True
            return None
        return SoundPiece(resampled(speech.samples, speech.sample_rate), speech, speech.joined)

    def stop(self) -> None:
        self.ended = True
        if self._stage is not None:
            self._stage.stop()

    def close(self) -> None:
        self.ended = True
        if self._stage is not None:
            self._stage.close()


class PushedItem(QueueItem):
    """Sound that comes in blocks until it is flushed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.flushed = False
        self.arrived = time.monotonic()  # when the last block came
        self._blocks: deque[np.ndarray] = deque()
        self.longest_block = 0.0  # seconds
        self._pending = 0  # samples
        self._rate = 0
        self._resampler: Resampler | None = None

    @property
    def expected(self) -> bool:
        return bool(self._blocks)

    def push(self, samples: np.ndarray, rate: int) -> None:
        """Append a block. Raises LipsyncError for one that is no sound, or too much of it."""
        block = mono(samples)
        if not RATES[0] <= rate <= RATES[1]:
            raise LipsyncError(
                "Sound of {rate} samples a second cannot be used; send {lowest} to {highest}.",
                rate=rate, lowest=RATES[0], highest=RATES[1],
            )  # fmt: skip
        if self._pending / SAMPLE_RATE + len(block) / rate > MOST_PENDING:
            raise LipsyncError(
                "More than {most:g} seconds of sound wait to be played; send it as it is played.", most=MOST_PENDING
            )
        if rate != self._rate:
            self._finish_rate()
            self._rate, self._resampler = rate, Resampler(rate, SAMPLE_RATE)
        assert self._resampler is not None
        self.longest_block = max(self.longest_block, len(block) / rate)
        self._append(self._resampler.push(block))
        self.arrived = time.monotonic()

    def flush(self) -> None:
        """No more comes."""
        self._finish_rate()
        self.flushed = True
        self.ended = not self._blocks

    def _finish_rate(self) -> None:
        if self._resampler is not None:
            self._append(self._resampler.flush())
            self._resampler, self._rate = None, 0

    def _append(self, block: np.ndarray) -> None:
        if len(block):
            self._blocks.append(np.asarray(block, np.float32))
            self._pending += len(block)

    def next(self) -> SoundPiece | None:
        if not self._blocks:
            self.ended = self.flushed
            return None
        samples = np.concatenate(self._blocks)
        self._blocks.clear()
        self._pending = 0
        self.ended = self.flushed
        return SoundPiece(samples, None, joined=not self.flushed)

    def stop(self) -> None:
        self.flushed = self.ended = True
        self._blocks.clear()


def mono(samples: np.ndarray) -> np.ndarray:
    """(n,) or (n, channels), int16 or float -> (n,) float32, -1..1. Raises LipsyncError for anything else."""
    array = np.asarray(samples)
    if array.ndim == 2 and 1 <= array.shape[1] <= CHANNELS:
        array = array.mean(1) / (32768 if array.dtype == np.int16 else 1)
    elif array.dtype == np.int16:
        array = array / 32768
    if array.ndim != 1 or array.dtype.kind != "f":
        raise LipsyncError(
            "Sound of shape {shape} and type {dtype} cannot be used; give (n,) or (n, channels), int16 or float32.",
            shape=np.asarray(samples).shape,
            dtype=np.asarray(samples).dtype,
        )
    return np.clip(np.nan_to_num(array.astype(np.float32)), -1, 1)
