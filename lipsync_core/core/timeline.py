"""Speech on one clock: the take's sound, its mel columns, and which frames they are enough for."""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from lipsync_core.audio.mel import BANDS, RATE, SILENCE, MelStream, chunk_start
from lipsync_core.audio.normalization import Level, LevelMeter
from lipsync_core.speech.speech import Speech
from lipsync_core.speech.timing.lip_closures import Contacts

SAMPLE_RATE = 48000  # Hz of every take: what Opus and video files use
CONTACT_PART = (Fraction(1, 5), Fraction(4, 5))  # of a frame, between which a short contact of the lips is caught


class Timeline:
    """Takes Speech in order and gives out, frame by frame, the sound and the mel chunk that belong together."""

    def __init__(self, fps: Fraction, columns: int) -> None:
        import soxr  # here, so that importing the package stays cheap

        self._fps, self._columns = fps, columns
        self._to_mel = soxr.ResampleStream(SAMPLE_RATE, RATE, 1, dtype="float32")
        self._mel_stream = MelStream()
        self._meter = LevelMeter()
        self._sound = np.zeros(0, np.float32)  # from the first sample of frame `_next`
        self._mel = np.full((BANDS, columns), SILENCE, np.float32)  # before the start there is silence
        self._first_column = -columns  # of `_mel`
        self._contacts = Contacts()
        self._samples = 0  # received, at SAMPLE_RATE
        self._next = 0  # frame
        self.level: Level = self._meter.update(np.zeros((BANDS, 0), np.float32))

    def add(self, speech: Speech) -> range:
        """Take the next Speech; the frames that are ready now."""
        import soxr

        samples = np.asarray(speech.samples, np.float32)
        if speech.sample_rate != SAMPLE_RATE:
            samples = soxr.resample(samples, speech.sample_rate, SAMPLE_RATE)
        self._contacts.add(speech.phonemes, self._samples / SAMPLE_RATE)
        self._sound = np.concatenate([self._sound, samples])
        self._samples += len(samples)
        self._hear(self._mel_stream.push(self._to_mel.resample_chunk(samples)))
        return self._ready(pause=not speech.joined)

    def finish(self) -> range:
        """No more Speech comes; the frames that are left, the last one filled up with silence."""
        tail = self._to_mel.resample_chunk(np.zeros(0, np.float32), last=True)
        self._hear(self._mel_stream.push(tail))
        self._hear(self._mel_stream.flush())
        frames = math.ceil(Fraction(self._samples, SAMPLE_RATE) * self._fps)
        missing = self._sample(frames) - self._samples
        self._sound = np.concatenate([self._sound, np.zeros(missing, np.float32)])
        self._samples += missing
        return self._ready(pause=True)

    def _hear(self, columns: np.ndarray) -> None:
        if columns.shape[1]:
            self._mel = np.concatenate([self._mel, columns], 1)
            self.level = self._meter.update(columns)

    def _sample(self, frame: int) -> int:
        """The first sample of a frame."""
        return round(Fraction(frame) / self._fps * SAMPLE_RATE)

    def _start(self, frame: int) -> int:
        return chunk_start(frame, float(self._fps), self._columns)

    def _ready(self, pause: bool) -> range:
        end = self._next
        known = self._first_column + self._mel.shape[1]
        while self._sample(end + 1) <= self._samples and (pause or self._start(end) + self._columns <= known):
            end += 1
        return range(self._next, end)

    def take(self, frames: range) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Chunks (n, 80, columns), contacts (n, 2) and the sound of the next frames, which are let go.

        The frames must be ready.
        """
        contacts = np.zeros((len(frames), 2), np.float32)
        chunks = np.full((len(frames), BANDS, self._columns), SILENCE, np.float32)
        sounds = []
        for n, frame in enumerate(frames):
            start = self._start(frame) - self._first_column
            part = self._mel[:, max(0, start) : start + self._columns]
            chunks[n, :, : part.shape[1]] = part
            first, last = (float((frame + part) / self._fps) for part in CONTACT_PART)
            contacts[n] = self._contacts.during(first, last)
            length = self._sample(frame + 1) - self._sample(frame)
            sounds.append(self._sound[:length].copy())
            self._sound = self._sound[length:]
        self._next = frames.stop
        drop = max(0, self._start(self._next) - self._first_column)
        self._mel = self._mel[:, drop:]
        self._first_column += drop
        return chunks, contacts, sounds


def batches(ready: range, sizes: Iterator[int]) -> Iterator[range]:
    """Cut frames into batches of the given sizes."""
    start = ready.start
    while start < ready.stop:
        stop = min(ready.stop, start + next(sizes))
        yield range(start, stop)
        start = stop
