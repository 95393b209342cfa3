"""How far the mouth's motion reaches, in face coordinates: what need not be computed is not."""

from dataclasses import dataclass

import numpy as np

from lipsync_core.models.rig import basis
from lipsync_core.models.rig.motion import HIGHEST, LOWEST
from lipsync_core.models.rig.neutral import Neutral
from lipsync_core.models.rig.warp import LayerWarp, cut_field

STILL = 0.0015  # face units: motion below this is not drawn
SLACK = 0.02  # face units around the cut


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
