"""What is written shorter than it is spoken: abbreviations, and sums of money."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lipsync_core.speech.text.abbreviations import ANYWHERE, BEFORE_NUMBERS, SPOKEN

_WORD = re.compile(r"(?<![\w.’'-])(?P<word>[^\W\d_]+(?:\.[^\W\d_]+)*)(?P<stop>\.?)(?![\w’'-])")
_GOES_ON = re.compile(r"\s+[\"'“‘«„(\[]*(?P<next>\w)")
_MONEY = re.compile(
    r"(?P<sign>[$€£¥])\s?(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<part>\d{2}))?(?![\d.,]*\d)"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion|k|m|bn|b)\b)?",
    re.IGNORECASE,
)
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_CENTS = {"dollar": "cents", "euro": "cents", "pound": "pence"}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
ALWAYS = {"vs"}  # abbreviations that are also written without a full stop


@dataclass(frozen=True)
class Shorthand:
    """text[start:end] is read as `spoken`."""

    start: int
    end: int
    spoken: str


def shorthands(text: str, language: str) -> list[Shorthand]:
    """Those in a sentence, in order, without overlaps. A full stop inside a sentence is not spoken as its end.

    language: BCP-47 code of the voice that reads it.
    """
    family = language.split("-")[0]
    found = list(_abbreviations(text, SPOKEN.get(family, {})))
    if family == "en":
        found += [Shorthand(match.start(), match.end(), _sum(match)) for match in _MONEY.finditer(text)]
    return sorted(found, key=lambda item: item.start)


def _abbreviations(text: str, spoken: dict[str, str]) -> Iterator[Shorthand]:
    for match in _WORD.finditer(text):
        word, stop = match["word"].lower(), bool(match["stop"])
        if not stop:
            if word in ALWAYS and word in spoken:
                yield Shorthand(*match.span(), spoken[word])
            continue
        following = _GOES_ON.match(text, match.end())
        number = following is not None and following["next"].isdigit()
        if word in ANYWHERE or "." in word or (word in BEFORE_NUMBERS and number):
            known = spoken.get(word)
            if following:
                yield Shorthand(*match.span(), known or match["word"])
            elif known:  # the stop ends the sentence as well
                yield Shorthand(match.start(), match.end() - 1, known)
        elif following and len(word) == 1 and match["word"].isupper():
            yield Shorthand(*match.span(), match["word"])  # an initial


def _sum(match: "re.Match[str]") -> str:
    whole, part = match["whole"].replace(",", ""), match["part"]
    name = _CURRENCIES[match["sign"]]
    plural = name if name == "yen" else f"{name}s"
    if match["scale"]:
        scale = match["scale"].lower()
        return f"{whole}{'.' + part if part else ''} {_SCALES.get(scale, scale)} {plural}"
    if int(whole) == 0 and part and int(part) and name in _CENTS:
        return f"{int(part)} {_CENTS[name]}"
    spoken = f"{whole} {name if int(whole) == 1 else plural}"
    return f"{spoken} {int(part)}" if part and int(part) else spoken
