"""Moving a part of a picture by a lattice of points."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.models.rig import basis
from lipsync_core.models.rig.basis import Layer
from lipsync_core.models.rig.motion import HIGHEST, LOWEST
from lipsync_core.models.rig.neutral import Neutral, Pose

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


# Half-pel interpolation of ITU-T H.264, 8.4.2.2.1: sharp, and short enough not to ring visibly.
HALF_PEL = (1 / 32, -5 / 32, 20 / 32, 20 / 32, -5 / 32, 1 / 32)


class Texture:
    """(H, W, 3) uint8 RGB as a tensor.

    doubled: put a sharp interpolated pixel between any two. A picture that moves by parts of a pixel would otherwise
    be sharp in one frame and soft in the next, which shimmers.
    """

    def __init__(self, image: np.ndarray, device: torch.device, doubled: bool = False) -> None:
        self.size = (image.shape[0], image.shape[1])
        planes = torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float()
        self._planes = _double(_double(planes).transpose(2, 3)).transpose(2, 3).contiguous() if doubled else planes

    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8 RGB: the pixels, and where it is doubled, those between them."""
        return (self._planes[0] + 0.5).to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def sample(self, points: torch.Tensor) -> torch.Tensor:
        """(n, 2, h, w) x and y in pixels, (0, 0) the centre of the first -> (n, 3, h, w) colours 0..255."""
        height, width = self.size
        count, _, rows, columns = points.shape
        scale = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=points.device)
        grid = (points * scale[:, None, None] - 1).permute(0, 2, 3, 1)
        # One tall grid instead of a batch, because grid_sample copies a picture that is expanded to a batch.
        seen = F.grid_sample(
            self._planes, grid.reshape(1, count * rows, columns, 2), padding_mode="border", align_corners=True
        )
        return seen.reshape(3, count, rows, columns).transpose(0, 1)


def _double(planes: torch.Tensor) -> torch.Tensor:
    """(1, 3, h, w) -> (1, 3, 2 h - 1, w): the rows, and between each two a new one."""
    channels, height, width = planes.shape[1:]
    padded = F.pad(planes, (0, 0, 2, 2), mode="replicate")
    between = sum(weight * padded[:, :, k : k + height - 1] for k, weight in enumerate(HALF_PEL))
    result = torch.empty(1, channels, 2 * height - 1, width, device=planes.device)
    result[:, :, ::2] = planes
    result[:, :, 1::2] = torch.as_tensor(between).clamp(0, 255)
    return result


STILL = 0.0015  # face units: motion below this is not drawn
SLACK = 0.02  # face units around the cut


def cut_field(neutral: Neutral) -> np.ndarray:
    """(2, rows, columns) float32 on the basis grid: signed distance below the lip line, and the cut's half softness."""
    grid = basis.grid_points()
    x, y = grid[..., 0], grid[..., 1]
    line = neutral.line
    seam = np.interp(x, line[:, 0], line[:, 1])
    beyond = np.maximum(0, np.maximum(neutral.left[0] - x, x - neutral.right[0]))
    feather = np.minimum(MOST_FEATHER, FEATHER + FEATHER_GROWTH * beyond)
    return np.stack([y - seam, feather]).astype(np.float32)


def _sample(field: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """(n, c, rows, columns) on the basis grid at (n, 2, h, w) face coordinates -> (n, c, h, w)."""
    x = (points[:, 0] - basis.LEFT) * (2 / (basis.RIGHT - basis.LEFT)) - 1
    y = (points[:, 1] - basis.TOP) * (2 / (basis.BOTTOM - basis.TOP)) - 1
    return F.grid_sample(field, torch.stack([x, y], -1), padding_mode="border", align_corners=True)


class LayerWarp:
    """One side of the slit, ready to be inverted for any motion."""

    def __init__(self, layer: Layer, cut: np.ndarray, device: torch.device) -> None:
        self.motion = (
            torch.from_numpy(layer.motion).permute(0, 3, 1, 2).contiguous().to(device)
        )  # (k, 2, rows, columns)
        self.spread = torch.from_numpy(layer.spread).to(device)
        self.ids = list(layer.ids)
        self.cut = torch.from_numpy(cut)[None].to(device)

    def source_field(self, offsets: np.ndarray) -> torch.Tensor:
        """(468, 2) picture's landmarks minus those at rest, face units -> (2, rows, columns) on the basis grid."""
        x, y = torch.from_numpy(offsets[self.ids].T.astype(np.float32)).to(self.spread)
        # Two products with a vector are eight times as fast as one with a matrix of two columns.
        return torch.stack([self.spread.mv(x), self.spread.mv(y)]).reshape(2, *basis.GRID)

    def trace(
        self, points: torch.Tensor, motion: torch.Tensor, source: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Where in the picture this layer's output points come from.

        points: (n, 2, h, w) output points, face coordinates. motion: (n, channels). source: (n, 2, rows, columns) from
        source_field. Returns (n, 2, h, w) face coordinates in the picture, and (n, 2, h, w): signed distance below the
        lip line and half softness of the cut, at the point of the face that is seen there.
        """
        field = torch.zeros_like(self.motion[:1]).expand(len(motion), -1, -1, -1)
        for k in range(motion.shape[1]):  # one by one: the sum is the same whatever the batch
            field = field + motion[:, k, None, None, None] * self.motion[k]
        rest = self._invert(points, field)
        seen = _sample(torch.cat([source, self.cut.expand(len(motion), -1, -1, -1)], 1), rest)
        return rest + seen[:, :2], seen[:, 2:]

    def _invert(self, points: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
        """Solve x + field(x) = points by Newton's method with the field's own derivatives."""
        rows, columns = basis.GRID
        dx = torch.zeros_like(field)
        dy = torch.zeros_like(field)
        dx[..., 1:-1] = (field[..., 2:] - field[..., :-2]) * ((columns - 1) / (2 * (basis.RIGHT - basis.LEFT)))
        dy[..., 1:-1, :] = (field[..., 2:, :] - field[..., :-2, :]) * ((rows - 1) / (2 * (basis.BOTTOM - basis.TOP)))
        packed = torch.cat([field, dx, dy], 1)
        x = points - _sample(field, points)
        for _ in range(NEWTON_STEPS):
            u, v, ux, vx, uy, vy = _sample(packed, x).unbind(1)
            miss_x = x[:, 0] + u - points[:, 0]
            miss_y = x[:, 1] + v - points[:, 1]
            area = ((1 + ux) * (1 + vy) - uy * vx).clamp(min=SMALLEST_AREA)
            step = torch.stack([(1 + vy) * miss_x - uy * miss_y, (1 + ux) * miss_y - vx * miss_x], 1) / area[:, None]
            x = x - step.clamp(-0.15, 0.15)
        return x


@dataclass(frozen=True)
class Extent:
    """moving: (p, 2) points that bound all motion. upper_end, lower_start: (q, 2) the lowest points at which the upper
    layer can be seen, and the highest at which the lower one can. parting: (r, 2) points that bound the open mouth."""

    moving: np.ndarray
    upper_end: np.ndarray
    lower_start: np.ndarray
    parting: np.ndarray


def find_extent(neutral: Neutral, upper: LayerWarp, lower: LayerWarp) -> Extent:
    """The Extent of all motion within the limits of the channels."""
    limits = np.maximum(np.abs(LOWEST), HIGHEST)[:, None, None]
    grid = basis.grid_points()
    distance, softness = cut_field(neutral)
    above, below = (warp.motion.permute(0, 2, 3, 1).cpu().numpy() for warp in (upper, lower))
    reach = sum((np.abs(field) * limits[..., None]).sum(0).max(-1) for field in (above, below))

    def lowest(field: np.ndarray, where: np.ndarray) -> np.ndarray:
        sunk = grid[..., 1] + (np.clip(field[..., 1], 0, None) * limits).sum(0)
        result: np.ndarray = np.where(where, sunk, basis.TOP).max(0)
        return result

    raised = grid[..., 1] - (np.clip(-below[..., 1], 0, None) * limits).sum(0)
    x = grid[0, :, 0]
    upper_end = np.stack([x, lowest(above, distance <= softness + SLACK)], 1)
    lower_start = np.stack([x, np.where(distance >= -softness - SLACK, raised, basis.BOTTOM).min(0)], 1)
    deepest = np.stack([x, lowest(below, np.abs(distance) <= softness + SLACK)], 1)
    aside = 0.3 * neutral.half_width + 0.08
    columns = (x > neutral.left[0] - aside) & (x < neutral.right[0] + aside)
    parting = np.vstack([edge[columns] for edge in (upper_end, lower_start, deepest)])
    return Extent(grid[reach > STILL], upper_end, lower_start, parting)


NEWTON_STEPS = 3
SMALLEST_AREA = 0.15  # of the source: the basis is never squeezed further, so nothing folds over
FEATHER = 0.009  # face units: half the softness of the cut between the lips
FEATHER_GROWTH = 0.22  # how fast the cut softens beyond the corners, in face units per face unit
MOST_FEATHER = 0.08
