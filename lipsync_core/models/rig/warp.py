"""Backward warps from the linear flow basis: where in the picture each output point comes from."""

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.models.rig import basis
from lipsync_core.models.rig.basis import Layer
from lipsync_core.models.rig.neutral import Neutral

NEWTON_STEPS = 3
SMALLEST_AREA = 0.15  # of the source: the basis is never squeezed further, so nothing folds over
FEATHER = 0.009  # face units: half the softness of the cut between the lips
FEATHER_GROWTH = 0.22  # how fast the cut softens beyond the corners, in face units per face unit
MOST_FEATHER = 0.08


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
