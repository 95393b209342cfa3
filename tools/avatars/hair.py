"""Hair as sheets of strands between guide curves, as scattered short hairs, and as coils; lit as thin fibres are.

A guide is a curve (m, 3) in face units from root to tip: right, down, to the viewer. A sheet is the surface through
several guides; strands run on it, gathered into locks. The highlight is that of a fibre (Kajiya and Kay, 1989),
the shade that of the sheet's surface.
"""

import numpy as np
from scipy.interpolate import CubicSpline

from tools.avatars.curves import Array, step, through
from tools.avatars.light import encoded, linear
from tools.avatars.person import Person
from tools.avatars.strands import Brush

STEPS = 30  # points along each strand


def guide(*points: tuple[float, float, float]) -> Array:
    """A smooth guide (STEPS, 3) through the given points."""
    return through(points, STEPS)


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


class Fibres:
    """Shades hairs for one person's hair colours and light."""

    def __init__(self, colours: tuple, person: Person, shine: float = 1.0):
        self.dark, self.lit, self.bright = (linear(c) for c in colours)
        self.key = np.array(person.key) / np.linalg.norm(person.key)
        side = -1.0 if self.key[0] > 0 else 1.0
        self.behind = np.array([0.80 * side, -0.42, -0.42])
        self.rim = linear(person.rim)
        self.shine = shine

    def colour(self, points: Array, normal: Array, tone: Array, shift: Array, alpha: Array | float = 1.0) -> Array:
        """sRGB and alpha (n, m, 4) of strands: points and surface normals (n, m, 3), tone (n, m) 1 for plain light,
        shift (n, 1) of the highlight for each strand."""
        along = np.gradient(points, axis=1)
        along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        tilted = along + shift[..., None] * normal
        tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True)
        half = self.key + np.array([0.0, 0.0, 1.0])
        half /= np.linalg.norm(half)
        sine = np.sqrt(np.clip(1 - (tilted @ half) ** 2, 0, 1))
        facing = np.clip((normal @ self.key + 0.30) / 1.30, 0, 1)
        fill = np.clip((normal[..., 0] * 0.8 * -np.sign(self.key[0]) + 0.5 * normal[..., 2]), 0, 1)
        amount = (0.16 + 0.92 * facing + 0.12 * fill) * tone
        body = self.dark + (self.lit - self.dark) * np.clip(amount, 0, 1.4)[..., None]
        lustre = (0.85 * sine**90 + 0.27 * sine**18) * facing**1.3 * self.shine * np.clip(tone, 0, 1.3)
        edge = np.clip(1 - normal[..., 2], 0, 1) ** 3 * np.clip(normal @ self.behind + 0.25, 0, 1)
        glow = 0.34 * edge[..., None] * self.rim * (0.05 + self.bright) * np.clip(tone, 0, 1.2)[..., None]
        colour = body + lustre[..., None] * self.bright + glow
        out = np.empty((*points.shape[:2], 4))
        out[..., :3] = encoded(colour)
        out[..., 3] = alpha
        return out


def sheet_of(
    brush: Brush,
    fibres: Fibres,
    guides: object,
    random: np.random.Generator,
    count: int = 1500,
    locks: int = 26,
    pinch: float = 0.6,
    wander: float = 0.015,
    width: float = 0.013,
    wave: tuple[float, float] = (0.0, 3.0),
    uneven: float = 0.12,
    shade: tuple[float, ...] = (0.55, 1.0, 1.0),
    depth: float = 0.35,
    order: str = "inwards",
    ends: float = 0.25,
    ragged: float = 0.012,
) -> None:
    """Draws a sheet.

    guides: (k, STEPS, 3); count: strands; locks: groups they gather in; pinch: how strongly locks close towards their
    tips; wander: free movement of single strands; wave: amplitude and number of waves; uneven: spread of lengths;
    shade: tone at the root, after a third of the length, and at the tip; depth: contrast between the middle of a lock
    and its edges; order: "inwards" draws the last guide first, "mixed" the locks in any order; ends: part of the
    length over which tips thin out; ragged: part of the length by which roots start apart from one another.
    """
    guides = np.asarray(guides, dtype=float)
    across = CubicSpline(np.linspace(0, 1, len(guides)), guides, axis=0, bc_type="natural")
    t = np.linspace(0, 1, STEPS)
    centres = (np.arange(locks) + random.uniform(0.15, 0.85, locks)) / locks
    lock = np.minimum((random.permutation(count) * locks / count).astype(int), locks - 1)
    within = random.uniform(-1, 1, count)
    home = np.clip(centres[lock] + 0.72 * within / locks, -0.02, 1.02)
    lock_drift = random.normal(0, 0.45 / locks, locks)[lock]
    towards = np.clip(centres[lock] + lock_drift, 0, 1)
    grip = pinch * step(0.05, 1.0, t)[None] * random.uniform(0.7, 1.0, locks)[lock][:, None]
    s = home[:, None] * (1 - grip) + towards[:, None] * grip

    length = 1 - uneven * random.uniform(0, 1, locks)[lock] - 0.5 * uneven * random.uniform(0, 1, count) ** 2
    start = ragged * random.uniform(0, 1, count)[:, None]
    at = start + t[None] * (length[:, None] - start)
    points = np.empty((count, STEPS, 3))
    slope = np.empty_like(points)
    for j in range(STEPS):
        low = np.clip((at[:, j] * (STEPS - 1)).astype(int), 0, STEPS - 2)
        part = (at[:, j] * (STEPS - 1) - low)[:, None]
        whole, turn = across(s[:, j]), across(s[:, j], 1)
        row = np.arange(count)
        points[:, j] = whole[row, low] * (1 - part) + whole[row, low + 1] * part
        slope[:, j] = turn[row, low] * (1 - part) + turn[row, low + 1] * part
    along = np.asarray(np.gradient(points, axis=1))
    normal = np.cross(along, slope)
    normal *= np.where(normal[..., 2:] < 0, -1.0, 1.0)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    # A lock is round: its edges turn away.
    sideways = slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-9)
    normal = normal + 0.55 * within[:, None, None] * sideways
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)

    amplitude, waves = wave
    phase = random.uniform(-0.55, 0.55, locks)[lock] + random.normal(0, 0.16, count)
    beat = random.uniform(0.85, 1.15, locks)[lock]
    swing = (
        amplitude
        * np.sin(2 * np.pi * waves * beat[:, None] * at + phase[:, None] + 1.2 * home[:, None])
        * step(0.05, 0.45, at)
    )
    across_2d = np.stack([-along[..., 1], along[..., 0]], -1)
    across_2d /= np.maximum(np.linalg.norm(across_2d, axis=-1, keepdims=True), 1e-9)
    knots = random.standard_normal((count, 5))
    drift = np.stack([np.interp(t, np.linspace(0, 1, 5), k) for k in knots]) * wander * step(0, 0.35, t)
    points[..., :2] += across_2d * (swing + drift)[..., None]
    points[..., 2] += (
        0.8 * amplitude * np.cos(2 * np.pi * waves * beat[:, None] * at + phase[:, None]) * step(0.05, 0.45, at)
    )
    if amplitude:  # waves catch the light on their crests
        crest = np.cos(2 * np.pi * waves * beat[:, None] * at + phase[:, None] + 1.2 * home[:, None])
    else:
        crest = np.zeros_like(at)

    round_lock = 1 - depth * np.abs(within) ** 1.5
    run = np.interp(t, (0.0, 0.35, 1.0), (*shade, shade[-1])[:3])
    tone = run[None] * round_lock[:, None]
    tone = (
        tone
        * (random.uniform(0.80, 1.12, locks)[lock] * random.uniform(0.78, 1.16, count))[:, None]
        * (1 + 0.22 * crest)
    )
    rank = lock + random.uniform(-0.5, 0.5, count)
    turn_order = np.argsort(-rank if order == "inwards" else rank)
    if order == "mixed":
        turn_order = np.argsort(random.permutation(locks)[lock] + 0.9 * (1 - np.abs(within)))
    taper = np.clip((1.0 - t) / ends, 0.12, 1.0) * np.clip(0.55 + 4 * t, 0, 1)
    wide = width * random.uniform(0.7, 1.25, count)[:, None] * taper[None]
    alpha = np.clip(0.55 + 6 * t, 0, 0.96) * np.clip((1.02 - t) / (0.5 * ends), 0.25, 1)
    colour = fibres.colour(points, normal, tone, random.normal(0.0, 0.10, (count, 1)), alpha[None])
    brush.draw(points[turn_order][..., :2], wide[turn_order], colour[turn_order])


def short_hairs(
    brush: Brush,
    fibres: Fibres,
    roots: Array,
    direction: Array,
    length: Array | float,
    random: np.random.Generator,
    normal: Array,
    width: float = 0.009,
    bend: Array | float = 0.0,
    spread: float = 0.25,
    alpha: float = 0.85,
    tone: Array | float = 1.0,
) -> None:
    """Scattered hairs: roots and direction (n, 2), normals of the skin (n, 3); `bend` turns them as they go."""
    n, m = len(roots), 8
    t = np.linspace(0, 1, m)
    angle = np.arctan2(direction[:, 1], direction[:, 0]) + spread * random.standard_normal(n)
    turn = angle[:, None] + (np.broadcast_to(bend, (n,)) + 0.35 * spread * random.standard_normal(n))[:, None] * t[None]
    stride = (np.broadcast_to(length, (n,)) * random.uniform(0.6, 1.2, n))[:, None] / (m - 1)
    points = np.zeros((n, m, 3))
    points[:, 1:, 0] = np.cumsum(np.cos(turn[:, 1:]) * stride, 1)
    points[:, 1:, 1] = np.cumsum(np.sin(turn[:, 1:]) * stride, 1)
    points[..., :2] += roots[:, None]
    shades = np.broadcast_to(tone, (n,))[:, None] * random.uniform(0.65, 1.25, (n, 1)) * (0.75 + 0.35 * t)[None]
    colour = fibres.colour(points, np.repeat(normal[:, None], m, 1), shades, random.normal(0, 0.15, (n, 1)))
    colour[..., 3] = alpha * np.clip(1.15 - 0.5 * t, 0, 1)
    wide = width * random.uniform(0.7, 1.2, n)[:, None] * np.clip(1.1 - t, 0.15, 1) ** 0.6
    brush.draw(points[..., :2], wide, colour)


def scatter(mask: Array, count: int, brush: Brush, random: np.random.Generator) -> Array:
    """`count` random points (n, 2) in face units, dense where `mask` (size, size) is high."""
    sheet = brush.sheet
    rough = np.maximum(mask[:: max(1, sheet.size // 512), :: max(1, sheet.size // 512)], 0).astype(float)
    fineness = sheet.size / rough.shape[0]
    chance = np.cumsum(rough.ravel())
    pick = np.searchsorted(chance, random.uniform(0, chance[-1], count))
    row, column = np.divmod(np.minimum(pick, rough.size - 1), rough.shape[1])
    at = (np.stack([column, row], -1) + random.uniform(0, 1, (count, 2))) * fineness
    return (at - sheet.centre) / sheet.unit


def coils(
    brush: Brush,
    fibres: Fibres,
    roots: Array,
    direction: Array,
    normal: Array,
    tone: Array,
    random: np.random.Generator,
    length: Array | float = 0.45,
    radius: float = 0.042,
    turns: float = 3.6,
    width: float = 0.015,
    strands: int = 5,
) -> None:
    """Springy curls: roots, direction and normals (n, 3); `tone` (n,) from 0, deep inside, to 1, in full light."""
    n, m = len(roots), 44
    t = np.linspace(0, 1, m)
    axis = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    one = np.cross(axis, np.array([0.31, -0.2, 0.93]))
    one /= np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-6)
    two = np.cross(axis, one)
    long = np.broadcast_to(length, (n,)) * random.uniform(0.7, 1.25, n)
    wide = radius * random.uniform(0.65, 1.35, n)
    phase = random.uniform(0, 2 * np.pi, n)
    spin = turns * random.uniform(0.8, 1.25, n) * random.choice([-1.0, 1.0], n)
    sag = np.array([0.0, 0.30, 0.0]) * (t**2)[:, None]
    bow = random.normal(0, 0.10, (n, 1, 3)) * np.sin(np.pi * t)[None, :, None]
    spine = roots[:, None] + long[:, None, None] * (axis[:, None] * t[None, :, None] + sag[None] + bow)
    every = []
    for k in range(strands):
        swing = (
            phase[:, None]
            + 2 * np.pi * spin[:, None] * t[None]
            + 0.30 * (k - strands / 2)
            + random.normal(0, 0.10, (n, 1))
        )
        reach = (
            wide[:, None]
            * (0.35 + 0.65 * step(0.0, 0.25, t))[None]
            * (1 - 0.35 * t**3)[None]
            * random.uniform(0.8, 1.2, (n, 1))
        )
        local = np.cos(swing)[..., None] * one[:, None] + np.sin(swing)[..., None] * two[:, None]
        points = spine + reach[..., None] * local
        turned = normal[:, None] * 0.8 + local * 0.75
        turned /= np.maximum(np.linalg.norm(turned, axis=-1, keepdims=True), 1e-9)
        outer = 0.5 + 0.5 * local[..., 2]
        shades = tone[:, None] * (0.30 + 0.85 * outer) * random.uniform(0.8, 1.2, (n, 1)) * (0.7 + 0.4 * t)[None]
        colour = fibres.colour(
            points, turned, shades, random.normal(0, 0.12, (n, 1)), np.clip(0.5 + 4 * t, 0, 0.96)[None]
        )
        every.append(
            (
                points[..., :2],
                colour,
                width * random.uniform(0.6, 1.2, (n, 1)) * np.clip((1.06 - t) / 0.3, 0.2, 1)[None],
            )
        )
    # Curl by curl, so that a nearer curl hides a farther one.
    points = np.stack([e[0] for e in every], 1).reshape(n * strands, m, 2)
    colour = np.stack([e[1] for e in every], 1).reshape(n * strands, m, 4)
    brush.draw(points, np.stack([e[2] for e in every], 1).reshape(n * strands, m), colour)
