"""A piece of speech: sound with the times of its phonemes and words."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Phoneme:
    """One IPA symbol (with its modifiers), `start` and `end` in seconds from the start of its Speech."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Word:
    """One word as written, `start` and `end` in seconds from the start of its Speech."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    """One sentence, one clause, or one block of a recording.

    samples: (n,) float32, mono, -1..1. A spoken sentence ends in its own pause.
    sample_rate: samples a second.
    text: what is said; empty for a recording.
    span: start and end of `text` in the text that was given, in characters.
    phonemes, words: in order of time, within the samples; empty for a recording.
    joined: True where the next Speech goes on without a pause (a recording cut into blocks), so that
        whoever needs sound beyond the end of this block must wait for the next one.
    """

    samples: np.ndarray
    sample_rate: int
    text: str = ""
    span: tuple[int, int] = (0, 0)
    phonemes: tuple[Phoneme, ...] = field(default=(), repr=False)
    words: tuple[Word, ...] = field(default=(), repr=False)
    voice: str = ""
    joined: bool = False

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate
