"""A text as the symbols that Kokoro reads, through eSpeak NG's phonemes.

Kokoro 82M v1.0 (https://huggingface.co/hexgrad/Kokoro-82M, Apache-2.0) was trained on the phonemes of misaki
(https://github.com/hexgrad/misaki): IPA, in which diphthongs and affricates are one letter.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from lipsync_core.speech.engines.espeak.engine import espeak

TIE = "^"  # between the letters of one phoneme, as eSpeak is asked to write it

# Number of each symbol in the network's table.
_NUMBERS = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23, "A": 24, "I": 25, "O": 31, "Q": 33,
    "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48, "h": 50,
    "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61, "t": 62,
    "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76,
    "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99,
    "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118,
    "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133,
    "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157,
    "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip

# eSpeak's phonemes, with ties, as Kokoro writes them. What is not named stays as it is, where Kokoro knows it.
_ENGLISH = {
    "a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "ɔ^ɪ": "Y", "d^ʒ": "ʤ", "t^ʃ": "ʧ", "ə^l": "ᵊl", "n\u0329": "ᵊn",
    "l\u0329": "ᵊl", "m\u0329": "ᵊm", "ʔn\u0329": "tᵊn", "ʔˌn\u0329": "tᵊn", "r": "ɹ", "x": "k", "ç": "k", "ɐ": "ə",
    "ɬ": "l", "ʔ": "t", "ʲ": "", "\u0303": "",
}  # fmt: skip
_AMERICAN = {
    **_ENGLISH, "o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɪə": "iə", "ɪ^ə": "iə", "ː": "",
}  # fmt: skip
_BRITISH = {**_ENGLISH, "ə^ʊ": "Q", "e^ə": "ɛː", "iə": "ɪə", "i^ə": "ɪə", "ɚ": "ə"}
_OTHERS = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "t^ɕ": "ʨ", "d^ʑ": "ʥ", "\u0324": "ʰ",
}  # fmt: skip
# Mandarin by eSpeak's own names, because its IPA loses the tones; "0" is where the tone goes. Longest first below.
_MANDARIN = {
    "tS;h": "ʨʰ", "tS;": "ʨ", "S;": "ɕ", "ts.h": "ꭧʰ", "ts.": "ꭧ", "s.": "ʂ", "z.": "ɻ", "tsh": "ʦʰ", "ts": "ʦ",
    "ph": "pʰ", "th": "tʰ", "kh": "kʰ", "X": "x", "N": "ŋ", "g": "ɡ",
    "i.": "ɨ0", "i[": "ɨ0", "iAu": "jau0", "iou": "jou0", "iE": "jɛ0", "iA": "ja0", "io": "jo0", "iu": "jou0",
    "iong": "jʊ0ŋ", "uai": "wai0", "uei": "wei0", "uo": "wo0", "ua": "wa0", "uA": "wa0", "u@": "wə0", "yE": "ɥe0",
    "ye": "ɥe0", "ya": "ɥɛ0", "y@": "ɥə0", "ong": "ʊ0ŋ", "Au": "au0", "ai": "ai0", "aI": "ai0", "ei": "ei0",
    "eI": "ei0", "ou": "ou0", "@r": "ɚ0", "o-": "ɤ0", "y&": "ɥɛ0", "yi": "y0",
    "A": "a0", "a": "a0", "o": "o0", "@": "ə0", "E": "ɛ0", "e": "ɤ0", "i": "i0",
    "u": "u0", "y": "y0", "w": "w", "j": "j",
}  # fmt: skip
_TONES = {"55": "→", "35": "↗", "214": "↓", "21": "↓", "51": "↘"}
_GLIDES = {"j": ("j", "ɥ", "i", "y"), "w": ("w", "u")}
_IPA_OF_MANDARIN = {
    "ʨ": "tɕ", "ꭧ": "tʂ", "ʦ": "ts", "→": "", "↗": "", "↓": "", "↘": "", "ɚ": "əɻ",
}  # fmt: skip

# Marks that Kokoro reads, by what is written.
MARKS = {
    "、": ",", "，": ",", "،": ",", "。": ".", "．": ".", "।": ".", "！": "!", "？": "?", "؟": "?", "：": ":",
    "；": ";", "؛": ";", "–": "—", "...": "…",
}  # fmt: skip

BETWEEN = "_"  # of eSpeak's own phoneme names

# A mark counts where a sentence can pause: before white space, or where the script writes no spaces.
_MARK = re.compile(
    r"\.\.\.|[;:,.!?…،؛؟।](?=\s|[\"'”’»)\]]|\Z)|[;:,.!?](?=[^\x00-\x7f])|[、，。．！？：；—]|(?<=\s)–(?=\s)"
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’ -]*")
_SWITCH = re.compile(r"\([a-z-]+\)")  # eSpeak tells that it reads a word in another language
_MANDARIN_PART = re.compile("|".join([*map(re.escape, sorted(_MANDARIN, key=len, reverse=True)), "."]))
_MANDARIN_LETTER = re.compile("ˈ|.[ʰ→↗↓↘]*")


@dataclass(frozen=True)
class Symbol:
    """Some of Kokoro's symbols that stand for one phoneme, a stress mark, a space or a punctuation mark.

    numbers: in the network's table. ipa: what they are in IPA, as phoneme_times takes it.
    """

    numbers: tuple[int, ...]
    ipa: str


class KokoroPhonemizer:
    """Reads texts in one language. Raises LipsyncError where eSpeak NG is not installed."""

    def __init__(self, language: str) -> None:
        self._espeak = espeak()
        self._language = language
        self._voice = self._espeak.find_language(language)
        self._english = self._espeak.find_language("en-US")

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


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Stretches of text, and the punctuation marks between them."""
    return _split(_MARK, text)


def _split(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    places = [at for match in pattern.finditer(text) for at in match.span()]
    for number, (start, end) in enumerate(pairwise([0, *places, len(text)])):
        if text[start:end].strip():
            yield text[start:end].strip(), number % 2 == 1


def symbols(phonemes: str, language: str) -> list[Symbol]:
    """Kokoro's symbols for eSpeak's IPA with ties; what Kokoro does not know is left out.

    language: BCP-47 code, which must not be Chinese.
    """
    plain = unicodedata.normalize("NFD", phonemes).replace("c\u0327", "ç").replace("g", "ɡ")
    table, pattern = _table(language)
    found: list[Symbol] = []
    for match in pattern.finditer(plain):
        written = match.group()
        read = table.get(written, written)
        numbers = tuple(_NUMBERS[letter] for letter in read if letter in _NUMBERS)
        if numbers:
            found.append(Symbol(numbers, written.replace(TIE, "")))
    return found


def mandarin_symbols(names: str) -> list[Symbol]:
    """Kokoro's symbols for eSpeak's own phoneme names of Mandarin, with "_" between them: "n_i214_ X_'Au214"."""
    found: list[Symbol] = []
    for word in names.split():
        reads = [_mandarin(name) for name in word.split("_")]
        for read, following in zip(reads, [*reads[1:], ""], strict=True):
            if read in ("j", "w") and following[:1] in _GLIDES[read]:
                continue  # eSpeak says it twice: j iA
            for letter in _MANDARIN_LETTER.findall(read):
                numbers = tuple(_NUMBERS[part] for part in letter if part in _NUMBERS)
                if numbers:
                    found.append(Symbol(numbers, "".join(_IPA_OF_MANDARIN.get(part, part) for part in letter)))
        found.append(mark(" "))
    return found[:-1]


def _mandarin(name: str) -> str:
    sound = name.strip("',%=|").rstrip("0123456789")
    tone = _TONES.get("".join(letter for letter in name if letter.isdigit()), "")
    return "".join(_MANDARIN.get(part, part) for part in _MANDARIN_PART.findall(sound)).replace("0", tone)


def mark(character: str) -> Symbol:
    """A space or a punctuation mark; one without numbers where Kokoro has none."""
    character = MARKS.get(character, character)
    return Symbol((_NUMBERS[character],) if character in _NUMBERS else (), character)


@lru_cache(maxsize=8)
def _table(language: str) -> tuple[dict[str, str], re.Pattern[str]]:
    table = {"en-US": _AMERICAN, "en-GB": _BRITISH}.get(language, _OTHERS)
    keys = sorted(table, key=len, reverse=True)
    return table, re.compile("|".join([*map(re.escape, keys), "."]), re.DOTALL)
