"""How a photo moves when its head sways and its chest breathes: smooth fields over the whole picture."""

import cv2
import numpy as np

from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.rig.idle import SWAYS
from lipsync_core.models.rig.neutral import Neutral
from lipsync_core.models.rig.pose import Pose

HEAD = (1.15, 1.65)  # face units: half axes of the ellipse that moves as one, about HEAD_MIDDLE
HEAD_MIDDLE = np.array([0.0, -0.60])
HEAD_FADE = 1.1  # of the ellipse, how far the motion reaches beyond it
FACE = (0.95, 1.35)  # half axes of the part that stands out of the picture, about FACE_MIDDLE
FACE_MIDDLE = np.array([0.0, -0.30])
PIVOT = np.array([0.0, 1.9])  # where a head tilts
CHEST = (0.35, 1.30)  # face units below the chin: where breathing begins, and where it is all there
HEAD_BREATH = 0.4  # how far the head follows the chest
STEP = 8  # pixels between the points at which a picture's sway is computed
BORDER = 0.08  # of the picture's shorter side: nothing moves at its left, right and upper edge


def sway_fields(pixels: np.ndarray, size: tuple[int, int], pose: Pose, neutral: Neutral) -> np.ndarray:
    """Displacement in pixels for one unit of each of the SWAYS.

    pixels: (h, w, 2) where. size: height and width of the picture. Returns (6, h, w, 2) float32.
    """
    points = pose.to_face(pixels)
    beyond = np.hypot(*np.moveaxis((points - HEAD_MIDDLE) / HEAD, -1, 0)) - 1
    head = 1 - smoothstep(beyond / HEAD_FADE)
    bulge = np.clip(1 - (((points - FACE_MIDDLE) / FACE) ** 2).sum(-1), 0, 1) ** 2
    chest = smoothstep((points[..., 1] - neutral.rest[152, 1] - CHEST[0]) / (CHEST[1] - CHEST[0]))
    arm = points - PIVOT
    zero = np.zeros_like(head)
    fields = {
        "x": (head, zero),
        "y": (zero, head),
        "roll": (-arm[..., 1] * head, arm[..., 0] * head),
        "yaw": (bulge, zero),
        "pitch": (zero, bulge),
        "breath": (zero, -np.maximum(chest, HEAD_BREATH * head)),
    }
    height, width = size
    border = BORDER * min(height, width)
    edge = np.minimum.reduce([pixels[..., 0], width - 1 - pixels[..., 0], pixels[..., 1]])
    still = smoothstep(edge / border)
    moved = np.stack([np.stack(fields[name], -1) for name in SWAYS]) * still[..., None]
    result: np.ndarray = (moved @ pose.matrix.T).astype(np.float32)
    return result


class SwayMap:
    """The sway of one photo. size: its height and width."""

    def __init__(self, size: tuple[int, int], pose: Pose, neutral: Neutral) -> None:
        # Each point stands in the middle of STEP x STEP pixels, which is where cv2.resize takes it to be; a point more
        # on each side keeps its interpolation away from the picture's edge.
        rows, columns = (np.arange(-1, -(-side // STEP) + 1) * STEP + (STEP - 1) / 2 for side in size)
        self._size = size
        self._points = np.stack(np.meshgrid(columns, rows), -1).astype(np.float32)
        self._fields = sway_fields(self._points.astype(np.float64), size, pose, neutral)

    def seen(self, amounts: np.ndarray) -> np.ndarray:
        """(6,) float32, the SWAYS -> (H, W, 2) float32: which pixel of the photo is seen at each pixel."""
        coarse = self._points - np.tensordot(amounts, self._fields, 1)
        fine = cv2.resize(coarse, None, fx=STEP, fy=STEP, interpolation=cv2.INTER_LINEAR)
        return fine[STEP : STEP + self._size[0], STEP : STEP + self._size[1]]
