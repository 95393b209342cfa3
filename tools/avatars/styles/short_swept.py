"""Short sides, longer on top and swept to one side; with a beard where the person has one."""

import numpy as np

from tools.avatars.curves import Array, graph, step
from tools.avatars.hair import Fibres, guide, scatter, sheet_of, short_hairs, unit
from tools.avatars.head import Head
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush
from tools.avatars.styles.beard import beard, beard_area, stubble
from tools.avatars.styles.layers import Hair

HALF_HAIRLINE = [(0.0, -0.915), (0.3, -0.90), (0.66, -0.82), (0.82, -0.58), (0.87, -0.32), (0.90, 0.02), (0.985, 0.24)]
HAIRLINE = [(-x, y) for x, y in HALF_HAIRLINE[:0:-1]] + HALF_HAIRLINE


def short_swept(person: Person, head: Head, sheet: Sheet) -> Hair:
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=0.6)
    x, y = sheet.x, sheet.y
    hairline = graph(HAIRLINE, x)
    scalp = step(0.05, -0.05, y - hairline + 0.03 * sheet.noise(0.06, 92, 2))
    shade = 0.90 * scalp
    front = Brush(sheet)

    _sides(front, fibres, scalp * head.face, head, random)
    _crown(front, fibres, random)
    edge = np.exp(-(((y - hairline + 0.02) / 0.05) ** 2)) * (np.abs(x) < 0.86) * (y < -0.3)
    roots = scatter(edge, 1100, front, random)
    lean = np.stack([0.30 + 0.15 * roots[:, 0], np.full(len(roots), -1.0)], -1)
    facing = np.tile([0.0, -0.35, 0.93], (len(roots), 1))
    short_hairs(front, fibres, roots, lean, 0.22, random, facing, width=0.008, bend=0.3, spread=0.20, tone=0.62)
    _top(front, fibres, random)
    area = beard_area(head, sheet)
    if person.beard:
        shade = np.maximum(shade, 0.62 * sheet.blur(area, 0.03))
        beard(front, fibres, area, head, random)
    elif person.stubble:
        stubble(front, fibres, area * head.face, person.stubble, random)
    return Hair(None, front.layer(), shade)


def _sides(brush: Brush, fibres: Fibres, scalp: Array, head: Head, random: np.random.Generator) -> None:
    for side in (-1, 1):
        guides = []
        for y in np.linspace(-0.02, -1.12, 7):
            out = float(head.outline.width(np.array(y + 0.08))) + 0.02 + 0.05 * float(step(0.1, -0.5, np.array(y)))
            low = float(step(-0.05, -0.55, np.array(y)))
            guides.append(
                guide(
                    (side * (out - 0.04 - 0.14 * low), y, 0.80),
                    (side * (out - 0.02 - 0.04 * low), y + 0.01, 0.58),
                    (side * out, y + 0.06, 0.32),
                    (side * (out - 0.03), y + 0.14, 0.0),
                )
            )
        sheet_of(
            brush, fibres, guides, random, count=2600, locks=70, pinch=0.25, wander=0.012, width=0.010,
            uneven=0.35, shade=(0.50, 0.72), order="mixed", ends=0.6, ragged=0.15,
        )  # fmt: skip
    x, y = brush.sheet.x, brush.sheet.y
    roots = scatter(scalp * (np.abs(x) > 0.78) * (y > -0.85), 2200, brush, random)
    normal = unit(np.stack([roots[:, 0] * 0.8, roots[:, 1] * 0.1, np.full(len(roots), 0.6)], -1))
    down = np.stack([np.sign(roots[:, 0]) * 0.40, np.full(len(roots), 0.9)], -1)
    short_hairs(brush, fibres, roots, down, 0.085, random, normal, width=0.0075, tone=0.62)


def _crown(brush: Brush, fibres: Fibres, random: np.random.Generator) -> None:
    guides = []
    for x in np.linspace(-0.97, 0.97, 9):
        arch = np.sqrt(max(0.0, 1 - (x / 1.14) ** 2))
        over = 0.16 + 0.12 * arch
        guides.append(
            guide(
                (x * 0.95, -0.55 - 0.74 * arch, 0.85),
                (x * 1.00 + 0.04, -0.66 - 0.85 * arch, 0.72),
                (x * 1.02 + 0.6 * over, -0.72 - 0.93 * arch, 0.45),
                (x * 0.98 + over, -0.72 - 0.90 * arch, 0.1),
            )
        )
    sheet_of(
        brush, fibres, guides, random, count=3600, locks=52, pinch=0.45, wander=0.02, width=0.0115,
        uneven=0.3, shade=(0.42, 0.60), depth=0.4, order="mixed", ends=0.5,
    )  # fmt: skip


def _top(brush: Brush, fibres: Fibres, random: np.random.Generator) -> None:
    right = [(0.16, -0.925), (0.42, -0.90), (0.64, -0.83), (0.78, -0.66)]
    roots = [(-0.78, -0.66), (-0.66, -0.82), (-0.44, -0.90), (-0.14, -0.925), *right]
    for count, lift, back, tone in ((3000, 0.05, 0.24, 0.74), (3000, 0.02, 0.10, 0.88), (3200, -0.03, 0.0, 1.0)):
        guides = []
        for x, hairline in roots:
            y = hairline - back
            arch = 1 - 0.50 * abs(x + 0.05) ** 1.5
            push = 0.21 + 0.08 * float(step(-0.9, 0.3, np.array(x))) * (1 - 0.6 * float(step(0.35, 0.85, np.array(x))))
            tall = (0.60 + lift) * arch - 0.30 * back
            guides.append(
                guide(
                    (x, y, 0.98),
                    (x - 0.02, y - 0.40 * tall, 1.13),
                    (x + 0.45 * push, y - 0.82 * tall, 1.08),
                    (x + 1.10 * push, y - 1.06 * tall, 0.80),
                    (x + 1.85 * push, y - 1.08 * tall, 0.40),
                )
            )
        sheet_of(
            brush, fibres, guides, random, count=count, locks=27, pinch=0.58, wander=0.022, width=0.0115,
            uneven=0.25, shade=(0.42 * tone, tone), depth=0.5, order="mixed", ends=0.45, ragged=0.10,
        )  # fmt: skip
