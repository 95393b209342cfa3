"""Straight hair past the shoulders, parted a little off the middle."""

import numpy as np

from tools.avatars.hair import Fibres, guide, sheet_of
from tools.avatars.head import Head
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush
from tools.avatars.styles.layers import Hair

PART = -0.13
# fmt: off
RIGHT = [
    [(PART + 0.007, -1.10, 1.00), (PART + 0.30, -1.06, 1.05), (0.62, -0.74, 0.96), (0.875, -0.12, 0.80),
     (0.90, 0.6, 0.68), (0.87, 1.35, 0.62), (0.93, 2.05, 0.76), (0.70, 2.75, 0.92)],
    [(PART + 0.004, -1.38, 0.88), (0.32, -1.32, 0.95), (0.80, -0.87, 0.84), (1.03, -0.10, 0.64),
     (1.05, 0.7, 0.54), (1.03, 1.45, 0.52), (1.10, 2.12, 0.70), (0.88, 2.88, 0.86)],
    [(PART + 0.005, -1.60, 0.62), (0.38, -1.58, 0.67), (0.91, -1.13, 0.54), (1.15, -0.20, 0.38),
     (1.19, 0.7, 0.28), (1.18, 1.5, 0.30), (1.25, 2.18, 0.50), (1.06, 2.95, 0.72)],
    [(PART - 0.06, -1.79, 0.25), (0.40, -1.745, 0.28), (0.96, -1.32, 0.15), (1.23, -0.35, 0.02),
     (1.28, 0.7, -0.05), (1.28, 1.5, 0.0), (1.36, 2.2, 0.2), (1.22, 2.95, 0.5)],
]
LEFT = [
    [(PART - 0.005, -1.10, 1.00), (PART - 0.20, -1.07, 1.03), (-0.64, -0.75, 0.95), (-0.875, -0.12, 0.80),
     (-0.91, 0.6, 0.68), (-0.88, 1.35, 0.62), (-0.92, 2.05, 0.76), (-0.68, 2.70, 0.92)],
    [(PART - 0.003, -1.38, 0.88), (-0.46, -1.30, 0.93), (-0.86, -0.82, 0.82), (-1.04, -0.10, 0.64),
     (-1.06, 0.7, 0.54), (-1.04, 1.45, 0.52), (-1.09, 2.12, 0.70), (-0.86, 2.84, 0.86)],
    [(PART + 0.005, -1.60, 0.62), (-0.54, -1.55, 0.65), (-0.97, -1.08, 0.52), (-1.16, -0.20, 0.38),
     (-1.20, 0.7, 0.28), (-1.19, 1.5, 0.30), (-1.25, 2.18, 0.50), (-1.06, 2.92, 0.72)],
    [(PART + 0.10, -1.79, 0.25), (-0.56, -1.715, 0.26), (-1.03, -1.26, 0.13), (-1.24, -0.35, 0.02),
     (-1.28, 0.7, -0.05), (-1.28, 1.5, 0.0), (-1.35, 2.2, 0.2), (-1.21, 2.90, 0.5)],
]
# fmt: on


def long_straight(person: Person, head: Head, sheet: Sheet) -> Hair:
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=1.0)
    back = Brush(sheet)
    behind = [
        guide(
            (x * 0.75, -0.8, 0),
            (x * 1.05, 0.4, 0.05 - 0.2 * x * x),
            (x * 1.12, 1.6, 0.2 - 0.3 * x * x),
            (x * 1.18, 2.9, 0),
        )
        for x in np.linspace(-1, 1, 7)
    ]
    sheet_of(
        back, fibres, behind, random, count=3200, locks=50, pinch=0.4, wander=0.02, width=0.018,
        shade=(0.30, 0.46), order="mixed", uneven=0.2, ends=0.5,
    )  # fmt: skip

    front = Brush(sheet)
    for side, table in ((-1, LEFT), (1, RIGHT)):
        guides = [guide(*row) for row in table]
        sheet_of(
            front, fibres, guides, random, count=7000, locks=64, pinch=0.30, wander=0.013, width=0.0115,
            wave=(0.012, 1.1), uneven=0.16, shade=(0.40, 1.0, 0.55), depth=0.5, ends=0.55, ragged=0.02,
        )  # fmt: skip
        # A few hairs leave the edge towards the face, and a few the outline.
        fan = np.linspace(0, 1, len(guides[0]))[:, None]
        for near, stray in ((guides[0], -0.06), (guides[-1], 0.05)):
            loose = [near + [side * stray, 0.0, 0.0] * fan, near]
            sheet_of(
                front, fibres, loose, random, count=110, locks=16, pinch=0.5, wander=0.035, width=0.0075,
                uneven=0.35, shade=(0.6, 0.9), ends=0.6,
            )  # fmt: skip
    return Hair(back.layer(), front.layer())
