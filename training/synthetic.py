"""Synthetic speech: every voice gives the times of its phonemes, and these give the mouth."""

import random
from collections.abc import Iterator

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND, RATE
from lipsync_core.speech import Phoneme
from training.clip import Clip
from training.coarticulation import Lips
from training.sentences import sentences
from training.voices import PIPER, TIMBRES, choose, neural, say

LOWEST, HIGHEST = 0.75, 1.35  # speed


def spoken(
    count: int, seed: int, engine: str | None = None, timbres: tuple[str, ...] = TIMBRES
) -> Iterator[tuple[np.ndarray, tuple[Phoneme, ...]]]:
    """`count` utterances of talk: (n,) float32 at 16 kHz and their phonemes."""
    rng = random.Random(seed)  # noqa: S311
    told = 0
    for language, text in sentences(seed):
        if told == count:
            return
        if engine == PIPER and language not in neural():
            continue
        told += 1
        yield say(text, language, choose(language, rng, engine, timbres), rng.uniform(LOWEST, HIGHEST))


def clips(count: int, seed: int, lips: Lips) -> Iterator[Clip]:
    """`count` utterances as (open, width, pucker, press, tuck)."""
    for i, (samples, found) in enumerate(spoken(count, seed)):
        columns = 1 + len(samples) * COLUMNS_PER_SECOND // RATE
        yield Clip(f"synthetic {i}", samples, lips.track(found, columns))
