"""A text as the symbols that Kokoro reads, through eSpeak NG."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lipsync_core.speech.engines.base import get_engine
from lipsync_core.speech.engines.espeak.engine import ESpeak
from lipsync_core.speech.engines.kokoro.symbols import TIE, Symbol, mandarin_symbols, mark, symbols
from lipsync_core.speech.voice import Voice

BETWEEN = "_"  # of eSpeak's own phoneme names

# A mark counts where a sentence can pause: before white space, or where the script writes no spaces.
_MARK = re.compile(
    r"\.\.\.|[;:,.!?…،؛؟।](?=\s|[\"'”’»)\]]|\Z)|[;:,.!?](?=[^\x00-\x7f])|[、，。．！？：；—]|(?<=\s)–(?=\s)"
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’ -]*")
_SWITCH = re.compile(r"\([a-z-]+\)")  # eSpeak tells that it reads a word in another language


class KokoroReader:
    """Reads texts in one language. Raises LipsyncError where eSpeak NG is not installed."""

    def __init__(self, language: str) -> None:
        espeak = get_engine("espeak")
        assert isinstance(espeak, ESpeak)
        self._espeak = espeak
        self._language = language
        self._voice = _voice_of(espeak, language)
        self._english = _voice_of(espeak, "en-US") if language == "zh" else self._voice

    def reads(self, symbol: str) -> bool:
        """Whether the language has a name for a symbol."""
        return self._espeak.reads(symbol, self._voice)

    def read(self, text: str) -> list[Symbol]:
        """Symbols in order: phonemes, stress marks, spaces, punctuation marks."""
        found: list[Symbol] = []
        for part, is_mark in _parts(text):
            if is_mark:
                found.append(mark(part))
                continue
            if found and found[-1].ipa != " ":
                found.append(mark(" "))
            found += self._words(part)
        return [symbol for symbol in found if symbol.numbers]

    def marks(self, text: str) -> Sequence[int]:
        """Where a text without spaces is cut: at each character of Chinese, after the punctuation of Japanese."""
        if self._language == "zh":
            return range(len(text))
        return [found.end() for found in _MARK.finditer(text)] if self._language == "ja" else ()

    def _words(self, text: str) -> list[Symbol]:
        if self._language != "zh":
            phonemes = self._espeak.phonemes(text, self._voice, tie=TIE)
            return symbols(_SWITCH.sub("", phonemes), self._language)
        found: list[Symbol] = []
        for part, is_latin in _split(_LATIN, text):
            if found:
                found.append(mark(" "))
            if is_latin:
                found += symbols(self._espeak.phonemes(part, self._english, tie=TIE), "en-US")
            else:
                found += mandarin_symbols(_SWITCH.sub("", self._espeak.phonemes(part, self._voice, between=BETWEEN)))
        return found


def _voice_of(espeak: ESpeak, language: str) -> Voice:
    return next(voice for voice in espeak.voices() if voice.language == language)


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Stretches of text, and the punctuation marks between them."""
    return _split(_MARK, text)


def _split(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    places = [at for match in pattern.finditer(text) for at in match.span()]
    for number, (start, end) in enumerate(pairwise([0, *places, len(text)])):
        if text[start:end].strip():
            yield text[start:end].strip(), number % 2 == 1
