"""The language of a text whose language was not given."""

from collections import Counter

from lipsync_core.speech.text.languages import reader
from lipsync_core.speech.text.scripts import COMMON, script_of

DEFAULT = "en-US"

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
