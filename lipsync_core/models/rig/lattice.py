"""Rectangles of output pixels whose sources are solved for on a coarse lattice and interpolated between."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.models.rig.pose import Pose

STEP = 4  # pixels between the points of the lattice


@dataclass(frozen=True)
class Box:
    """Rows top..bottom and columns left..right of the output, the latter exclusive; multiples of STEP, so a box may
    reach beyond the picture by less than STEP."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def empty(self) -> bool:
        return self.bottom <= self.top or self.right <= self.left

    def nodes(self) -> np.ndarray:
        """(rows + 1, columns + 1, 2) float64 x and y in pixels: the lattice, its last row and column beyond the box."""
        rows = np.arange(self.top, self.bottom + 1, STEP, dtype=np.float64)
        columns = np.arange(self.left, self.right + 1, STEP, dtype=np.float64)
        return np.stack(np.meshgrid(columns, rows), -1)

    def inside(self, other: "Box") -> "Box":
        """What both have in common."""
        return Box(
            max(self.top, other.top), max(self.left, other.left),
            min(self.bottom, other.bottom), min(self.right, other.right),
        )  # fmt: skip


def box_around(points: np.ndarray, pose: Pose, size: tuple[int, int]) -> Box:
    """The smallest box that holds (p, 2) face coordinates, within a picture of height and width `size`."""
    pixels = pose.to_pixels(points)
    low, high = np.floor(pixels.min(0) / STEP), np.ceil((pixels.max(0) + 1) / STEP)
    limit = np.ceil(np.array(size[::-1]) / STEP)
    low, high = (np.clip(edge, 0, limit).astype(int) * STEP for edge in (low, high))
    return Box(int(low[1]), int(low[0]), int(high[1]), int(high[0]))


def fine(values: torch.Tensor) -> torch.Tensor:
    """(n, c, rows + 1, columns + 1) on a lattice -> (n, c, rows * STEP, columns * STEP) at the pixels."""
    height, width = (values.shape[2] - 1) * STEP, (values.shape[3] - 1) * STEP
    whole = F.interpolate(values, (height + 1, width + 1), mode="bilinear", align_corners=True)
    return whole[:, :, :height, :width]
