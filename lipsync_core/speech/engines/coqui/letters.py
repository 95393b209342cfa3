"""When a network that reads letters says which phoneme: words by the times of their letters, phonemes within words."""

from collections.abc import Callable, Sequence

import numpy as np

from lipsync_core.speech.engines.base import SpokenWord
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.timing.ipa import segments
from lipsync_core.speech.timing.phonemes import timed_phonemes, timed_words


def phonemes_of_letters(
    text: str, letters: Sequence[str], bounds: Sequence[float], phonemize: Callable[[str], str]
) -> tuple[list[Phoneme], list[SpokenWord]]:
    """Phonemes and words of a text.

    letters: what the network was given, and bounds the times, (letters + 1,) in seconds. phonemize: IPA of a word.
    The phonemes of a word share the time of its letters, evenly along them.
    """
    timed = timed_phonemes(letters, bounds)
    words = timed_words(text, timed, lambda word: list(word.lower()))
    phonemes: list[Phoneme] = []
    for word in words:
        inside = [one for one in timed if word.start - 1e-6 <= one.start < word.end - 1e-6]
        named = [part for said in phonemize(text[word.first : word.last]).split() for part in _segments(said)]
        if not inside or not named:
            continue
        places = [*(one.start for one in inside), inside[-1].end]
        shares = np.cumsum([0.0, *(share for _, share in named)])
        times = np.interp(shares / shares[-1] * len(inside), np.arange(len(inside) + 1), places)
        phonemes += [
            Phoneme(symbol, float(start), float(end))
            for (symbol, _), start, end in zip(named, times[:-1], times[1:], strict=True)
            if end > start
        ]
    return phonemes, words


def _segments(said: str) -> list[tuple[str, float]]:
    """Segments of a word's IPA with weights; `segments` shares one phoneme's time, here each has its own."""
    found = segments(said)
    return [(symbol, share * len(found)) for symbol, share in found]
