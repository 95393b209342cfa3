"""The sheet that everything is drawn on: where each pixel lies in face units, blurs, noise and ridges.

One face unit is half the width of the face between the cheekbones; the origin lies between the eyes,
x grows to the right of the picture and y downwards.
"""

import cv2
import numpy as np

Array = np.ndarray

UNITS_ACROSS = 6.35  # face units that the picture is wide and high
EYE_LINE = 0.435  # height of the eyes in the picture, from its top


class Sheet:
    """A square picture of `size` pixels with its coordinates x and y (size, size) in face units."""

    def __init__(self, size: int, seed: int):
        self.size = size
        self.unit = size / UNITS_ACROSS  # pixels
        self.centre = np.array([0.5 * size, EYE_LINE * size], dtype=np.float32)
        column = (np.arange(size, dtype=np.float32) + 0.5 - self.centre[0]) / self.unit
        row = (np.arange(size, dtype=np.float32) + 0.5 - self.centre[1]) / self.unit
        self.x, self.y = np.meshgrid(column.astype(np.float32), row.astype(np.float32))
        self.seed = seed

    def pixels(self, points: Array) -> Array:
        """Face units (..., 2) to pixels."""
        return np.asarray(points) * self.unit + self.centre

    def box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice]:
        """Rows and columns that hold the given rectangle of face units, cut at the picture's border."""
        (left, top), (right, bottom) = self.pixels(np.array([[x0, y0], [x1, y1]])).round().astype(int)
        inside = np.clip([top, bottom, left, right], 0, self.size)
        return slice(inside[0], inside[1]), slice(inside[2], inside[3])

    def blur(self, image: Array, sigma: float) -> Array:
        """Gaussian blur with `sigma` in face units; wide ones are made on a smaller copy, which looks the same."""
        pixels = sigma * self.unit
        image = np.ascontiguousarray(image, dtype=np.float32)
        if pixels < 0.3:
            return image
        if pixels > 12:
            factor = int(pixels // 5)
            small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
            small = cv2.GaussianBlur(small, (0, 0), pixels / factor, borderType=cv2.BORDER_REPLICATE)
            return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC)
        return cv2.GaussianBlur(image, (0, 0), pixels, borderType=cv2.BORDER_REPLICATE)

    def noise(self, grain: float, salt: int, octaves: int = 3, stretch: float = 1.0) -> Array:
        """Smooth noise about 0 with standard deviation 1; `grain` is its coarsest size in face units.

        It is drawn on a lattice of face units, so that every picture size shows the same noise.
        """
        total = np.zeros_like(self.x)
        for octave in range(octaves):
            cell = grain / 2**octave
            count_x, count_y = int(UNITS_ACROSS / cell) + 5, int(UNITS_ACROSS / (cell * stretch)) + 5
            lattice = np.random.default_rng([self.seed, salt, octave]).standard_normal((count_y, count_x))
            map_x = (self.x + UNITS_ACROSS / 2) / cell + 2
            map_y = (self.y + EYE_LINE * UNITS_ACROSS) / (cell * stretch) + 2
            total += cv2.remap(lattice.astype(np.float32), map_x, map_y, cv2.INTER_CUBIC) / 2**octave
        return total / max(float(total.std()), 1e-6)

    def fill(self, border: Array) -> Array:
        """Coverage (size, size), 0 to 1, of the area inside the closed line `border` (n, 2)."""
        finer, shift = 4, 4
        image = np.zeros((self.size * finer // 2, self.size * finer // 2), np.uint8)
        at = ((self.pixels(border) * finer / 2 - 0.5) * 2**shift).round().astype(np.int32)
        cv2.fillPoly(image, [at], 255, lineType=cv2.LINE_AA, shift=shift)
        return cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255

    def ridge(self, line: Array, width: float, taper: bool = True) -> Array:
        """A soft ridge of height 1 along `line` (n, 2), Gaussian across, fading to its ends."""
        height = np.zeros_like(self.x)
        reach = 3 * width
        rows, columns = self.box(*(line.min(0) - reach), *(line.max(0) + reach))
        x, y = self.x[rows, columns], self.y[rows, columns]
        best = np.zeros_like(x)
        ends = np.sin(np.linspace(0, np.pi, len(line))) ** 0.7 if taper else np.ones(len(line))
        for (px, py), tall in zip(line, ends, strict=True):
            np.maximum(best, tall * np.exp(-0.5 * ((x - px) ** 2 + (y - py) ** 2) / width**2), out=best)
        height[rows, columns] = best
        return height
