"""Written text into what a voice is given to read: passages, each in one language, of characters that it knows.

Nothing that has a name is dropped: symbols and emoji for which the voice has no word are read by their Unicode name,
in English; a passage in a script that the voice does not read goes to a voice that does. It also keeps from eSpeak NG
1.52 what it would take for a command (control characters) or what crashes it (Braille, circled letters, a lone grave
accent in Vietnamese).
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from lipsync_core.speech.text.expansion import Expansion, expansions
from lipsync_core.speech.text.language_identification import COMMON, script_of
from lipsync_core.speech.text.languages import NAMING_LANGUAGE, reader

LONGEST_WORD = 36  # characters; eSpeak cuts words off somewhere beyond 75 of them
LONGEST_NUMBER = 15  # digits; beyond that eSpeak has no word for the thousands, and leaves out some
REPEATED = 3  # a line of more equal symbols than this ("=====") is read once

_SEQUENCE = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    "|[0-9#*]\ufe0f?\u20e3"  # a keycap
    "|[\u00a9-\U0001faff][\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*"
    "(?:\u200d[\u2190-\U0001faff][\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*)*"
)
# Colour, and whether it is a picture: nobody says it, and eSpeak then says the first word of a name only.
_VARIATION = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")
_BULLET = re.compile(r"(?m)^[ \t]*[-*•‣◦▪–—·](?=\s)")
_UNNAMED_PUNCTUATION = set("§¶‰‱†‡")  # punctuation with a name that eSpeak does not know
_DROPPED_JOINERS = "\u200d\u200c"
# A plain letter or number in other clothes: full width, bold, circled, a ligature, an Arabic shape. Python's table also
# takes apart some letters that are none of these, such as Thai sara am.
_DRESSED = re.compile(
    "<(?:wide|narrow|font|circle|square|initial|medial|final|isolated|super|sub|fraction)>|<compat> 00[0-9A-F]{2}"
)
_BRAILLE = range(0x2800, 0x2900)


@dataclass
class Passage:
    """What one voice reads.

    language: None for the chosen voice, or the code of the language whose voice reads it.
    text: what is read. sources: for each of its characters, start and end of what it stands for in the written text.
    """

    language: str | None
    text: str = ""
    sources: list[tuple[int, int]] = field(default_factory=list)

    def add(self, text: str, source: tuple[int, int]) -> None:
        """Append text that stands for text[source[0]:source[1]] of the written text."""
        self.text += text
        self.sources += [source] * len(text)

    def parts_at(self, at: int) -> bool:
        """Whether what is read before text[at] and what is read from there on stand for different characters."""
        return 0 < at < len(self.text) and self.sources[at - 1][1] <= self.sources[at][0]


def passages(text: str, scripts: Collection[str], own_language: str, reads: Callable[[str], bool]) -> list[Passage]:
    """What is to be read, in order.

    scripts: those that the chosen voice reads, besides Latin. own_language: its language, BCP-47.
    reads: whether the chosen voice has a reading for a symbol or emoji.
    """
    english = own_language.split("-")[0] == "en"
    done: list[Passage] = []
    current = Passage(None)
    common: list[tuple[str, tuple[int, int]]] = []  # digits, punctuation and spaces, of whichever passage goes on

    def switch(language: str | None) -> None:
        nonlocal current
        if language == current.language:
            for item in common:
                current.add(*item)
        else:
            chosen = current if current.language is None else Passage(language)
            for item in common:
                chosen.add(*item)
            if chosen is current:
                done.append(current)
                chosen = Passage(language)
            else:
                done.append(current)
            current = chosen
        common.clear()

    for spoken, source, kind in _tokens(text, expansions(text, own_language), reads):
        if kind == COMMON:
            common.append((spoken, source))
        elif kind == "NAME":
            switch(None if english else NAMING_LANGUAGE)
            current.add(f" {spoken} ", source)
        elif kind in ("SYMBOL", "LATIN") or kind in scripts:
            switch(None)
            current.add(spoken, source)
        elif language := reader(kind):
            switch(language)
            current.add(spoken, source)
        else:
            switch(None if english else NAMING_LANGUAGE)
            current.add(f" {_name(spoken)} ", source)
    for item in common:
        current.add(*item)
    done.append(current)
    return [_with_breaks(passage) for passage in done if passage.text.strip()]


def named(passage: Passage) -> Passage:
    """The same passage, spelled: each character by its Unicode name, in English."""
    spelled = Passage(NAMING_LANGUAGE)
    for character, source in zip(passage.text, passage.sources, strict=True):
        if not character.isspace():
            spelled.add(f" {_name(character)} ", source)
    return spelled


def _tokens(
    text: str, short: Sequence[Expansion], reads: Callable[[str], bool]
) -> Iterator[tuple[str, tuple[int, int], str]]:
    """(what to read, its source, kind) where kind is a script, COMMON, SYMBOL (the voice reads it) or NAME."""
    bullets = {found.end() - 1 for found in _BULLET.finditer(text)}
    expansion_at = {item.start: item for item in short}
    at = 0
    while at < len(text):
        if item := expansion_at.get(at):
            script = script_of(item.spoken[0])
            yield item.spoken, (item.start, item.end), script if script != COMMON else "LATIN"
            at = item.end
            continue
        character = text[at]
        category = unicodedata.category(character)
        if at in bullets:
            yield " ", (at, at + 1), COMMON
            at += 1
        elif (
            character.isascii()
            and character != "`"
            and (category[0] in "LNZ" or character in "&%@#*/\\_")
            and text[at + 1 : at + 2] not in ("\ufe0f", "\u20e3")
            and not _combines(text, at + 1)
        ):
            yield character, (at, at + 1), "LATIN" if category[0] == "L" else COMMON
            at += 1
        elif category[0] == "S" or category == "So" or (_SEQUENCE.match(text, at) and _is_emoji(text, at)):
            end = _symbol_end(text, at)
            yield from _symbol(text, at, end, reads)
            at = end
        else:
            end = at + 1
            while end < len(text) and _combines(text, end):
                end += 1
            yield from _letter(text[at:end], (at, end), reads)
            at = end


def _is_emoji(text: str, at: int) -> bool:
    return text[at] in "0123456789#*" or unicodedata.category(text[at]) == "So"


def _combines(text: str, at: int) -> bool:
    """Whether the character belongs to the one before: a mark, a Hangul vowel or final, a half-width voicing mark."""
    if at >= len(text):
        return False
    character = text[at]
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\u1160" <= character <= "\u11ff"
        or character in "\uff9e\uff9f"
    )


def _letter(
    cluster: str, source: tuple[int, int], reads: Callable[[str], bool]
) -> Iterator[tuple[str, tuple[int, int], str]]:
    """A letter, digit, punctuation mark or control character with its marks."""
    normal = unicodedata.normalize("NFC", cluster)
    category = unicodedata.category(normal[0])
    if _DRESSED.match(unicodedata.decomposition(cluster[0])) and ord(cluster[0]) > 0xFF:
        normal = unicodedata.normalize("NFKC", cluster).replace("\u2044", "/")
    for character in normal:
        category = unicodedata.category(character)
        if category == "Nd":
            yield str(unicodedata.digit(character)), source, COMMON
        elif category[0] in "LM":
            # A mark is of the script of its letter, not of the Common one.
            script = script_of(character)
            yield character, source, _first_script(normal) if script == COMMON else script
        elif category[0] == "N" or character in _UNNAMED_PUNCTUATION:
            yield (character, source, "SYMBOL") if reads(character) else (_name(character), source, "NAME")
        elif category[0] == "P" or character in _DROPPED_JOINERS:
            yield character, source, COMMON
        elif category == "Co" and script_of(character) == "KLINGON":
            yield character, source, "KLINGON"
        elif category != "Cf":  # format characters, such as soft hyphens, are not even a space
            yield " ", source, COMMON


def _first_script(text: str) -> str:
    return next((script for character in text if (script := script_of(character)) != COMMON), COMMON)


def _symbol_end(text: str, at: int) -> int:
    found = _SEQUENCE.match(text, at)
    end = found.end() if found else at + 1
    if end == at + 1:
        same = at
        while same < len(text) and text[same] == text[at]:
            same += 1
        if same - at > REPEATED:
            return same
    return end


def _symbol(
    text: str, start: int, end: int, reads: Callable[[str], bool]
) -> Iterator[tuple[str, tuple[int, int], str]]:
    written, source = text[start:end], (start, end)
    if len(set(written)) == 1:
        written = written[0]
    written = _VARIATION.sub("", written) or written
    if written[0] in "0123456789#*":  # a keycap
        yield written[0], source, COMMON
        return
    if len(written) == 1:
        plain = unicodedata.normalize("NFKC", written)
        if unicodedata.category(written) == "Sk" and written != "^":
            yield " ", source, COMMON  # an accent that stands alone
            return
        if plain != written and plain.isalnum():  # ⓜ, ㎏
            for character in plain:
                yield from _letter(character, source, reads)
            return
    if ord(written[0]) not in _BRAILLE and reads(written):
        yield f" {written} " if len(written) > 1 else written, source, "SYMBOL"
        return
    for character in written:
        if unicodedata.category(character) in ("So", "Sm", "Sc", "Sk"):
            if ord(character) not in _BRAILLE and character != written and reads(character):
                yield f" {character} ", source, "SYMBOL"
            else:
                yield _name(character), source, "NAME"


def _name(character: str) -> str:
    """The Unicode name, in lower case: "snowman", "less-than sign"."""
    return " ".join(unicodedata.name(part, "unknown sign").lower() for part in character)


def _with_breaks(passage: Passage) -> Passage:
    """Words longer than an engine can hold are cut by spaces, longer numbers are read digit by digit."""
    cut = Passage(passage.language)
    apart = {
        at
        for number in _NUMBER.finditer(passage.text)
        if sum(character.isdigit() for character in number.group()) > LONGEST_NUMBER
        for at in range(number.start() + 1, number.end())
        if passage.text[at - 1 : at + 1].isdigit()
    }
    letters = 0
    for at, (character, source) in enumerate(zip(passage.text, passage.sources, strict=True)):
        letters = letters + 1 if not character.isspace() else 0
        is_mark = unicodedata.category(character)[0] == "M" or character in _DROPPED_JOINERS
        if at in apart or (letters > LONGEST_WORD and not is_mark):
            cut.add(" ", source)
            letters = 1
        cut.add(character, source)
    return cut
