"""A bob to the chin with a slight wave, parted at the side, the fringe swept over the forehead."""

import numpy as np

from tools.avatars.hair import Fibres, guide, sheet_of
from tools.avatars.head import Head
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush
from tools.avatars.styles.layers import Hair

# fmt: off
LEFT = [
    [(0.36, -1.13, 1.00), (0.16, -1.17, 1.12), (-0.22, -1.00, 1.12), (-0.62, -0.62, 1.00),
     (-0.88, -0.10, 0.84), (-0.99, 0.42, 0.72), (-0.96, 0.88, 0.66), (-0.72, 1.20, 0.66)],
    [(0.35, -1.32, 0.94), (0.10, -1.44, 1.02), (-0.40, -1.24, 1.00), (-0.84, -0.72, 0.84),
     (-1.07, -0.05, 0.66), (-1.14, 0.52, 0.56), (-1.08, 1.00, 0.54), (-0.82, 1.32, 0.56)],
    [(0.33, -1.54, 0.70), (0.02, -1.66, 0.74), (-0.56, -1.44, 0.68), (-1.02, -0.84, 0.50),
     (-1.24, -0.05, 0.34), (-1.29, 0.58, 0.26), (-1.20, 1.06, 0.28), (-0.94, 1.38, 0.34)],
    [(0.34, -1.74, 0.28), (-0.04, -1.83, 0.28), (-0.66, -1.58, 0.22), (-1.12, -0.94, 0.08),
     (-1.34, -0.10, -0.02), (-1.38, 0.58, -0.05), (-1.28, 1.06, 0.0), (-1.02, 1.36, 0.1)],
]
RIGHT = [
    [(0.36, -1.13, 1.00), (0.52, -1.07, 1.06), (0.80, -0.72, 0.95), (0.91, -0.16, 0.82),
     (0.99, 0.36, 0.72), (1.00, 0.78, 0.66), (0.90, 1.06, 0.64), (0.70, 1.22, 0.64)],
    [(0.35, -1.32, 0.92), (0.62, -1.34, 0.94), (0.96, -0.82, 0.78), (1.07, -0.10, 0.64),
     (1.14, 0.46, 0.54), (1.12, 0.92, 0.50), (1.00, 1.20, 0.50), (0.78, 1.36, 0.52)],
    [(0.33, -1.54, 0.68), (0.66, -1.55, 0.64), (1.08, -0.92, 0.46), (1.22, -0.10, 0.32),
     (1.28, 0.50, 0.24), (1.24, 0.98, 0.24), (1.10, 1.26, 0.26), (0.88, 1.40, 0.3)],
    [(0.22, -1.78, 0.26), (0.66, -1.70, 0.22), (1.14, -1.02, 0.06), (1.32, -0.12, -0.02),
     (1.37, 0.50, -0.05), (1.32, 0.98, -0.03), (1.17, 1.26, 0.02), (0.96, 1.38, 0.1)],
]
# fmt: on


def bob(person: Person, head: Head, sheet: Sheet) -> Hair:
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=0.7)
    back = Brush(sheet)
    behind = [
        guide(
            (x * 0.9, -0.9, 0),
            (x * 1.16, 0.1, 0.1 - 0.3 * x * x),
            (x * 1.08, 0.85, 0.2 - 0.3 * x * x),
            (x * 0.82, 1.35, 0),
        )
        for x in np.linspace(-1, 1, 7)
    ]
    sheet_of(
        back, fibres, behind, random, count=2800, locks=40, pinch=0.5, wander=0.03, width=0.018,
        wave=(0.04, 2.0), shade=(0.18, 0.30), order="mixed", ends=0.5,
    )  # fmt: skip

    front = Brush(sheet)
    for side, table in ((1, RIGHT), (-1, LEFT)):
        guides = [guide(*row) for row in table]
        sheet_of(
            front, fibres, guides, random, count=6200, locks=24, pinch=0.55, wander=0.016, width=0.0115,
            wave=(0.065, 1.9), uneven=0.12, shade=(0.40, 1.0), depth=0.62, ends=0.4, ragged=0.03,
        )  # fmt: skip
        fan = np.linspace(0, 1, len(guides[0]))[:, None]
        loose = [guides[0] - [side * 0.07, 0.0, 0.0] * fan, guides[0] * 0.6 + guides[1] * 0.4]
        sheet_of(
            front, fibres, loose, random, count=700, locks=8, pinch=0.65, wander=0.03, width=0.010,
            wave=(0.060, 1.8), uneven=0.22, shade=(0.5, 1.08), depth=0.6, ends=0.5,
        )  # fmt: skip
        stray = [guides[-1] + [side * 0.06, 0.0, 0.0] * fan, guides[-1]]
        sheet_of(
            front, fibres, stray, random, count=120, locks=14, pinch=0.5, wander=0.035, width=0.007,
            wave=(0.050, 1.8), uneven=0.3, shade=(0.6, 0.9), ends=0.6,
        )  # fmt: skip
    return Hair(back.layer(), front.layer())
