"""How real lips pass through a string of phonemes, learned from a real speaker.

The table of training.phonemes knows every sound of every language but is a caricature; the real speaker moves as people
do but says fifty words. A ridge regression from what is said around a moment to where his lips are then joins the two.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND
from lipsync_core.speech import Phoneme
from training import phonemes, revoiced
from training.clip import Clip
from training.voices import ESPEAK

OFFSETS = (-24, -16, -12, -8, -5, -3, 0, 3, 5, 8, 12, 16, 24)  # mel columns around the moment
REACH = max(OFFSETS)
RIDGE = 1000.0  # columns that the prior, no influence at all, weighs
EVERY = 3  # columns between two examples; neighbours say the same
RAMP = 0.03  # s
SHARE = 0.6  # of the learned shape in what `shape` gives; the rest is the table's
BASE = ("open", "width", "pucker", "press", "tuck")


def _said(spoken: Sequence[Phoneme], columns: int) -> np.ndarray:
    """-> (k, columns): the table's track, and how much of each class of sounds there is."""
    t = np.arange(columns) / COLUMNS_PER_SECOND
    presence = dict.fromkeys(phonemes.CLASSES, np.zeros(columns))
    for start, end, group in phonemes.classes(spoken):
        presence[group] = np.maximum(presence[group], phonemes.pulse(t, start, end, RAMP))
    return np.concatenate([phonemes.track(spoken, columns), np.stack(list(presence.values()))])


def _around(said: np.ndarray) -> np.ndarray:
    """(k, T) -> (T, k * len(OFFSETS) + 1): what is said at each offset, and a constant."""
    padded = np.pad(said, ((0, 0), (REACH, REACH)), mode="edge")
    columns = said.shape[1]
    seen = [padded[:, REACH + offset :][:, :columns] for offset in OFFSETS]
    return np.concatenate([*seen, np.ones((1, columns))]).T


@dataclass(frozen=True)
class Lips:
    """weights: (features, 2), from `_around` to real open and width. scale, shift: (2,), the table's units in these."""

    weights: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @property
    def rest(self) -> np.ndarray:
        """(5,): the mouth that says nothing."""
        return self.track((), 2 * REACH)[:, REACH]

    def track(self, spoken: Sequence[Phoneme], columns: int) -> np.ndarray:
        """Phonemes in seconds -> (5, columns) float32 at each mel column; open and width in eye distances."""
        said = _said(spoken, columns)
        table = said[: len(BASE)].copy()
        learned = (_around(said) @ self.weights).T
        table[:2] = SHARE * learned + (1 - SHARE) * (table[:2] * self.scale[:, None] + self.shift[:, None])
        table[0] *= 1 - table[3]
        return table.astype(np.float32)


def examples(real: list[Clip], seed: int) -> Iterator[tuple[tuple[Phoneme, ...], np.ndarray]]:
    """Phonemes of each GRID sentence as a synthetic voice says it, and the real mouth carried to them."""
    for clip, spoken in revoiced.utterances(real, random.Random(seed), ESPEAK):  # noqa: S311
        yield spoken, clip.track[:2]


def learn(real: list[Clip], seed: int) -> Lips:
    """The lips of the speaker of `real` (GRID clips)."""
    seen: list[np.ndarray] = []
    lips: list[np.ndarray] = []
    table: list[np.ndarray] = []
    for spoken, track in examples(real, seed):
        said = _said(spoken, track.shape[1])
        seen.append(_around(said)[::EVERY])
        lips.append(track.T[::EVERY])
        table.append(said[:2].T[::EVERY])
    x, y, base = np.concatenate(seen), np.concatenate(lips), np.concatenate(table)
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    scale = y.std(0) / (base.std(0) + 1e-6)
    return Lips(weights, scale, y.mean(0) - scale * base.mean(0))
