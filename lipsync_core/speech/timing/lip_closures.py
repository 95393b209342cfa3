"""When lips must touch: a voice tells its phonemes, and a viewer sees at once an m with an open mouth."""

from collections import deque
from collections.abc import Iterable

import numpy as np

from lipsync_core.speech.speech import Phoneme

SEALED = frozenset("pbmɓʙɸ")  # both lips
TUCKED = frozenset("fvɱⱱ")  # lower lip and upper teeth
BURST = 0.75  # of a plosive, how much passes before its lips part
PLOSIVES = frozenset("pbɓ")
APPROACH = 0.045  # seconds that lips take to meet, and to part


class LipClosures:
    """Phonemes in, in order of time; how closed the lips are around a moment out."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, float, float]] = deque()  # 0 sealed or 1 tucked, first and last second

    def add(self, phonemes: Iterable[Phoneme], start: float) -> None:
        """Take the phonemes of a Speech that begins at `start` seconds."""
        for phoneme in phonemes:
            letter = next((letter for letter in phoneme.symbol if letter.isalpha()), "")
            if letter in SEALED or letter in TUCKED:
                share = BURST if letter in PLOSIVES else 1.0
                end = phoneme.start + share * (phoneme.end - phoneme.start)
                self._held.append((int(letter in TUCKED), start + phoneme.start, start + end))

    def during(self, first: float, last: float) -> np.ndarray:
        """(2,) float32, 0 to 1: how surely the lips are sealed, and the lower lip is at the teeth, in some moment.

        A contact that is shorter still closes the moment that it falls into. Ask in order of time, since contacts that
        are long past are let go.
        """
        while self._held and self._held[0][2] < first - 1:
            self._held.popleft()
        result = np.zeros(2, np.float32)
        for kind, start, end in self._held:
            away = max(0.0, start - last, first - end)
            result[kind] = max(result[kind], 0.5 + 0.5 * np.cos(np.pi * min(1.0, away / APPROACH)))
        return result
