"""Where the features of a face lie: its outline, eyes, brows, nose and mouth, as curves in face units."""

import numpy as np
from numpy.typing import ArrayLike

from tools.avatars.curves import Array, graph, through
from tools.avatars.person import Person

EYE_X, EYE_Y = 0.447, 0.0
NOSE_Y = 0.70  # where the nose meets the upper lip
MOUTH_Y = 1.02  # where the lips meet
CHIN_Y = 1.585


class Outline:
    """The silhouette of the head, ears left out: half its width at each height."""

    def __init__(self, person: Person):
        low = CHIN_Y + person.chin
        j, c = person.jaw, person.chin_width
        right = [
            (0.0, -1.62), (0.42, -1.54), (0.74, -1.30), (0.94, -0.90), (1.005, -0.42), (0.995, 0.0), (0.975, 0.35),
            (0.912 * (0.5 + 0.5 * j), 0.67), (0.80 * j, 0.98), (0.66 * j, 1.20),
            (0.465 * j * (0.5 + 0.5 * c), low - 0.180),
            (0.33 * c, low - 0.065), (0.15 * c, low - 0.010), (0.0, low),
        ]  # fmt: skip
        left = [(-x, y) for x, y in right[1:-1]][::-1]
        self.curve = through(right + left, 800, closed=True)
        half = self.curve[: int(np.argmax(self.curve[:, 1])) + 1]
        half = half[np.argsort(half[:, 1])]
        self._x, self._y = np.maximum(half[:, 0], 0.0), half[:, 1]
        self.top, self.bottom = float(self._y[0]), float(self._y[-1])

    def width(self, y: Array) -> Array:
        return np.interp(y, self._y, self._x, left=0.0, right=0.0)


class Eye:
    """One eye. `side` is -1 for the one on the left of the picture, 1 for the other.

    Its own coordinates: u along the slit from the inner corner (-1) to the outer (1), v downwards, both in half
    widths of the slit.
    """

    def __init__(self, person: Person, side: int):
        self.side = side
        self.half = 0.229 * person.eye_size
        self.tilt = person.eye_tilt
        self.x, self.y = side * EYE_X, EYE_Y + side * person.slant.get("eyes", 0.0)
        self.open = 1.05 * person.eye_open * (1 + side * person.slant.get("lids", 0.015))
        veil = person.epicanthus
        o = self.open
        self._upper = [
            (-1.06, 0.13 + 0.02 * veil), (-0.93, 0.01 + 0.05 * veil), (-0.70, -0.21 * o + 0.05 * veil),
            (-0.35, -0.395 * o), (0.0, -0.455 * o),
            (0.35, -0.42 * o), (0.68, -0.27 * o), (0.90, -0.10 * o), (1.04, 0.03),
        ]  # fmt: skip
        self._lower = [
            (-1.06, 0.13 + 0.02 * veil), (-0.92, 0.19), (-0.62, 0.255), (-0.2, 0.325), (0.2, 0.345),
            (0.55, 0.285), (0.85, 0.135), (1.04, 0.03),
        ]  # fmt: skip
        lift = 0.185 * person.fold
        self._crease = [
            (-1.10, 0.02), (-0.85, -0.22 * o - 0.4 * lift), (-0.4, -0.41 * o - lift), (0.05, -0.46 * o - 1.08 * lift),
            (0.5, -0.36 * o - 1.0 * lift), (0.9, -0.12 * o - 0.75 * lift), (1.22, 0.06 - 0.3 * lift),
        ]  # fmt: skip
        self.iris_at = (-0.02, -0.095)  # a hair's breadth towards the nose: both look at the viewer
        self.iris_radius = 0.475 / person.eye_size**0.5

    def own(self, x: Array, y: Array) -> tuple[Array, Array]:
        dx, dy = (x - self.x) * self.side / self.half, (y - self.y) / self.half
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        return c * dx - s * dy, s * dx + c * dy

    def place(self, points: ArrayLike) -> Array:
        """Own coordinates (..., 2) to face units."""
        at = np.asarray(points, dtype=float)
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        u, v = at[..., 0], at[..., 1]
        dx, dy = c * u + s * v, -s * u + c * v
        return np.stack([self.x + dx * self.half * self.side, self.y + dy * self.half], -1)

    def upper(self, u: Array) -> Array:
        return graph(self._upper, u)

    def lower(self, u: Array) -> Array:
        return graph(self._lower, u)

    def crease(self, u: Array) -> Array:
        return graph(self._crease, u)

    def line(self, which: str, start: float = -1.0, end: float = 1.0, count: int = 60) -> Array:
        """The upper, lower or crease curve in face units, (count, 2)."""
        u = np.linspace(start, end, count)
        return self.place(np.stack([u, getattr(self, which)(u)], -1))


class Mouth:
    """The closed mouth: its lip line and the outer edges of both lips, as graphs over x."""

    def __init__(self, person: Person):
        self.half = 0.365 * person.mouth_width
        self.y = MOUTH_Y + 0.5 * person.chin
        h, up, low = self.half, 0.128 * person.upper_lip, 0.168 * person.lower_lip
        rise = 0.031 * person.smile
        skew = person.slant.get("mouth", 0.002)

        def both(knots: list[tuple[float, float]]) -> list[tuple[float, float]]:
            left = [(-x, y + skew * x / h) for x, y in knots if x > 0][::-1]
            return [(x * h, self.y + y) for x, y in left + [(x, y - skew * x / h) for x, y in knots]]

        self._line = both(
            [(0.0, 0.006), (0.16, -0.002), (0.36, -0.013), (0.62, -0.004), (0.85, -0.45 * rise), (1.0, -rise)]
        )
        self._upper = both(
            [
                (0.0, -0.78 * up),
                (0.12, -0.90 * up),
                (0.25, -up),
                (0.50, -0.72 * up),
                (0.78, -0.36 * up - 0.3 * rise),
                (1.0, -rise),
            ]
        )
        self._lower = both(
            [(0.0, low), (0.26, 0.975 * low), (0.52, 0.72 * low), (0.78, 0.30 * low - 0.2 * rise), (1.0, -rise)]
        )

    def line(self, x: Array) -> Array:
        return graph(self._line, x)

    def upper(self, x: Array) -> Array:
        return graph(self._upper, x)

    def lower(self, x: Array) -> Array:
        return graph(self._lower, x)


class Brow:
    """One brow: its spine from the nose outwards, and its thickness along it."""

    def __init__(self, person: Person, side: int):
        lift = person.brow_height + (0.008 if side > 0 else 0.0) + side * person.slant.get("brows", 0.0)
        a = person.brow_arch
        knots = [
            (0.185, -0.285),
            (0.30, -0.325),
            (0.48, -0.335 - 0.035 * a),
            (0.64, -0.325 - 0.040 * a),
            (0.80, -0.225 - 0.01 * a),
        ]
        self.side = side
        self.spine = through([(side * x, y - lift) for x, y in knots], 80)
        t = np.linspace(0, 1, 80)
        self.half = 0.050 * person.brow_weight * np.clip(np.minimum(0.78 + 1.2 * t, 1.75 * (1.02 - t) ** 0.75), 0, 1)
