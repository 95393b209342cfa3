"""How loud and of what colour the speech of a take is, so that microphone, room and voice can be taken out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_core.audio.mel import BANDS, COLUMNS_PER_SECOND

BIN = 0.1  # mel units; columns are counted by their mean over the bands, from -4 to 4
BINS = 80
QUIETEST = -3.4  # columns quieter than this on average are no speech, however loud the rest is
DROP = 2.0  # speaking columns lie at most this far below the loud ones: 25 dB
LOUD = 0.95  # quantile of the columns that counts as loud
MEMORY = 60 * COLUMNS_PER_SECOND  # columns after which older sound weighs half as much as new
PRIOR_COLUMNS = 24.0  # how many columns the typical voice weighs: a first word alone is not yet a mean
# Mean of each tenth band over much speech, minus the mean of all bands: what a typical voice sounds like.
PRIOR_TILT = np.interp(
    np.arange(BANDS), np.linspace(0, BANDS - 1, 9), [0.5, 0.3, -0.3, -0.25, 0.05, 0.2, 0.15, -0.1, -0.35]
).astype(np.float32)
PRIOR_MEAN = -1.5
PRIOR_SCALE = 1.05


@dataclass(frozen=True)
class Level:
    """Mean of each mel band over the speaking columns, float32, and their standard deviation about it.

    means: (80,), or (n, 80) where each of n frames has its own. scale: a number, or (n,) float32.
    """

    means: np.ndarray
    scale: float | np.ndarray

    @classmethod
    def of_frames(cls, levels: "Sequence[Level]") -> "Level":
        """One for each of n frames."""
        if all(level is levels[0] for level in levels):
            return levels[0] if levels else cls(np.zeros((0, BANDS), np.float32), np.zeros(0, np.float32))
        return cls(np.stack([level.means for level in levels]), np.array([level.scale for level in levels], np.float32))

    def part(self, which: slice | np.ndarray) -> "Level":
        """That of some of the frames."""
        return self if self.means.ndim == 1 else Level(self.means[which], np.asarray(self.scale)[which])


class LevelMeter:
    """Collects the speaking columns of a take as its pieces arrive, in constant memory."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS)
        self._sums = np.zeros((BINS, BANDS))
        self._squares = np.zeros(BINS)

    def update(self, mel: np.ndarray) -> Level:
        """(80, T) raw mel, -4..4 -> the Level of this piece together with what came before it."""
        if mel.shape[1]:
            self._forget(mel.shape[1])
            columns = mel.T.astype(np.float64)
            bins = np.clip(((columns.mean(1) + 4) / BIN).astype(int), 0, BINS - 1)
            self._counts += np.bincount(bins, minlength=BINS)
            self._squares += np.bincount(bins, (columns**2).sum(1), minlength=BINS)
            np.add.at(self._sums, bins, columns)
        return self._level()

    def _forget(self, columns: int) -> None:
        kept = 0.5 ** (columns / MEMORY)
        self._counts *= kept
        self._sums *= kept
        self._squares *= kept

    def _level(self) -> Level:
        first = int(np.ceil((QUIETEST + 4) / BIN))
        counts = self._counts.copy()
        counts[:first] = 0
        total = counts.sum()
        if total > 0:
            loud = int(np.searchsorted(np.cumsum(counts), LOUD * total))
            counts[: max(0, loud - round(DROP / BIN))] = 0
        speaking = counts > 0
        count = counts.sum()
        sums = self._sums[speaking].sum(0)
        mean = sums.sum() / (count * BANDS) if count > 0 else PRIOR_MEAN
        means = (sums + PRIOR_COLUMNS * (mean + PRIOR_TILT)) / (count + PRIOR_COLUMNS)
        squares = self._squares[speaking].sum()
        spread = max(0.0, squares / BANDS - 2 * (means @ sums) / BANDS + count * (means @ means) / BANDS)
        variance = (spread + PRIOR_COLUMNS * PRIOR_SCALE**2) / (count + PRIOR_COLUMNS)
        return Level(means.astype(np.float32), float(np.sqrt(variance)))
