"""Beards: a trimmed full one, and stubble."""

import numpy as np

from tools.avatars.curves import Array, bell, graph, step
from tools.avatars.hair import Fibres, scatter, short_hairs, unit
from tools.avatars.head import Head
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush

CHEEK_LINE = [
    (0.0, 0.80), (0.10, 0.79), (0.30, 0.835), (0.42, 0.93), (0.50, 0.97), (0.62, 0.90), (0.78, 0.70), (0.87, 0.42),
    (0.93, 0.12), (1.0, 0.0),
]  # fmt: skip


def beard_area(head: Head, sheet: Sheet) -> Array:
    """Where a beard grows, 0 to 1: jaw, chin and upper lip, the lips themselves left free."""
    x, y, m = np.abs(sheet.x), sheet.y, head.mouth
    cheek = graph(CHEEK_LINE, x)
    area = step(-0.045, 0.06, y - cheek + 0.02 * sheet.noise(0.05, 93, 2))
    area *= step(0.03, -0.03, np.abs(sheet.x) - head.outline.width(y - 0.05) - 0.02) * step(
        head.outline.bottom + 0.06, head.outline.bottom - 0.02, y
    )
    lips = (
        step(-0.030, 0.010, y - m.upper(sheet.x) + 0.01)
        * step(-0.022, 0.02, m.lower(sheet.x) - y + 0.012)
        * step(1.22, 1.06, x / m.half)
    )
    bare = bell(sheet.x, y, 0.16, m.y + 0.27, 0.09, 0.045) + bell(sheet.x, y, -0.16, m.y + 0.27, 0.09, 0.045)
    return area * (1 - lips) * (1 - 0.45 * np.clip(bare, 0, 1)) * (1 - 0.5 * bell(sheet.x, y, 0, 0.8, 0.03, 0.06))


def beard(brush: Brush, fibres: Fibres, area: Array, head: Head, random: np.random.Generator) -> None:
    """A trimmed full beard on `area`."""
    m = head.mouth
    roots = scatter(area, 13000, brush, random)
    x, y = roots.T
    roots = roots[np.argsort(y - 0.15 * np.abs(x))[::-1]]
    x, y = roots.T
    out = np.stack([0.45 * x, 0.95 + 0 * x], -1)
    lip = np.exp(-(((y - 0.88) / 0.10) ** 2) - (np.clip(np.abs(x) - 0.22, 0, 3) / 0.16) ** 2)
    over = np.stack([np.sign(x) * (0.55 + 0.5 * np.abs(x) / m.half), 0.62 + 0 * x], -1)
    direction = out * (1 - lip)[:, None] + over * lip[:, None]
    normal = unit(np.stack([x * 1.05, np.clip(y - 1.05, -0.2, 1) * 1.0, np.full(len(x), 0.72)], -1))
    length = (0.070 + 0.025 * step(1.2, 1.5, y)) * (1 - 0.30 * lip) * (0.55 + 0.45 * step(0.2, 0.9, y))
    below = bell(x, y, 0.0, m.y + 0.25, 0.26, 0.07)
    tone = (
        (0.55 + 0.55 * random.uniform(0, 1, len(x)) ** 2)
        * (1 - 0.45 * below)
        * (1 - 0.35 * step(0.45, 0.95, np.abs(x)))
    )
    short_hairs(brush, fibres, roots, direction, length, random, normal, 0.0072, -0.25 * np.sign(x), 0.24, 0.80, tone)


def stubble(brush: Brush, fibres: Fibres, area: Array, amount: float, random: np.random.Generator) -> None:
    """Two days without a razor."""
    roots = scatter(area, int(9000 * amount), brush, random)
    x, y = roots.T
    normal = unit(np.stack([x * 0.9, np.clip(y - 1.05, -0.2, 1), np.full(len(x), 0.75)], -1))
    down = np.stack([0.3 * x, np.ones(len(x))], -1)
    short_hairs(brush, fibres, roots, down, 0.020, random, normal, width=0.0045, spread=0.5, alpha=0.40, tone=0.8)
