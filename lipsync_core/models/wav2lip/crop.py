"""The part of a picture that the network sees, and the part of it that is shown."""

from math import ceil, floor

import cv2
import numpy as np
import torch

from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.wav2lip.architecture import SIDE
from lipsync_core.models.wav2lip.window import Window

FOREHEAD, CHIN = 10, 152  # FaceMesh landmarks
BROWS = (105, 334)  # their upper edges
# From ear to ear: down the jaw, and back over the cheeks and below the nose.
JAW = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
CHEEKS = (425, 327, 2, 98, 205)
LIPS = (61, 291, 0, 17)
JAW_REACH = (1.05, 1.15)  # times as far from the lips as the jaw, across and down: room for a chin that drops
FEATHER = 0.1  # of the box's height, over which the drawn mouth fades into the picture

Pads = tuple[int, int, int, int]


def find_box(landmarks: np.ndarray, size: tuple[int, int], pads: Pads) -> Window:
    """The box in a picture of a size (height, width) that the official script's face detector (S3FD) would give.

    That is from the middle of the forehead to the chin and from cheek to cheek, upright however the head is tilted.
    landmarks: (468, 3) pixels. pads: pixels that are added at the top, the bottom, the left and the right.
    """
    x, y = landmarks[:, 0], landmarks[:, 1]
    top = (float(y[FOREHEAD]) + float(y[list(BROWS)].mean())) / 2
    height, width = size
    return Window(
        max(0, min(height - 2, floor(top) - pads[0])),
        min(height, max(2, ceil(float(y.max())) + pads[1])),
        max(0, min(width - 2, floor(float(x.min())) - pads[2])),
        min(width, max(2, ceil(float(x.max())) + pads[3])),
    )


def see(image: np.ndarray, box: Window) -> np.ndarray:
    """(H, W, 3) uint8 -> (96, 96, 3) uint8: what is in the box."""
    part = image[box.part]
    smaller = min(part.shape[:2]) >= SIDE
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))


def to_network(face: np.ndarray) -> torch.Tensor:
    """(96, 96, 3) uint8 RGB -> (1, 6, 96, 96) float32: the face without its lower half, and all of it; BGR, 0..1."""
    whole = torch.from_numpy(np.ascontiguousarray(face[..., ::-1])).permute(2, 0, 1)[None].float() / 255
    upper = whole.clone()
    upper[:, :, SIDE // 2 :] = 0
    return torch.cat([upper, whole], 1)


def lower_face(landmarks: np.ndarray) -> np.ndarray:
    """(468, 3) pixels -> (k, 2): a polygon around all that speech moves, the nose and what is above it left out."""
    jaw, cheeks = landmarks[list(JAW), :2].astype(np.float64), landmarks[list(CHEEKS), :2].astype(np.float64)
    middle = landmarks[list(LIPS), :2].mean(0)
    return np.concatenate([middle + (jaw - middle) * JAW_REACH, cheeks])


def find_area(polygon: np.ndarray, box: Window) -> Window:
    """The pixels of the picture that may change: those around the polygon inside the box; at least one."""
    left, top = np.floor(polygon.min(0)).astype(int)
    right, bottom = np.ceil(polygon.max(0)).astype(int) + 1
    top, left = int(np.clip(top, box.top, box.bottom - 1)), int(np.clip(left, box.left, box.right - 1))
    return Window(
        top, int(np.clip(bottom, top + 1, box.bottom)), left, int(np.clip(right, left + 1, box.right))
    )  # fmt: skip


def find_wanted(area: Window, box: Window) -> Window:
    """The part of the network's 96 x 96 pixels that cubic interpolation reads to fill an area of the box."""

    def span(first: int, last: int, start: int, length: int) -> tuple[int, int]:
        low, high = ((place - start + 0.5) * SIDE / length - 0.5 for place in (first, last - 1))
        return max(0, floor(low) - 1), min(SIDE, floor(high) + 3)

    height, width = box.size
    return Window(*span(area.top, area.bottom, box.top, height), *span(area.left, area.right, box.left, width))


def find_mask(polygon: np.ndarray, area: Window, feather: float) -> np.ndarray:
    """(h, w, 1) float32 over the area: 1 inside the polygon, falling smoothly to 0 at its edge."""
    height, width = area.size
    filled = np.zeros((height + 2, width + 2), np.uint8)  # the area's own edge fades too
    points = np.round((polygon - (area.left - 1, area.top - 1)) * 16).astype(np.int32)
    cv2.fillPoly(filled, [points], 1, shift=4)
    filled[[0, -1]] = 0
    filled[:, [0, -1]] = 0
    distance = cv2.distanceTransform(filled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.asarray(smoothstep((distance - 0.5) / max(feather, 1.0)), np.float32)[..., None]
