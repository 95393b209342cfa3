"""Utterances of engines into one sound: trimmed, at an even loudness, with times and words of the text as written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lipsync_core.audio.loudness import limit
from lipsync_core.speech.engines.base import Utterance
from lipsync_core.speech.speech import Phoneme, Word

QUIET = 0.003  # of the loudest sample, about -50 dB; what is below at the ends is silence
LEAD_SECONDS = 0.03  # kept before the first sound and after the last
CLOSURE_SECONDS = 0.12  # how long before its sound a first phoneme may begin: the silent part of a p, t or k
FADE_SECONDS = 0.005
PASSAGE_PAUSE = 0.06  # seconds, between two voices in one sentence


@dataclass
class SpeechBuilder:
    """A piece of speech that grows.

    rate: samples a second. samples: (n,) float32 each. phonemes, words: in seconds from its start.
    """

    rate: int
    samples: list[np.ndarray] = field(default_factory=list)
    phonemes: list[Phoneme] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    length: int = 0  # samples
    _sources: list[tuple[int, int]] = field(default_factory=list)  # of the words

    def add_silence(self, seconds: float) -> None:
        """Append a pause."""
        self._append(np.zeros(round(seconds * self.rate), np.float32))

    def add(self, utterance: Utterance, gain: float, text: str, sources: Sequence[tuple[int, int]]) -> None:
        """Append an utterance of any rate, `gain` times as loud.

        sources: for each character that the engine was given, start and end in `text`.
        """
        start = self.length / self.rate
        self._append(
            limit(_resampled(utterance.samples, utterance.sample_rate, self.rate) * np.float32(gain), self.rate)
        )
        end = self.length / self.rate
        for phoneme in utterance.phonemes:
            times = min(start + phoneme.start, end), min(start + phoneme.end, end)
            self.phonemes.append(Phoneme(phoneme.symbol, *times))
        for word in utterance.words:
            covered = sources[word.first : word.last]
            first, last = min(source[0] for source in covered), max(source[1] for source in covered)
            begin, until = min(start + word.start, end), min(start + word.end, end)
            if self._sources and first < self._sources[-1][1]:  # an emoji or a number is one word, however it is read
                first, last, begin = self._sources[-1][0], max(last, self._sources[-1][1]), self.words[-1].start
                self.words.pop()
                self._sources.pop()
            self.words.append(Word(text[first:last], begin, until))
            self._sources.append((first, last))

    def _append(self, samples: np.ndarray) -> None:
        self.samples.append(samples)
        self.length += len(samples)


def trimmed(utterance: Utterance, start: bool = True, end: bool = True) -> Utterance:
    """Without the silence at its start or its end, of which a breath is kept; the edges fade."""
    samples, rate = utterance.samples, utterance.sample_rate
    peaks = np.abs(samples)
    loud = np.flatnonzero(peaks > QUIET * peaks.max(initial=0)) if len(samples) else np.zeros(0, int)
    if not len(loud):
        return utterance
    first, last = 0, len(samples)
    if start:
        begins = utterance.phonemes[0].start if utterance.phonemes else np.inf
        sounds = loud[0] / rate - LEAD_SECONDS
        first = max(0, round(min(sounds, max(begins, sounds - CLOSURE_SECONDS)) * rate))
    if end:
        # A last phoneme may be as good as silent, such as a t that is not released.
        starts = utterance.phonemes[-1].start if utterance.phonemes else 0.0
        last = min(len(samples), round(max(loud[-1] / rate, starts) * rate + LEAD_SECONDS * rate))
    kept = samples[first:last].copy()
    fade = np.linspace(0, 1, min(round(FADE_SECONDS * rate), len(kept)), dtype=np.float32)
    if start:
        kept[: len(fade)] *= fade
    if end:
        kept[len(kept) - len(fade) :] *= fade[::-1]
    shift, length = first / rate, len(kept) / rate
    return moved(utterance, kept, shift, length)


def moved(utterance: Utterance, samples: np.ndarray, shift: float, length: float) -> Utterance:
    """The utterance with other samples, whose times are earlier by `shift` and within `length` seconds."""

    def time(seconds: float) -> float:
        return min(max(seconds - shift, 0.0), length)

    return replace(
        utterance,
        samples=samples,
        phonemes=tuple(replace(item, start=time(item.start), end=time(item.end)) for item in utterance.phonemes),
        words=tuple(replace(item, start=time(item.start), end=time(item.end)) for item in utterance.words),
    )


def _resampled(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    if rate == target:
        return samples
    import soxr  # here, because voices of one sentence nearly always agree

    return np.asarray(soxr.resample(samples, rate, target), np.float32)
