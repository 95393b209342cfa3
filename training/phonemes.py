"""What the mouth does for each phoneme, and how neighbours colour each other.

Targets are blended with dominance functions, after Cohen and Massaro, "Modeling coarticulation in synthetic visual
speech" (1993): each phoneme pulls the mouth towards its own shape with a force that decays away from it, slower for
the shape of the lips than for the jaw.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND
from lipsync_core.speech.speech import Phoneme

# IPA symbol -> (open, width, pucker): open 0..1 of a wide vowel, width -1..1 narrow to spread, pucker 0..1. Phonetics
# gave the order; where GRID's speaker 1 says the sound, his lips' mean at it moved the number half of the way.
_VOWELS = {
    "a": (0.95, 0.15, 0.0), "ä": (0.95, 0.15, 0.0), "ɑ": (0.95, -0.1, 0.05), "ɒ": (0.75, -0.45, 0.4),
    "æ": (0.78, 0.35, 0.0), "ʌ": (0.62, -0.1, 0.0), "ɐ": (0.45, -0.1, 0.0), "ə": (0.34, -0.12, 0.03),
    "ɜ": (0.48, -0.5, 0.3), "ɚ": (0.33, -0.5, 0.3), "ɝ": (0.35, -0.5, 0.3), "ɘ": (0.38, 0.0, 0.0),
    "e": (0.75, 0.6, 0.0), "ɛ": (0.6, 0.2, 0.0), "i": (0.48, 0.5, 0.0), "ɪ": (0.5, 0.35, 0.0), "ɨ": (0.4, 0.25, 0.0),
    "o": (0.6, -0.65, 0.7), "ɔ": (0.68, -0.75, 0.6), "u": (0.32, -0.85, 1.0), "ʊ": (0.42, -0.55, 0.65),
    "ʉ": (0.32, -0.7, 0.9), "y": (0.3, -0.7, 1.0), "ʏ": (0.35, -0.55, 0.8), "ø": (0.42, -0.6, 0.8),
    "œ": (0.52, -0.5, 0.65), "ɵ": (0.4, -0.5, 0.6), "ɯ": (0.32, 0.15, 0.05), "ɤ": (0.45, -0.05, 0.1),
    "ᵻ": (0.36, 0.1, 0.0),
}  # fmt: skip
# the same, and how firmly a consonant holds its shape
_CONSONANTS = {
    "B": (0.0, -0.1, 0.1, 1.6), "F": (0.12, -0.05, 0.0, 1.3), "W": (0.2, -1.0, 1.0, 1.1), "S": (0.32, -0.35, 0.6, 1.0),
    "R": (0.33, -0.5, 0.45, 0.7), "Z": (0.32, 0.15, 0.0, 0.9), "T": (0.3, 0.05, 0.0, 0.6), "L": (0.42, -0.2, 0.0, 0.5),
    "H": (0.28, 0.0, 0.0, 0.7), "K": (0.27, 0.0, 0.0, 0.35), "X": (0.45, 0.0, 0.0, 0.1), "J": (0.4, 0.35, 0.0, 0.5),
}  # fmt: skip
_CLASS = {
    symbol: group
    for group, symbols in {
        "B": "pbmɓʙ", "F": "fvʋɱ", "W": "wʍɥβɸ", "S": "ʃʒɕʑʂʐ", "R": "ɹɻʁ", "Z": "sz", "T": "tdnɾrʈɖɳɗɽ", "L": "lɫɭɬ",
        "H": "θð", "K": "kɡgŋxɣqɢɴχ", "X": "hɦʔħʕ", "J": "jɲʎcɟç",
    }.items()
    for symbol in symbols
}  # fmt: skip
_ALIKE = ("aäɑɐ", "ɒɔ", "æ", "ʌəɜɚɝ", "eɛ", "iɪ", "oʊɵ", "uʉy")  # vowels, by the shape of the lips
CLASSES = (*_CONSONANTS, *_ALIKE)
REST = (0.0, 0.0, 0.0)  # the closed, relaxed mouth
_REACH = np.array([0.040, 0.065, 0.065])  # s over which dominance falls to 1/e: open, width, pucker
_OPENS_BEFORE = 0.10  # s before the first sound in which a real mouth already moves
_LINGERS = 0.06  # s after the last sound


def _shape(symbol: str) -> list[tuple[tuple[float, float, float], float, str]]:
    """IPA of one phoneme -> its parts (an affricate has two): shape, force, class ('V' for a vowel)."""
    parts: list[tuple[tuple[float, float, float], float, str]] = []
    for letter in symbol:
        if letter in _VOWELS:
            parts.append((_VOWELS[letter], 0.9, "V"))
        elif letter in _CLASS:
            opening, width, pucker, force = _CONSONANTS[_CLASS[letter]]
            parts.append(((opening, width, pucker), force, _CLASS[letter]))
    return parts


# Start and end in seconds, the shape of the mouth, how strongly it is held, and the class of the sound.
Segment = tuple[float, float, tuple[float, float, float], float, str]


def _segments(phonemes: Sequence[Phoneme]) -> list[Segment]:
    found = []
    for phoneme in phonemes:
        parts = _shape(phoneme.symbol)
        step = (phoneme.end - phoneme.start) / max(1, len(parts))
        if step <= 0:
            continue
        for i, (shape, force, kind) in enumerate(parts):
            found.append((phoneme.start + i * step, phoneme.start + (i + 1) * step, shape, force, kind))
    return found


def track(phonemes: Sequence[Phoneme], columns: int) -> np.ndarray:
    """Phonemes in seconds -> (5, columns) float32: open, width, pucker, press, tuck at each mel column."""
    t = np.arange(columns) / COLUMNS_PER_SECOND
    spoken = _segments(phonemes)
    pulled, force_sum = np.zeros((3, columns)), np.full((3, columns), 1e-6)
    press, tuck = np.zeros(columns), np.zeros(columns)
    pauses = _pauses(spoken, columns / COLUMNS_PER_SECOND)
    for start, end, shape, force, kind in spoken + pauses:
        middle, half = (start + end) / 2, (end - start) / 2
        away = np.maximum(0, np.abs(t - middle) - 0.5 * half)
        dominance = force * np.exp(-away[None] / _REACH[:, None])
        if kind in "BF":  # a seal is not bent by its neighbours
            dominance[0] = np.where(np.abs(t - middle) < 0.8 * half, 8 * force, dominance[0])
        pulled += dominance * np.array(shape)[:, None]
        force_sum += dominance
        if kind == "B":
            press = np.maximum(press, pulse(t, start, end))
        elif kind == "F":
            tuck = np.maximum(tuck, pulse(t, start, end))
    opening, width, pucker = pulled / force_sum
    return np.stack([opening * (1 - press), width, pucker, press, tuck]).astype(np.float32)


def classes(phonemes: Sequence[Phoneme]) -> Iterator[tuple[float, float, str]]:
    """Start and end in seconds, and which of CLASSES it is, of every sound that belongs to one."""
    for phoneme in phonemes:
        known = [letter for letter in phoneme.symbol if letter in _VOWELS or letter in _CLASS]
        step = (phoneme.end - phoneme.start) / max(1, len(known))
        for i, letter in enumerate(known):
            group = _CLASS.get(letter) or next((alike for alike in _ALIKE if letter in alike), None)
            if group:
                yield phoneme.start + i * step, phoneme.start + (i + 1) * step, group


def _pauses(spoken: list[Segment], duration: float) -> list[Segment]:
    """The stretches in which nothing is said, less the time in which a mouth gets ready."""
    edges = [0.0] + [x for s in spoken for x in s[:2]] + [duration]
    found = []
    for i in range(0, len(edges), 2):
        start = edges[i] + (_LINGERS if i else 0.0)
        end = edges[i + 1] - (_OPENS_BEFORE if i + 2 < len(edges) else 0.0)
        if end - start > 0.02:
            found.append((start, end, REST, 2.0, "-"))
    return found


def pulse(t: np.ndarray, start: float, end: float, ramp: float = 0.03) -> np.ndarray:
    """1 from start to end, with slopes of `ramp` s outside."""
    return np.clip(1 - np.maximum(start - t, t - end) / ramp, 0, 1)
