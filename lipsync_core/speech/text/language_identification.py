"""The script of a character, and the language of a text whose language was not given."""

import unicodedata
from collections import Counter
from functools import lru_cache

from lipsync_core.speech.text.languages import reader

DEFAULT = "en-US"
COMMON = "COMMON"  # digits, punctuation, symbols, spaces: any script's

_RANGES = {
    "CJK": "HAN", "KANGXI": "HAN", "IDEOGRAPHIC": "HAN", "HIRAGANA": "KANA", "KATAKANA": "KANA",
    "KATAKANA-HIRAGANA": "KANA", "HALFWIDTH": "KANA", "MODIFIER": "LATIN", "FEMININE": "LATIN", "MASCULINE": "LATIN",
    "MICRO": "GREEK", "COPTIC": "COPTIC",
}  # fmt: skip

# Letters that one language of a shared script has and its usual reader has not. First match wins.
_TELLING = (
    ("KANA", "ja", None),
    ("CYRILLIC", "uk", "їєґ"),
    ("CYRILLIC", "be", "ў"),
    ("CYRILLIC", "sr", "ђћљњџ"),
    ("CYRILLIC", "mk", "ѓќѕ"),
    ("CYRILLIC", "kk", "әғқұһ"),
    ("ARABIC", "ur", "ٹڈڑےں"),
    ("ARABIC", "fa", "پچژگک"),
    ("DEVANAGARI", "mr", "ळ"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Name of the script of a letter or mark, in capitals (LATIN, CYRILLIC, HAN, KANA); COMMON for all else.

    Python has no table of scripts, but the first word of a letter's Unicode name is its script.
    """
    if 0xF8D0 <= ord(character) <= 0xF8FF:
        return "KLINGON"  # ConScript Unicode Registry
    if unicodedata.category(character)[0] not in "LM":
        return COMMON
    first = unicodedata.name(character, COMMON).split(" ")[0]
    return COMMON if first in ("COMBINING", "VARIATION", "ZERO") else _RANGES.get(first, first)


def guess_language(text: str) -> str:
    """Code of the language that most of the letters are read in; English for Latin letters and for none."""
    letters = text.lower()
    scripts = Counter(script for letter in letters if (script := script_of(letter)) != COMMON)
    known = [(count, script) for script, count in scripts.items() if reader(script)]
    if not known:
        return DEFAULT
    _, most = max(known, key=lambda item: item[0])
    # Japanese is written in more Chinese characters than kana.
    if most == "HAN" and scripts["KANA"] * 8 >= scripts["HAN"]:
        most = "KANA"
    for script, language, telling in _TELLING:
        if script == most and (telling is None or any(letter in letters for letter in telling)):
            return language
    return reader(most) or DEFAULT
