"""Phoneme names of the engines as plain IPA segments.

A segment is one base letter with its modifiers (tʲ, kʰ, ɑ̃, n̩). Stress, tone and length marks, tie bars and syllable
dots are taken away, since the times say how long a segment is; diphthongs and affricates become their two segments
(oʊ: o ʊ, tʃ: t ʃ), so that a table of visemes needs single letters only.
"""

import unicodedata

LONG = 0.6  # how much a length mark adds to a segment's share of time
_LETTERS = {"g": "ɡ", "ᵻ": "ɨ", "ε": "ɛ", "ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ", "ʥ": "dʑ", "ᵊ": "ə"}
# Names in ASCII that eSpeak gives where a language has no IPA for them (Kirshenbaum's notation, mostly).
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
    found: list[list] = []
    for letter in unicodedata.normalize("NFD", "".join(_LETTERS.get(letter, letter) for letter in name)):
        if letter in _DROPPED:
            continue
        if letter in "ːˑ:":
            if found:
                found[-1][1] += LONG
        elif is_modifier(letter):
            if found:
                found[-1][0] += letter
            else:
                found.append([letter, 1.0])
        elif unicodedata.category(letter)[0] == "L":
            if found and is_modifier(found[-1][0][0]):
                found[-1][0] = letter + found[-1][0]  # a modifier written ahead, as in ⁿd
            else:
                found.append([letter, 1.0])
    total = sum(share for _, share in found)
    return [(unicodedata.normalize("NFC", symbol), share / total) for symbol, share in found]


def is_modifier(letter: str) -> bool:
    """Whether the letter only changes the one before it."""
    return unicodedata.category(letter) in ("Mn", "Lm", "Sk")
