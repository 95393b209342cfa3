"""Sound on one clock: its mel columns, the phonemes that close the lips, and which frames it is enough for."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from lipsync_core.audio.mel import BANDS, COLUMNS_PER_SECOND, HOP, N_FFT, RATE, SILENCE, MelStream, chunk_start
from lipsync_core.audio.normalization import Level, LevelMeter
from lipsync_core.audio.resampling import Resampler
from lipsync_core.models import MelChunks
from lipsync_core.speech.speech import Phoneme, Speech
from lipsync_core.speech.timing.lip_closures import LipClosures

SAMPLE_RATE = 48000  # Hz of every take: what Opus and video files use
FORGOTTEN = 2.0  # seconds of silence, before which sound is of no interest any more
CONTACT_PART = (Fraction(1, 5), Fraction(4, 5))  # of a frame, between which a short contact of the lips is caught


class Timeline:
    """Takes sound in order and gives out, frame by frame, the sound and the mel chunk that belong together.

    Frames have their index on the clock; the first sound is that of frame `start`, before and after all sound there is
    silence. Samples are counted from the clock's zero too.

    meter: what is known of the speaker's level already; it is updated here.
    """

    def __init__(self, fps: Fraction, columns: int, start: int = 0, meter: LevelMeter | None = None) -> None:
        self.fps, self._columns, self._start = fps, columns, start
        self._to_mel = Resampler(SAMPLE_RATE, RATE)
        self._mel_stream = MelStream()
        self._meter = meter or LevelMeter()
        self._level: Level = self._meter.update(np.zeros((BANDS, 0), np.float32))
        self._sound = np.zeros(0, np.float32)
        self._first_sample = self.end = self.sample(start)  # of `_sound`; after its last one
        self._mel = np.full((BANDS, columns), SILENCE, np.float32)
        self._first_column = -columns  # of `_mel`; column 0 is centred on the first sample
        self._measured = 0  # columns that the meter has seen
        self._contacts = LipClosures()

    def sample(self, frame: int) -> int:
        """The first sample of a frame."""
        return round(Fraction(frame) / self.fps * SAMPLE_RATE)

    @property
    def end_frame(self) -> int:
        """Index after the last frame in which there is sound."""
        return math.ceil(Fraction(self.end, SAMPLE_RATE) * self.fps)

    @property
    def look_ahead(self) -> float:
        """Seconds of sound after its beginning that a frame needs to be known."""
        middle = 0.5 / float(self.fps)
        return middle + (self._columns / 2 + 1) / COLUMNS_PER_SECOND + N_FFT / 2 / RATE

    def add(self, samples: np.ndarray, phonemes: Iterable[Phoneme] = (), measure: bool = True) -> None:
        """Append (n,) float32 at SAMPLE_RATE.

        phonemes: in seconds from its start. measure: let the level of all of it count from now on, also for frames
        before its end; otherwise a frame's level comes of what is within its own chunk or before it, so that it does
        not matter in which blocks sound arrives.
        """
        self._contacts.add(phonemes, self.end / SAMPLE_RATE)
        self._sound = np.concatenate([self._sound, samples])
        self.end += len(samples)
        self._append(self._mel_stream.push(self._to_mel.push(samples)))
        if measure:
            self._measure(self._known)

    def add_speech(self, speech: Speech) -> None:
        """Append a Speech of any rate."""
        self.add(resampled(speech.samples, speech.sample_rate), speech.phonemes)

    def pad(self, frame: int) -> None:
        """Silence up to the beginning of a frame."""
        self.add(np.zeros(max(0, self.sample(frame) - self.end), np.float32), measure=False)

    def restart(self, frame: int) -> None:
        """Go on at a frame that is not before the end of the sound, with silence up to it."""
        gap = self.sample(frame) - self.end
        kept = self._sound if gap < FORGOTTEN * SAMPLE_RATE else self._sound[:0]
        silence = np.zeros(gap if len(kept) else 0, np.float32)
        self._sound = np.concatenate([kept, silence])
        self.end = self.sample(frame)
        self._first_sample = self.end - len(self._sound)
        # Columns are counted anew; those from before move by half of one at most.
        offset = round((self.end - self.sample(self._start)) * RATE / SAMPLE_RATE / HOP)
        past = self._mel[:, : max(0, offset - self._first_column)]
        missing = min(self._columns, max(0, offset - self._known))
        self._mel = np.concatenate([past, np.full((BANDS, missing), SILENCE, np.float32)], 1)
        if missing == self._columns:
            self._mel = self._mel[:, -missing:]
        self._first_column, self._measured, self._start = -self._mel.shape[1], 0, frame
        self._to_mel = Resampler(SAMPLE_RATE, RATE)
        self._mel_stream = MelStream()

    def finish(self) -> None:
        """No more sound comes: complete the last columns, and the last frame, with silence."""
        self._append(self._mel_stream.push(self._to_mel.flush()))
        self._append(self._mel_stream.flush())
        self._measure(self._known)
        missing = self.sample(self.end_frame) - self.end
        self._sound = np.concatenate([self._sound, np.zeros(missing, np.float32)])
        self.end += missing

    def cut(self, sample: int, fade: int) -> None:
        """Let sound fall silent within `fade` samples from a sample on, and forget all after it."""
        keep = max(0, min(len(self._sound), sample - self._first_sample))
        rest = self._sound[keep : keep + fade]
        falling = np.linspace(1, 0, fade, dtype=np.float32)[: len(rest)]
        self._sound = np.concatenate([self._sound[:keep], rest * falling])
        self.end = self._first_sample + len(self._sound)
        known = int((sample - self.sample(self._start)) / SAMPLE_RATE * COLUMNS_PER_SECOND)
        self._mel = self._mel[:, : max(0, known - self._first_column)]
        self._contacts = LipClosures()

    def _append(self, columns: np.ndarray) -> None:
        if columns.shape[1]:
            self._mel = np.concatenate([self._mel, columns], 1)

    @property
    def _known(self) -> int:
        """Column after the last one."""
        return self._first_column + self._mel.shape[1]

    def _measure(self, end: int) -> None:
        begin, end = max(self._measured, self._first_column), min(end, self._known)
        if end > begin:
            self._level = self._meter.update(self._mel[:, begin - self._first_column : end - self._first_column])
            self._measured = end

    def _chunk_start(self, frame: int) -> int:
        return chunk_start(frame - self._start, float(self.fps), self._columns)

    def is_known(self, frame: int) -> bool:
        """Whether all sound that a frame's mouth depends on is there."""
        return self.sample(frame + 1) <= self.end and self._chunk_start(frame) + self._columns <= self._known

    def known(self, first: int, pause: bool) -> range:
        """The frames from `first` on that can be drawn. pause: silence follows, so look-ahead is not waited for."""
        end = first
        while self.sample(end + 1) <= self.end and (pause or self.is_known(end)):
            end += 1
        return range(first, end)

    def sound(self, frame: int) -> np.ndarray:
        """(m,) float32: what sounds during a frame."""
        return self.samples(self.sample(frame), self.sample(frame + 1))

    def samples(self, first: int, last: int) -> np.ndarray:
        """(last - first,) float32, silence where there is no sound."""
        result = np.zeros(last - first, np.float32)
        start = max(first, self._first_sample)
        part = self._sound[start - self._first_sample : max(start, last) - self._first_sample]
        result[start - first : start - first + len(part)] = part
        return result

    def chunks(self, frames: Iterable[int]) -> MelChunks:
        """What the mouth of some frames, in order, depends on."""
        frames = list(frames)
        values = np.full((len(frames), BANDS, self._columns), SILENCE, np.float32)
        contacts = np.zeros((len(frames), 2), np.float32)
        levels = []
        for n, frame in enumerate(frames):
            column = self._chunk_start(frame)
            first, last = column - self._first_column, column + self._columns - self._first_column
            part = self._mel[:, max(0, first) : max(0, last)]
            begin = max(0, -first)
            values[n, :, begin : begin + part.shape[1]] = part
            contacts[n] = self._contacts.during(*(float((frame + part) / self.fps) for part in CONTACT_PART))
            self._measure(column + self._columns)
            levels.append(self._level)
        return MelChunks(values, Level.of_frames(levels), contacts)

    def drop(self, frame: int) -> None:
        """Let go of what no frame from this one on needs."""
        sample = max(self._first_sample, min(self.sample(frame), self.end))
        self._sound = self._sound[sample - self._first_sample :]
        self._first_sample = sample
        columns = max(0, min(self._chunk_start(frame) - self._first_column, self._mel.shape[1] - self._columns))
        self._mel = self._mel[:, columns:]
        self._first_column += columns


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n,) float32 at any rate -> float32 at SAMPLE_RATE."""
    import soxr

    samples = np.asarray(samples, np.float32)
    return samples if rate == SAMPLE_RATE else np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)


def batches(ready: range, sizes: Iterator[int]) -> Iterator[range]:
    """Cut frames into batches of the given sizes."""
    start = ready.start
    while start < ready.stop:
        stop = min(ready.stop, start + next(sizes))
        yield range(start, stop)
        start = stop
