"""Sound from voices without the times of phonemes, passed on block by block; the times of words are estimates."""

from collections.abc import Iterable, Iterator

import numpy as np

from lipsync_core.audio.loudness import measure
from lipsync_core.speech.engines.base import SpokenWord, Utterance
from lipsync_core.speech.timing.words import tokens

CHARACTERS_A_SECOND = 14  # of normal speech
HOP_SECONDS = 0.01
QUIET = 0.02  # of the loudest hop, about -34 dB
SILENCE = 0.001  # of full scale, -60 dB
LOUDNESS_SECONDS = 1.0  # of speech, by which a voice that was never heard is turned up or down

_loudness: dict[str, float] = {}  # LUFS of the last text, by voice


def joined_utterances(
    text: str, blocks: Iterable[np.ndarray], rate: int, speed: float, voice: str, early: bool
) -> Iterator[Utterance]:
    """An Utterance for each block, as soon as the next one is there; for all of them together unless `early`.

    blocks: (n,) float32 each, without a seam between them. voice: an id, by which its loudness is remembered: the
    first block of a voice does not tell yet how loud the whole is.
    """
    blocks = iter(blocks)
    if not early:
        whole = list(blocks)
        blocks = iter([np.concatenate(whole)] if whole else [])
    done: list[np.ndarray] = []
    begin, waiting = 0, next(blocks, None)
    while waiting is not None:
        block, waiting = waiting, next(blocks, None)
        # A block without a word belongs to the one before. The first is long enough to tell how loud the voice is.
        least = 0.0 if done or voice in _loudness else LOUDNESS_SECONDS
        while waiting is not None and (_seconds(waiting, rate) == 0 or _seconds(block, rate) < least):
            block, waiting = np.concatenate([block, waiting]), next(blocks, None)
        done.append(block)
        end = len(text) if waiting is None else _reached(text, begin, speed * _seconds(block, rate))
        words = spread_words(text, begin, end, block, rate)
        loudness = _loudness.get(voice) if waiting is not None or len(done) > 1 else None
        yield Utterance(block, rate, (), words, end, waiting is not None, loudness, timed=False)
        begin = end
    if done:
        _loudness[voice] = measure(np.concatenate(done), rate)


def spread_words(text: str, begin: int, end: int, samples: np.ndarray, rate: int) -> tuple[SpokenWord, ...]:
    """The words between two places of a text, sharing by their letters the time in which something is heard.

    samples: (n,) float32 of that part.
    """
    spans = [(first, last) for first, last in tokens(text) if begin <= first < end]
    loud = _heard(samples, rate)
    if not spans or not len(loud):
        return ()
    heard = np.cumsum(loud if loud.any() else np.ones_like(loud))
    letters = np.cumsum([0, *(last - first for first, last in spans)])
    shares = np.round(letters / letters[-1] * heard[-1])  # in hops that are heard
    starts = np.searchsorted(heard, shares[:-1], side="right") * HOP_SECONDS
    ends = np.minimum((np.searchsorted(heard, shares[1:]) + 1) * HOP_SECONDS, len(samples) / rate)
    return tuple(
        SpokenWord(first, last, float(min(start, until)), float(until))
        for (first, last), start, until in zip(spans, starts, ends, strict=True)
    )


def _seconds(samples: np.ndarray, rate: int) -> float:
    """How long something is heard."""
    return float(_heard(samples, rate).sum()) * HOP_SECONDS


def _heard(samples: np.ndarray, rate: int) -> np.ndarray:
    """Whether something is heard in each hop, (n,) bool."""
    hop = round(rate * HOP_SECONDS)
    padded = np.pad(samples, (0, -len(samples) % hop)).reshape(-1, hop)
    peaks = np.abs(padded).max(axis=1, initial=0)
    heard: np.ndarray = peaks > max(SILENCE, QUIET * peaks.max(initial=0))
    return heard


def _reached(text: str, begin: int, seconds: float) -> int:
    """About how far in the text a block reaches that begins at `begin`: the start of a word, or `begin`."""
    far = begin + round(seconds * CHARACTERS_A_SECOND)
    starts = [first for first, _ in tokens(text) if begin < first <= far]
    return starts[-1] if starts else begin
