"""The linear flow basis: how far each point of the face moves for one unit of each motion channel.

Two fields, one for everything above the slit between the lips and one for everything below; they are equal outside
the mouth, so the picture is cut between the corners and nowhere else. Displacements are given at landmarks and
spread by radial basis functions (multiquadrics: Hardy, "Multiquadric Equations of Topography", 1971).
"""

from dataclasses import dataclass

import numpy as np

from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.motion import CHANNELS
from lipsync_core.models.rig.neutral import UPPER_SHARE, Neutral

LEFT, RIGHT, TOP, BOTTOM = -1.10, 1.10, -0.80, 1.85  # face units: what the basis covers
GRID = (117, 101)  # rows and columns of the basis
SOFTNESS = 0.12  # face units: radius under which a control point's cusp is rounded
FADE = 0.22  # face units: border in which all motion runs out
CORNER_DROP = 0.30  # of an opening, how far the corners follow downwards
CHIN_DROP = 0.66  # of an opening, how far the chin follows; the rest is the lower lip's own


@dataclass(frozen=True)
class Control:
    """Landmarks that carry a layer's field, and where they are at rest."""

    ids: tuple[int, ...]
    points: np.ndarray  # (p, 2) face coordinates: the landmarks, then the still points


@dataclass(frozen=True)
class Layer:
    """One side of the slit.

    motion: (channels, rows, columns, 2) float32 displacement on the grid for one unit of each channel, face units.
    spread: (rows * columns, landmarks) float32: displacement on the grid for given displacements of `ids`.
    ids: the landmarks that `spread` takes, in order.
    """

    motion: np.ndarray
    spread: np.ndarray
    ids: tuple[int, ...]


def grid_points() -> np.ndarray:
    """(rows, columns, 2) face coordinates of the basis grid."""
    rows, columns = GRID
    y, x = np.meshgrid(np.linspace(TOP, BOTTOM, rows), np.linspace(LEFT, RIGHT, columns), indexing="ij")
    return np.stack([x, y], -1)


def _fade(points: np.ndarray) -> np.ndarray:
    """(..., 2) -> (...) 1 inside, easing to 0 at the border."""
    inside = np.minimum.reduce(
        [points[..., 0] - LEFT, RIGHT - points[..., 0], points[..., 1] - TOP, BOTTOM - points[..., 1]]
    )
    return smoothstep(inside / FADE)


_SHARED = (
    *t.CORNERS, *t.UNDER_LIP, *t.CHIN, *t.JAW_LEFT, *t.JAW_RIGHT, *t.CHEEK, *t.LOWER_CHEEK, *t.PHILTRUM, *t.NOSE,
    *t.UPPER_FACE,
)  # fmt: skip
_LIPS = {
    "upper": (*t.UPPER_INNER, *t.UPPER_MIDDLE, *t.UPPER_OUTER),
    "lower": (*t.LOWER_INNER, *t.LOWER_MIDDLE, *t.LOWER_OUTER),
}


def displacements(ids: tuple[int, ...], neutral: Neutral) -> np.ndarray:
    """(channels, landmarks, 2) face units: what one unit of each motion channel does to each landmark."""
    rest = neutral.rest[list(ids)]
    along = neutral.along(rest)
    middle = (neutral.left + neutral.right) / 2
    chin = max(0.25, float(neutral.rest[152, 1] - middle[1]))  # mouth to chin
    result = np.zeros((len(CHANNELS), len(ids), 2))
    opening, width, pucker, press, tuck = result
    within = np.clip(1 - along**2, 0, 1)
    bow = within**0.5  # the open mouth's outline is an ellipse
    arch = within**1.5
    corner = np.array([-0.06, CORNER_DROP])
    for k, i in enumerate(ids):
        side = np.sign(along[k])
        below = float(np.clip((rest[k, 1] - middle[1]) / chin, 0, 1))
        if i in t.CORNERS:
            opening[k] = [corner[0] * side, corner[1]]
            width[k] = [side * 0.5, 0]
            press[k] = [side * 0.006, 0]
            pucker[k] = [-side * 0.012, 0]
            if i in (t.LEFT_CORNER, t.RIGHT_CORNER):  # inside the slit's ends
                opening[k, 1] = CORNER_DROP
        elif i in _LIPS["upper"]:
            depth = {True: 0.0}.get(i in t.UPPER_INNER, 0.5 if i in t.UPPER_MIDDLE else 1.0)
            opening[k] = [
                corner[0] * along[k],
                CORNER_DROP + (-UPPER_SHARE - CORNER_DROP) * bow[k] * (1 - 0.15 * depth),
            ]
            width[k] = [0.5 * along[k], 0.10 * depth * within[k]]
            pucker[k] = [-0.012 * along[k], (0.012 - 0.050 * depth) * arch[k]]
            press[k] = [0, (0.012 + 0.026 * depth) * within[k]]
            tuck[k] = [0, (-0.030 - 0.004 * depth) * within[k]]
        elif i in _LIPS["lower"]:
            depth = {True: 0.0}.get(i in t.LOWER_INNER, 0.5 if i in t.LOWER_MIDDLE else 1.0)
            reach = 1 - UPPER_SHARE - 0.06 * depth
            opening[k] = [corner[0] * along[k], CORNER_DROP + (reach - CORNER_DROP) * bow[k]]
            width[k] = [0.5 * along[k], -0.12 * depth * within[k]]
            pucker[k] = [-0.012 * along[k], (-0.008 + 0.060 * depth) * arch[k]]
            press[k] = [0, (0.002 - 0.040 * depth) * within[k]]
            tuck[k] = [0, (-0.012 - 0.052 * depth) * within[k]]
        elif i in t.UNDER_LIP:
            opening[k] = [0, 0.70]
            press[k] = [0, -0.024]
            tuck[k] = [0, -0.040]
            pucker[k] = [0, 0.020]
        elif i in t.CHIN:
            opening[k] = [0, CHIN_DROP]
            press[k] = [0, -0.010]
            tuck[k] = [0, -0.016]
        elif i in t.JAW_LEFT or i in t.JAW_RIGHT:
            chain = t.JAW_LEFT if i in t.JAW_LEFT else t.JAW_RIGHT
            share = chain.index(i) / (len(chain) - 1)  # 0 at the ear, 1 near the chin: the jaw turns about the ear
            opening[k] = [0.05 * -side * share, 0.58 * share**1.3]
        elif i in t.LOWER_CHEEK:
            opening[k] = [0.06 * -side * below, 0.5 * below]
            width[k] = [side * 0.16, 0]
        elif i in t.CHEEK:
            opening[k] = [0, 0.28 * np.clip((rest[k, 1] - middle[1]) / chin + 0.35, 0, 1)]
            width[k] = [side * 0.12, -0.05 * (abs(along[k]) > 0.8)]
        elif i in t.PHILTRUM:
            opening[k] = [0, -0.5 * UPPER_SHARE]
            pucker[k] = [0, -0.016]
            press[k] = [0, 0.014]
            tuck[k] = [0, -0.014]
    return result


def _still_points(neutral: Neutral) -> np.ndarray:
    """(s, 2) points that never move: above the face and, where the neck ends, below it."""
    chin = float(neutral.rest[152, 1])
    x = np.linspace(LEFT, RIGHT, 7)
    below = np.stack([x, np.full_like(x, min(BOTTOM, chin + 1.0))], 1)
    above = np.stack([x, np.full_like(x, TOP)], 1)
    sides = np.array([[s, y] for s in (LEFT, RIGHT) for y in np.linspace(TOP, BOTTOM, 7)[1:-1]])
    return np.vstack([below, above, sides])


def _radial(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distance2 = np.add.outer((a**2).sum(1), (b**2).sum(1)) - 2 * (a @ b.T)
    radial: np.ndarray = -np.sqrt(np.maximum(distance2, 0) + SOFTNESS**2)
    return radial


def _interpolator(centres: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """(q, c): values at the centres -> values at the queries, constants reproduced, slightly smoothed."""
    n = len(centres)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = _radial(centres, centres) + 2e-3 * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    inverse = np.linalg.inv(system)  # the system is small and well conditioned, the queries are many
    result: np.ndarray = _radial(queries, centres) @ inverse[:n, :n] + inverse[n, :n]
    return result


def make_layer(side: str, neutral: Neutral) -> Layer:
    """side: "upper" or "lower"."""
    ids = tuple(dict.fromkeys((*_SHARED, *_LIPS[side])))
    centres = np.vstack([neutral.rest[list(ids)], _still_points(neutral)])
    grid = grid_points()
    spread = _interpolator(centres, grid.reshape(-1, 2))[:, : len(ids)] * _fade(grid).reshape(-1, 1)
    moved = displacements(ids, neutral)
    motion = (spread @ moved).reshape(len(CHANNELS), *GRID, 2)
    return Layer(motion.astype(np.float32), spread.astype(np.float32), ids)
