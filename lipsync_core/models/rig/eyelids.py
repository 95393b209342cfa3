"""Eyelids: where they are, and how their skin is drawn as they shut."""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.neutral import Pose

NARROWEST = 0.035  # face units; an eye that is open less is shut already, or not seen
LASH = 0.022  # face units above the lid's edge that keep their size: the rim and the roots of the lashes
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

    def lines(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y of `fixed`, `edge` and `lower` at any x."""
        fixed, edge, lower = (np.interp(x, self.x, line) for line in (self.fixed, self.edge, self.lower))
        return fixed, edge, lower

    def close(self, x: np.ndarray, y: np.ndarray, amount: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y: face coordinates of some points. amount: 0 open to 1 shut.

        Returns three arrays of the same shape: which part of the open lid is seen at each point, from corner to corner
        and from `fixed` to `edge`, both 0 to 1; and 1 where the lid is seen, else 0.
        """
        fixed, edge, lower = self.lines(x)
        along = np.clip((x - self.x[0]) / (self.x[-1] - self.x[0]), 0, 1)
        moved = edge + (lower - edge + BELOW * np.sqrt(np.sin(np.pi * along))) * amount
        lash = np.minimum(LASH, 0.5 * (edge - fixed))
        stretch = (edge - lash - fixed) / (moved - lash - fixed)
        down = np.where(y < moved - lash, (y - fixed) * stretch, y - (moved - edge) - fixed) / (edge - fixed)
        lid = np.clip((moved - y) / (2 * SOFT) + 0.5, 0, 1)
        still = (y < fixed) | (x <= self.x[0]) | (x >= self.x[-1])
        return along, np.clip(down, 0, 1), np.where(still, 0, lid)


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


LASHES = 0.09  # face units above the lid's edge where lashes may be
THICK = 0.045  # face units: what is darker than its surroundings and narrower than this is a lash, not skin
GONE = 0.3  # of a blink, by which lashes have turned away from before the skin


class LidSkin:
    """Reads one eye's lid from the photo, once; `draw` puts it over the eye.

    pixels: (2 H - 1, 2 W - 1, 3) uint8 RGB, the doubled photo.
    """

    def __init__(self, lid: Eyelid, pose: Pose, pixels: np.ndarray) -> None:
        self.lid = lid
        step = 0.5 / pose.scale  # face units: a pixel of the doubled photo
        columns = max(int((lid.x[-1] - lid.x[0]) / step), 8)
        x = np.linspace(lid.x[0], lid.x[-1], columns)
        fixed, edge, _ = lid.lines(x)
        rows = max(int((edge - fixed).max() / step), 8)
        y = fixed + (edge - fixed) * np.linspace(0, 1, rows)[:, None]
        points = pose.to_pixels(np.stack([np.broadcast_to(x, y.shape), y], -1)) * 2
        self._open = _read(pixels, points[..., 0], points[..., 1]).astype(np.float32)
        self._shut = _without_lashes(self._open, (edge - y)[..., None], max(int(THICK / step) | 1, 3))

    def draw(self, out: np.ndarray, points: np.ndarray, amount: float) -> None:
        """Draw the lid into (h, w, 3) float32 RGB. points: (h, w, 2), its pixels in face coordinates.

        amount: 0 open to 1 shut.
        """
        x, y = points[..., 0], points[..., 1]
        across, down, seen = self.lid.close(x, y, amount)
        rows, columns = self._open.shape[:2]
        strip = self._open + (self._shut - self._open) * min(amount / GONE, 1)
        skin = _read(strip, across * (columns - 1), down * (rows - 1))
        out += (skin - out) * seen[..., None]


def _read(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    at = (x.astype(np.float32), y.astype(np.float32))
    return np.asarray(cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _without_lashes(lid: np.ndarray, above: np.ndarray, wide: int) -> np.ndarray:
    """(rows, columns, 3) float32 RGB -> the same without what is dark and thin, but for the rim at the edge.

    above: (rows, columns, 1) face units above the edge. wide: odd, pixels.
    """
    skin = cv2.morphologyEx(lid, cv2.MORPH_CLOSE, np.ones((1, wide), np.uint8), borderType=cv2.BORDER_REPLICATE)
    skin = cv2.blur(skin, (wide, 3), borderType=cv2.BORDER_REPLICATE)
    near = np.clip((LASHES - above) / (0.4 * LASHES), 0, 1)
    rim = np.clip(2 - above / (0.5 * LASH), 0, 1)
    return np.asarray(lid + (skin - lid) * near * (1 - rim), np.float32)
