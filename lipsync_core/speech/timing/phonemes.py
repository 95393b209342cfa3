"""Phoneme names of the engines as plain IPA segments, and when each is heard, from what a network tells of its input.

A segment is one base letter with its modifiers (tʲ, kʰ, ɑ̃, n̩). Stress, tone and length marks, tie bars and syllable
dots are taken away, since the times say how long a segment is; diphthongs and affricates become their two segments
(oʊ: o ʊ, tʃ: t ʃ), so that a table of visemes needs single letters only.
"""

import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np

from lipsync_core.speech.engines.base import SpokenWord
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.timing.words import tokens

BREATH = 0.06  # seconds
_STRESS = "ˈˌ"
_LENGTH = "ːˑ"
LONG = 0.6  # how much a length mark adds to a segment's share of time
_LETTERS = {"g": "ɡ", "ᵻ": "ɨ", "ε": "ɛ", "ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ", "ʥ": "dʑ", "ᵊ": "ə"}
# Names in ASCII for what a language has no IPA for (Kirshenbaum's notation, mostly).
_ASCII = {
    "ts.": "ʈʂ", "s.": "ʂ", "z.": "ʐ", "r.": "ɽ", "i.": "ɨ", "o-": "ɤ", "u\"": "ʉ", "s^": "sʲ", "n^": "ɲ", "?": "ʔ",
    "A": "ɑ", "N": "ŋ", "S": "ʃ", "X": "χ", "Z": "ʒ",
}  # fmt: skip
_DROPPED = set("ˈˌ'ʼ`͜͡.-_|‿;*!^[\"0123456789˥˦˧˨˩↓↑→↗↘#~ ")


def segments(name: str) -> list[tuple[str, float]]:
    """IPA segments of an engine's phoneme name and the share of its time that each takes, summing to 1.

    A name of modifiers alone ("ʲ") gives one segment without a base letter; it belongs to the phoneme before.
    Language switches such as "(en)" and pauses give none.
    """
    if name.startswith("("):
        return []
    name = unicodedata.normalize("NFC", name)
    for ascii_name, symbol in _ASCII.items():
        name = name.replace(ascii_name, symbol)
    found: list[str] = []
    shares: list[float] = []
    for letter in unicodedata.normalize("NFD", "".join(_LETTERS.get(letter, letter) for letter in name)):
        if letter in _DROPPED:
            continue
        if letter in "ːˑ:":
            if found:
                shares[-1] += LONG
        elif is_modifier(letter):
            if found:
                found[-1] += letter
            else:
                found.append(letter)
                shares.append(1.0)
        elif unicodedata.category(letter)[0] == "L":
            if found and is_modifier(found[-1][0]):
                found[-1] = letter + found[-1]  # a modifier written ahead, as in ⁿd
            else:
                found.append(letter)
                shares.append(1.0)
    total = sum(shares)
    return [(unicodedata.normalize("NFC", symbol), share / total) for symbol, share in zip(found, shares, strict=True)]


def is_modifier(letter: str) -> bool:
    """Whether the letter only changes the one before it."""
    return unicodedata.category(letter) in ("Mn", "Lm", "Sk")


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
