"""When a voice says what: its phoneme symbols and their times as phonemes, and which of them are which word."""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from lipsync_core.speech.engines.base import SpokenWord
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.timing.ipa import is_modifier, segments
from lipsync_core.speech.timing.words import tokens

BREATH = 0.06  # seconds, of Piper
_STRESS = "ˈˌ"
_LENGTH = "ːˑ"


def timed_phonemes(symbols: Sequence[str], bounds: Sequence[float], breath: float = BREATH) -> list[Phoneme]:
    """Phonemes from the symbols that a network was given; bounds: (symbols + 1), seconds.

    A symbol is a letter of IPA, or several that the network takes for one, or a mark, which has no sound.
    breath: seconds; a gap between two phonemes that is shorter is no pause, the mouth goes on.
    The time of a stress mark is that of the phoneme after it, the time of a modifier that of the one before.
    """
    found: list[Phoneme] = []
    stress: float | None = None
    for symbol, start, end in zip(symbols, bounds[:-1], bounds[1:], strict=True):
        if symbol in _STRESS:
            stress = start if stress is None else stress
        elif symbol in _LENGTH or symbol.isdigit() or (len(symbol) == 1 and is_modifier(symbol)):
            if (found and symbol in _LENGTH) or symbol.isdigit():
                found[-1:] = [Phoneme(last.symbol, last.start, end) for last in found[-1:]]
            elif found:
                found[-1] = Phoneme(found[-1].symbol + symbol, found[-1].start, end)
        elif named := segments(symbol) if any(map(str.isalpha, symbol)) else []:
            at = start if stress is None else stress
            stress = None
            length = end - at
            for name, share in named:
                found.append(Phoneme(name, at, at + length * share))
                at += length * share
        else:
            stress = None
    for i, (one, following) in enumerate(pairwise(found)):
        if 0 < following.start - one.end < breath:
            found[i] = Phoneme(one.symbol, one.start, following.start)
    return found


def timed_words(
    text: str, phonemes: Sequence[Phoneme], phonemize: Callable[[str], list[str]], marks: Sequence[int] = ()
) -> list[SpokenWord]:
    """Words of the text with their times.

    marks: where a text without spaces may be cut into words. The network does not tell which phonemes are which word,
    and joins some ("of the"). So each word is phonemised alone, and the phonemes of all of them are laid along those
    of the sentence.
    """
    spans = tokens(text, marks)
    alone = [_letters(phonemize(text[first:last])) for first, last in spans]
    sentence = [phoneme.symbol[0] for phoneme in phonemes]
    if not sentence or not spans:
        return []
    place = _places([letter for letters in alone for letter in letters], sentence)
    words, letter, after = [], 0, 0
    for (first, last), letters in zip(spans, alone, strict=True):
        letter += len(letters)
        begin, after = after, max(after, place[letter])
        if (first, last) == spans[-1]:
            after = len(sentence)
        if begin < after:
            words.append(SpokenWord(first, last, phonemes[begin].start, phonemes[after - 1].end))
        elif words:  # a word without a sound of its own shares that of the one before
            words[-1] = SpokenWord(words[-1].first, last, words[-1].start, words[-1].end)
    return words


def _letters(symbols: Sequence[str]) -> list[str]:
    """Base letters only: what is added to them depends on the neighbours."""
    return [phoneme.symbol[0] for phoneme in timed_phonemes(symbols, range(len(symbols) + 1))]


def _places(given: Sequence[str], sentence: Sequence[str]) -> list[int]:
    """For each place between two letters of `given`, its ends included, the place in `sentence`."""
    places = [0] * (len(given) + 1)
    for _, a, a_end, b, b_end in SequenceMatcher(None, given, sentence, autojunk=False).get_opcodes():
        for i in range(a + 1, a_end + 1):
            places[i] = b + round((i - a) * (b_end - b) / (a_end - a))
    return places
