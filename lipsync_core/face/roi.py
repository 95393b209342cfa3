"""A square of a picture, turned by any angle: what the face networks look at."""

from dataclasses import dataclass
from math import ceil, cos, floor, hypot, sin

import numpy as np


@dataclass(frozen=True)
class Roi:
    """Centre and side in pixels of the picture ((0, 0) is the centre of its first pixel), angle in radians.

    A positive angle turns the square clockwise, as seen.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def crop(self, image: np.ndarray, pixels: int, replicate: bool = False) -> np.ndarray:
        """The square as (pixels, pixels, 3) uint8; what lies outside the picture is black or its border repeated."""
        import cv2  # here for the same reason as in network.py

        scale = self.side / pixels
        left, top, right, bottom = self._bounds(image)
        if left >= right or top >= bottom:
            return np.zeros((pixels, pixels, 3), np.uint8)
        part = image[top:bottom, left:right]
        # Sampling alone would alias large faces, and what the network sees would flicker: first whole blocks of pixels
        # become one, which is the reduction by area that OpenCV is quick at.
        block = min(floor(scale), right - left, bottom - top)
        factor = 1.0
        if block > 1:
            part = part[: (bottom - top) // block * block, : (right - left) // block * block]
            factor = 1 / block
            part = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        # From a sample of the crop to a pixel of the (reduced) part.
        turn = self._turn()
        offset = np.array([self.x, self.y]) + turn @ np.full(2, 0.5 * scale - self.side / 2)
        matrix = np.concatenate([turn * scale, (offset - (left, top))[:, None]], axis=1)
        matrix *= factor
        matrix[:, 2] += 0.5 * factor - 0.5
        border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(part, matrix, (pixels, pixels), flags=flags, borderMode=border)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) points of the square, 0..1 from its upper left to its lower right edge, in pixels of the picture."""
        pixels: np.ndarray = (points - 0.5) * self.side @ self._turn().T + (self.x, self.y)
        return pixels

    def _turn(self) -> np.ndarray:
        return np.array([[cos(self.angle), -sin(self.angle)], [sin(self.angle), cos(self.angle)]])

    def _bounds(self, image: np.ndarray) -> tuple[int, int, int, int]:
        height, width = image.shape[:2]
        reach = (
            self.side / 2 * (abs(cos(self.angle)) + abs(sin(self.angle))) + self.side / 64 + 2
        )  # and what is blended in
        left, right = max(0, floor(self.x - reach)), min(width, ceil(self.x + reach) + 1)
        top, bottom = max(0, floor(self.y - reach)), min(height, ceil(self.y + reach) + 1)
        return left, top, right, bottom


def around(points: np.ndarray, start: np.ndarray, end: np.ndarray, margin: float) -> Roi:
    """The square that holds (n, 2) points, its x axis along `start` to `end`, made `margin` times as large."""
    axis = (end - start) / max(hypot(*(end - start)), 1e-6)
    frame = np.array([axis, (-axis[1], axis[0])])
    inside = points @ frame.T
    low, high = inside.min(axis=0), inside.max(axis=0)
    x, y = frame.T @ ((low + high) / 2)
    return Roi(float(x), float(y), float((high - low).max()) * margin, float(np.arctan2(axis[1], axis[0])))
