"""Start and end of the words of a text, from marks that an engine sets at some of its characters."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

from lipsync_core.speech.engines.base import SpokenWord
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.text.language_identification import script_of

_TOKEN = re.compile(r"\S+")
_KEPT = set("%&@#*/\\§°'’-+")  # punctuation that is spoken, or part of a word


def tokens(text: str, marks: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Start and end of each word as written, without the punctuation around it.

    Words are what stands between spaces; Chinese and Japanese, which have none, are cut at the marks.
    """
    found = []
    for match in _TOKEN.finditer(text):
        first, last = match.span()
        inside = (position for position in sorted(set(marks)) if first < position < last)
        cuts = [first, *(position for position in inside if _may_cut(text, position))]
        for start, end in zip(cuts, [*cuts[1:], last], strict=True):
            start, end = _bare(text, start, end)
            if start < end:
                found.append((start, end))
    return found


def _may_cut(text: str, position: int) -> bool:
    """Whether a word can begin there: at a character of Chinese or Japanese, or after one."""
    after_one = script_of(text[position - 1]) in ("HAN", "KANA") and text[position].isalnum()
    return after_one or script_of(text[position]) in ("HAN", "KANA")


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and _around(text[start]):
        start += 1
    while end > start and _around(text[end - 1]):
        end -= 1
    return (start, end) if any(not _around(c) and c not in "'’-" for c in text[start:end]) else (start, start)


def _around(character: str) -> bool:
    return character not in _KEPT and unicodedata.category(character)[0] in "PCZ"


def words_from_marks(
    text: str, marks: Sequence[tuple[int, float]], phonemes: Sequence[Phoneme]
) -> tuple[SpokenWord, ...]:
    """Words with their times.

    marks: (position in the text, seconds), in order of time. A word begins at its first mark and ends with the last
    phoneme before the next word's first mark; words that no mark names share the time of the word before by length.
    """
    spans = tokens(text, [position for position, _ in marks])
    if not spans or not phonemes:
        return ()
    starts = [first for first, _ in spans]
    begins: dict[int, float] = {}
    for position, time in marks:
        word = max(0, bisect_right(starts, position) - 1)
        if begins and word <= max(begins):
            continue  # a further part of the same word
        begins[word] = time
    if not begins:
        begins[0] = phonemes[0].start
    begins[0] = begins.pop(min(begins)) if 0 not in begins else begins[0]

    words: list[SpokenWord] = []
    marked = sorted(begins)
    ends = [phoneme.end for phoneme in phonemes]
    phoneme_starts = [phoneme.start for phoneme in phonemes]
    for word, following in zip(marked, [*marked[1:], len(spans)], strict=True):
        start = begins[word]
        limit = begins[following] if following < len(spans) else float("inf")
        last = bisect_right(phoneme_starts, limit - 1e-6) - 1  # the last phoneme that starts before the next word
        end = min(ends[last], limit) if last >= 0 else start
        first = bisect_right(phoneme_starts, start - 1e-6)
        if first < len(phonemes) and phoneme_starts[first] < limit:
            start = phoneme_starts[first]
        end = max(end, start)
        sizes = [spans[i][1] - spans[i][0] for i in range(word, following)]
        at = start
        for i, size in zip(range(word, following), sizes, strict=True):
            until = at + (end - start) * size / sum(sizes)
            words.append(SpokenWord(*spans[i], at, until))
            at = until
    return tuple(words)
