"""Text into the pieces that are spoken one by one: sentences, or clauses of a long one."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from lipsync_core.speech.text.expansion import ANYWHERE, BEFORE_NUMBERS, MONTHS_AFTER_ORDINALS

PARAGRAPH_PAUSE = 0.5  # seconds, after a paragraph
SENTENCE_PAUSE = 0.3
CLAUSE_PAUSE = 0.12
WORD_PAUSE = 0.03  # where a long sentence without punctuation had to be cut

FIRST_WEIGHT = 60  # the first piece is about ten words or less, so that sound starts early
LONG_FIRST_WEIGHT = 120  # a first sentence heavier than this is cut between words where it has no punctuation
SHORTEST_CLAUSE = 12  # a clause lighter than this does not stand alone
MAX_WEIGHT = 240  # of any piece; a letter weighs 1
# Weight of a digit or a Chinese, Japanese or Korean character, which take as long as a short syllable or word.
HEAVY = 3
NAMED = 12  # weight of a symbol or emoji, which is read by its name

_NEWLINE = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_CLOSERS = "\"'”’»›)\\]}」』】》〉）］｝*_"
# Full stops of scripts that do not write a space after them, or whose mark stands for nothing else.
_SURE = "。！？｡؟۔।॥։።፧፨။។៕᠃᠉༎‼⁇⁈⁉\u037e"
_TERMINATOR = re.compile(rf"(?P<sure>[{_SURE}][{_SURE}.!?…]*[{_CLOSERS}]*)|(?P<mark>[.!?…．]+[{_CLOSERS}]*)(?=\s|\Z)")
_CLAUSE = re.compile(r"(?:[,;:،؛…][" + _CLOSERS + r"]*(?=\s)|[、，；：]|\s[—–-](?=\s)|—)")
_BULLET = re.compile(r"\s*(?:[-*•‣◦▪–—·]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s)")
_BEFORE_STOP = re.compile(r"[^\W_][\w.'’-]{0,20}\Z")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])\Z")

_SPOKEN_MARKS = set("&%@#§¶‰‱")  # punctuation, to Unicode, that has a name in a sentence


@dataclass(frozen=True)
class Piece:
    """text[start:end], followed by `pause` seconds. joins: the sentence goes on after it."""

    start: int
    end: int
    pause: float
    joins: bool = False


def split(text: str) -> Iterator[Piece]:
    """Pieces in order. Together they hold every character of the text but white space between them.

    What cannot be spoken (dots, dashes, control characters) is part of a neighbouring piece. Text that has nothing
    else gives no piece.
    """
    waiting: Piece | None = None
    carried: int | None = None  # start of what came before the first piece that can be spoken
    first = True
    for block_start, block_end, pause in _blocks(text):
        for start, end in _sentences(text, block_start, block_end):
            for piece in _cut(text, start, end, pause if end == block_end else SENTENCE_PAUSE, first):
                if not speakable(text[piece.start : piece.end]):
                    if waiting:
                        waiting = Piece(waiting.start, piece.end, max(waiting.pause, piece.pause))
                    elif carried is None:
                        carried = piece.start
                    continue
                if waiting:
                    yield waiting
                waiting = piece if carried is None else Piece(carried, piece.end, piece.pause, piece.joins)
                carried, first = None, False
    if waiting:
        yield waiting


def speakable(text: str) -> bool:
    """Whether anything in the text has a sound: a letter, a digit, a symbol or an emoji."""
    return any(
        character in _SPOKEN_MARKS or unicodedata.category(character) in _SPOKEN_CATEGORIES for character in text
    )


_SPOKEN_CATEGORIES = {"Lu", "Ll", "Lt", "Lo", "Lm", "Nd", "Nl", "No", "Sm", "Sc", "So"}


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _blocks(text: str) -> Iterator[tuple[int, int, float]]:
    """Paragraphs and lines that stand for themselves; a line that only wraps is joined to the next."""
    begin = line = 0
    while line <= len(text):
        found = _NEWLINE.search(text, line)
        line_end, following = (found.start(), found.end()) if found else (len(text), len(text) + 1)
        after = _NEWLINE.search(text, following) if found else None
        next_line = text[following : after.start() if after else len(text)] if found else ""
        if not found or not next_line.strip() or not _wraps(text[line:line_end], next_line):
            start, end = _strip(text, begin, line_end)
            if start < end:
                yield start, end, PARAGRAPH_PAUSE if found and not next_line.strip() else SENTENCE_PAUSE
            begin = following
        line = following


def _wraps(line: str, next_line: str) -> bool:
    """Whether a sentence seems to go on from one line to the next."""
    ended = line.rstrip()
    return (
        bool(ended)
        and (ended[-1].isalnum() or ended[-1] in ",-–—")
        and (next_line.lstrip()[0].islower() and not _BULLET.match(next_line))
    )


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for found in _TERMINATOR.finditer(text, start, end):
        if found["sure"] or _ends(text, begin, found.start(), found.end(), end):
            yield _strip(text, begin, found.end())
            begin = found.end()
    start, end = _strip(text, begin, end)
    if start < end:
        yield start, end


def _ends(text: str, begin: int, mark: int, after: int, end: int) -> bool:
    """Whether the mark at text[mark:after], which white space follows, ends the sentence that began at `begin`."""
    following = text[after : after + 20].lstrip()
    if after >= end or not following:
        return True
    opened = following.lstrip("\"'“‘«„([{¿¡*_")
    if opened[:1].islower():
        return False
    if text[mark:after].rstrip(_CLOSERS.replace("\\", "")) != ".":
        return True
    before = _BEFORE_STOP.search(text, max(begin, mark - 22), mark)
    if not before:
        return True
    word = before.group()
    if mark - len(word) <= begin + 1 and _ENUMERATOR.match(word) and _BULLET.match(text, begin):
        return False  # "1. First"
    if len(word) == 1 and word.isupper() and word != "I":
        return False  # an initial
    if "." in word and all(len(part) <= 2 and not part.isdigit() for part in word.split(".")):
        return False  # e.g., U.S., z.B., т.е.
    if word.isdigit() and len(word) <= 2 and opened.startswith(MONTHS_AFTER_ORDINALS):
        return False  # "3. Mai"
    return not (word.lower() in ANYWHERE or (word.lower() in BEFORE_NUMBERS and opened[:1].isdigit()))


def _weight(character: str) -> int:
    if character.isascii():
        return HEAVY if character.isdigit() else 1
    if unicodedata.category(character) == "So":
        return NAMED
    return HEAVY if character.isdigit() or unicodedata.east_asian_width(character) in "WF" else 1


def _reach(text: str, start: int, end: int, weight: int) -> int:
    """How far the text can be taken without exceeding the weight."""
    at = start
    while at < end:
        weight -= _weight(text[at])
        if weight < 0:
            return at
        at += 1
    return end


def _cut(text: str, start: int, end: int, pause: float, first: bool) -> Iterator[Piece]:
    """A sentence, in as few pieces as the weights allow."""
    while start < end:
        limit = _reach(text, start, end, MAX_WEIGHT)
        at, gap = end, pause
        if first and _reach(text, start, end, FIRST_WEIGHT) < end:
            near = _reach(text, start, end, FIRST_WEIGHT)
            at = _clause_end(text, start, near, end)
            gap = CLAUSE_PAUSE
            far = _reach(text, start, end, LONG_FIRST_WEIGHT)
            if not at and far < end:
                at, gap = _word_end(text, start, near) or _word_end(text, start, far), WORD_PAUSE
                if not at:
                    at, gap = _character_end(text, start, far), 0.0
            at = at or end
        if at > limit:
            at, gap = _clause_end(text, start, limit, end), CLAUSE_PAUSE
            if not at:
                at, gap = _word_end(text, start, limit), WORD_PAUSE
            if not at:
                at, gap = _character_end(text, start, limit), 0.0
        if at >= end:
            yield Piece(start, end, pause)
            return
        piece_start, piece_end = _strip(text, start, at)
        yield Piece(piece_start, piece_end, gap, joins=True)
        start, _ = _strip(text, at, end)
        first = False


def _clause_end(text: str, start: int, limit: int, end: int) -> int:
    """End of the last clause that ends by `limit` and leaves no crumb on either side; 0 where there is none."""
    best = 0
    for found in _CLAUSE.finditer(text, start, limit):
        heavy_enough = _reach(text, start, found.end(), SHORTEST_CLAUSE) < found.end()
        if heavy_enough and _reach(text, found.end(), end, SHORTEST_CLAUSE) < end:
            best = found.end()
    return best


def _word_end(text: str, start: int, limit: int) -> int:
    at = limit
    while at > start and not text[at].isspace():
        at -= 1
    return at if at > start else 0


def _character_end(text: str, start: int, limit: int) -> int:
    """A place to cut where there is no space: not before a mark, nor inside a joined emoji or a pair of flags."""
    at = limit
    while at > start + 1 and (
        unicodedata.category(text[at]) in ("Mn", "Mc", "Me", "Cf", "Sk")
        or text[at - 1] == "\u200d"
        or "\U0001f1e6" <= text[at] <= "\U0001f1ff"
    ):
        at -= 1
    return at if at > start + 1 else max(limit, start + 1)
