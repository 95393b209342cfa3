"""What is seen of a lid: its skin, without the lashes that stand before it while the eye is open."""

import cv2
import numpy as np

from lipsync_core.models.rig.eyelids import LASH, Eyelid
from lipsync_core.models.rig.pose import Pose

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
