"""Blinks: the upper lid's skin is drawn down over the eye."""

from dataclasses import dataclass

import numpy as np

from . import topology as t
from .pose import Pose

NARROWEST = 0.035  # face units; an eye that is open less is shut already, or not seen
LASH = 0.022  # face units above the lid's edge that keep their size: the rim and the lashes
SKIN = 0.55  # of the way from the lid's edge to the brow: what is stretched
BELOW = 0.022  # face units: how far a shut lid comes below the tracked lower one, whose rim would stay white
SOFT = 0.008  # face units: half softness of the lid's edge
MARGIN = 0.10  # face units around an eye
KNOTS = 33


@dataclass(frozen=True)
class Eyelid:
    """One eye in face coordinates.

    x: (33,) from corner to corner. fixed, edge, lower: (33,) y of where the moving skin begins, of the upper lid's edge
    and of the lower lid.
    """

    x: np.ndarray
    fixed: np.ndarray
    edge: np.ndarray
    lower: np.ndarray

    def box(self) -> np.ndarray:
        """(4, 2) corners of all that a blink changes."""
        x = (self.x[0] - MARGIN, self.x[-1] + MARGIN)
        y = (self.fixed.min() - MARGIN, self.lower.max() + MARGIN)
        return np.array([(a, b) for a in x for b in y])

    def close(self, points: np.ndarray, amount: float) -> tuple[np.ndarray, np.ndarray]:
        """points: (h, w, 2) face coordinates. amount: 0 open to 1 shut.

        Returns (h, w, 2), where the lid's skin comes from, and (h, w), 1 where the lid is seen, else 0.
        """
        x, y = points[..., 0], points[..., 1]
        fixed, edge, lower = (np.interp(x, self.x, line) for line in (self.fixed, self.edge, self.lower))
        along = np.clip((x - self.x[0]) / (self.x[-1] - self.x[0]), 0, 1)
        moved = edge + (lower - edge + BELOW * np.sqrt(np.sin(np.pi * along))) * amount
        lash = np.minimum(LASH, 0.5 * (edge - fixed))
        stretch = (edge - lash - fixed) / (moved - lash - fixed)
        skin = np.where(y < moved - lash, fixed + (y - fixed) * stretch, y - (moved - edge))
        lid = np.clip((moved - y) / (2 * SOFT) + 0.5, 0, 1)
        still = (y < fixed) | (x <= self.x[0]) | (x >= self.x[-1])
        return np.stack([x, np.where(still, y, skin)], -1), np.where(still, 1.0, lid)


def find_eyelids(landmarks: np.ndarray, pose: Pose) -> list[Eyelid]:
    """(468, 3) pixels -> the eyes that are open wide enough to blink."""
    points = pose.to_face(landmarks[:, :2].astype(np.float64))
    found = []
    for upper, lower, brow in (
        (t.LEFT_EYE_UPPER, t.LEFT_EYE_LOWER, t.LEFT_BROW_LOWER),
        (t.RIGHT_EYE_UPPER, t.RIGHT_EYE_LOWER, t.RIGHT_BROW_LOWER),
    ):
        lid, below, above = (points[list(ids)] for ids in (upper, lower, brow))
        x = np.linspace(lid[0, 0], lid[-1, 0], KNOTS)
        if x[-1] - x[0] < 0.05 or (np.diff(lid[:, 0]) <= 0).any() or (np.diff(below[:, 0]) <= 0).any():
            continue  # seen from the side
        edge, low = np.interp(x, *lid.T), np.interp(x, *below.T)
        if (low - edge).max() < NARROWEST:
            continue
        order = np.argsort(above[:, 0])
        brow_line = np.minimum(np.interp(x, *above[order].T), edge - 0.04)
        found.append(Eyelid(x, edge + SKIN * (brow_line - edge), edge, np.maximum(low, edge)))
    return found
