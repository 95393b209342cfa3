"""Smooth curves and soft steps, the pencil strokes of every other file here."""

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

Array = np.ndarray


def through(points: object, count: int = 64, closed: bool = False) -> Array:
    """(count, 2) float64: a cubic spline through `points` (n, 2), spaced by chord length."""
    knots = np.asarray(points, dtype=float)
    if closed:
        knots = np.vstack([knots, knots[:1]])
    gaps = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1))  # centripetal: no loops at sharp turns
    at = np.concatenate([[0.0], np.cumsum(gaps)])
    spline = CubicSpline(at, knots, bc_type="periodic" if closed else "natural")
    return spline(np.linspace(0.0, at[-1], count))


def graph(points: object, x: Array) -> Array:
    """A smooth graph y(x) through `points` (n, 2) with growing x; level beyond its ends; never overshoots."""
    knots = np.asarray(points, dtype=float)
    return PchipInterpolator(knots[:, 0], knots[:, 1])(np.clip(x, knots[0, 0], knots[-1, 0]))


def step(low: float | Array, high: float | Array, value: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bell(x: Array, y: Array, cx: float, cy: float, sx: float, sy: float, turn: float = 0.0) -> Array:
    """A Gaussian hill of height 1 at (cx, cy); `turn` in radians."""
    dx, dy = x - cx, y - cy
    if turn:
        c, s = np.cos(turn), np.sin(turn)
        dx, dy = c * dx + s * dy, c * dy - s * dx
    return np.exp(-0.5 * ((dx / sx) ** 2 + (dy / sy) ** 2))


def mix(a: Array | float, b: Array | float, t: Array | float) -> Array:
    """a where t is 0, b where t is 1; a mask (h, w) also mixes colours (h, w, 3)."""
    if isinstance(t, np.ndarray) and t.ndim == 2 and np.ndim(b) != 2 and (np.ndim(a) != 2):
        t = t[..., None]
    return np.asarray(a) * (1.0 - t) + np.asarray(b) * t
