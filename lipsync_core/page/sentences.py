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
    """pattern: of an English sentence. gaps: the numbers of its groups. separators: of lists. kept: not translated."""

    pattern: re.Pattern[str]
    gaps: tuple[str, ...]
    separators: Mapping[str, str]
    kept: frozenset[str]
    translation: str


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
            found = one.pattern.fullmatch(text)
            if found:
                return self._filled(one, dict(zip(one.gaps, found.groups(), strict=True)))
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
    pattern, end = "", 0
    for gap in GAP.finditer(english):
        pattern += re.escape(english[end : gap.start()]) + "(.*?)"
        end = gap.end()
    pattern += re.escape(english[end:])
    gaps = list(GAP.finditer(english))
    kept = {gap[1] for text in (english, translation) for gap in GAP.finditer(text) if _quoted(text, gap.start())}
    separators = {gap[1]: gap[2] for gap in gaps if gap[2]}
    return Template(
        re.compile(pattern, re.DOTALL), tuple(gap[1] for gap in gaps), separators, frozenset(kept), translation
    )


def _quoted(text: str, place: int) -> bool:
    return place > 0 and text[place - 1] in QUOTES


@lru_cache
def sentences(language: str) -> Sentences:
    """The translations of a language, by its code; none for English and where nobody has made any."""
    file = FOLDER / f"{language}.toml"
    return Sentences(tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {})
