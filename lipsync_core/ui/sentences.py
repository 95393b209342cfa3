"""What the core says, in a visitor's language: one file a language in the folder beside this one, none for English.

The core raises whole English sentences, which the API and the command line show as they are. Here a sentence is known
again by its template, such as "{0} is empty", and its names and numbers are put into the translation.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("sentences")
GAP = re.compile(r"\{(\d+)(?::([^{}]+))?\}")  # {0}; or {0:, } for a list, with what stands between its items
QUOTES = "\"'«„“"  # what begins a name, or words of the visitor's own: a gap after it stays as it is


@dataclass(frozen=True)
class Template:
    """literals: of an English sentence, around its gaps. separators: of lists, by gap. kept: gaps not translated."""

    literals: tuple[str, ...]
    gaps: tuple[str, ...]
    separators: Mapping[str, str]
    kept: frozenset[str]
    translation: str

    def match(self, text: str) -> dict[str, str] | None:
        """What stands in the gaps of a sentence; None for another one.

        Each gap ends as early as it can. A regular expression would try all ends, which takes minutes where a library
        gives a reason of many lines.
        """
        if not self.gaps:
            return {} if text == self.literals[0] else None
        first, *between, last = self.literals
        if not text.startswith(first) or not text.endswith(last):
            return None
        found, start, end = [], len(first), len(text) - len(last)
        for literal in between:
            place = text.find(literal, start, end)
            if place < 0:
                return None
            found.append(text[start:place])
            start = place + len(literal)
        return dict(zip(self.gaps, [*found, text[start:end]], strict=True)) if start <= end else None


class Sentences:
    """The translations of one language, by their English templates."""

    def __init__(self, table: Mapping[str, str]) -> None:
        # The most literal first: "{0} cannot be read ({1}); check the name." before "{0} cannot be read ({1})".
        by_weight = sorted(table, key=lambda english: -len(GAP.sub("", english)))
        self._templates = [_template(english, table[english]) for english in by_weight]

    def say(self, text: str) -> str:
        """The translation of a sentence or a part of one; the text itself where there is none."""
        return self._known(text) or self._inner(text) or text

    def _known(self, text: str) -> str | None:
        for one in self._templates:
            found = one.match(text)
            if found is not None:
                return self._filled(one, found)
        return None

    def _inner(self, text: str) -> str | None:
        """A sentence inside another one may have lost its capital letter, its full stop or both."""
        capital = text[:1].upper() + text[1:]
        for head, tail in ((text, "."), (capital, ""), (capital, ".")):
            found = self._known(head + tail)
            if found:
                if head != text and found[0] != head[0]:  # a name is written as it is in English
                    found = found[0].lower() + found[1:]
                return found.removesuffix(tail)
        return None

    def _filled(self, template: Template, given: Mapping[str, str]) -> str:
        def fill(gap: re.Match[str]) -> str:
            number, separator = gap[1], gap[2]
            if number in template.kept:
                return given[number]
            if separator is None:
                return self.say(given[number])
            return separator.join(self.say(item) for item in given[number].split(template.separators[number]))

        return GAP.sub(fill, template.translation)


def _template(english: str, translation: str) -> Template:
    gaps = list(GAP.finditer(english))
    ends = [0, *(gap.end() for gap in gaps)]
    starts = [*(gap.start() for gap in gaps), len(english)]
    kept = {gap[1] for text in (english, translation) for gap in GAP.finditer(text) if _quoted(text, gap.start())}
    return Template(
        tuple(english[start:end] for start, end in zip(ends, starts, strict=True)),
        tuple(gap[1] for gap in gaps),
        {gap[1]: gap[2] for gap in gaps if gap[2]},
        frozenset(kept),
        translation,
    )


def _quoted(text: str, place: int) -> bool:
    return place > 0 and text[place - 1] in QUOTES


@lru_cache
def sentences(language: str) -> Sentences:
    """The translations of a language, by its code; none for English and where nobody has made any."""
    file = FOLDER / f"{language}.toml"
    return Sentences(tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {})
