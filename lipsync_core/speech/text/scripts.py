"""The script of a character."""

import unicodedata
from functools import lru_cache

COMMON = "COMMON"  # digits, punctuation, symbols, spaces: any script's

_RANGES = {
    "CJK": "HAN", "KANGXI": "HAN", "IDEOGRAPHIC": "HAN", "HIRAGANA": "KANA", "KATAKANA": "KANA",
    "KATAKANA-HIRAGANA": "KANA", "HALFWIDTH": "KANA", "MODIFIER": "LATIN", "FEMININE": "LATIN", "MASCULINE": "LATIN",
    "MICRO": "GREEK", "COPTIC": "COPTIC",
}  # fmt: skip


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
