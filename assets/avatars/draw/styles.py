"""Hair styles: each returns the layers of hair behind and in front of the head."""

from dataclasses import dataclass

import numpy as np

from .curves import Array, bell, graph, step
from .hair import Fibres, coils, guide, scatter, sheet_of, short_hairs
from .head import Head
from .person import Person
from .sheet import Sheet
from .strands import Brush

Layer = tuple[Array, Array]  # colour in sRGB 0 to 1 and alpha


@dataclass
class Hair:
    back: Layer | None = None  # behind neck and shoulders
    front: Layer | None = None
    roots: Array | None = None  # shade of dense short hair on the skin, 0 to 1


def long_straight(person: Person, head: Head, sheet: Sheet) -> Hair:
    """Straight hair past the shoulders, parted a little off the middle."""
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=1.0)
    back = Brush(sheet)
    behind = [
        guide(
            (x * 0.75, -0.8, 0.0),
            (x * 1.05, 0.4, -0.2 + 0.25 * (1 - x * x)),
            (x * 1.12, 1.6, -0.1 + 0.3 * (1 - x * x)),
            (x * 1.18, 3.0, 0.3 * (1 - x * x)),
        )
        for x in np.linspace(-1, 1, 7)
    ]
    sheet_of(back, fibres, behind, random, 2600, 40, 0.5, 0.02, 0.022, shade=(0.35, 0.55), order="mixed")

    front = Brush(sheet)
    part = -0.13
    right = [
        guide(
            (part + 0.012, -1.10, 1.00),
            (part + 0.30, -1.04, 1.04),
            (0.62, -0.72, 0.95),
            (0.885, -0.12, 0.78),
            (0.92, 0.6, 0.66),
            (0.90, 1.35, 0.60),
            (0.99, 2.1, 0.74),
            (0.80, 2.85, 0.9),
        ),
        guide(
            (part + 0.008, -1.38, 0.88),
            (0.32, -1.30, 0.94),
            (0.80, -0.85, 0.82),
            (1.03, -0.10, 0.62),
            (1.06, 0.7, 0.52),
            (1.05, 1.45, 0.50),
            (1.13, 2.15, 0.68),
            (0.96, 2.95, 0.84),
        ),
        guide(
            (part + 0.005, -1.60, 0.62),
            (0.38, -1.55, 0.66),
            (0.90, -1.10, 0.52),
            (1.14, -0.20, 0.36),
            (1.18, 0.7, 0.26),
            (1.19, 1.5, 0.28),
            (1.26, 2.2, 0.48),
            (1.12, 3.0, 0.7),
        ),
        guide(
            (part - 0.02, -1.73, 0.25),
            (0.40, -1.70, 0.28),
            (0.95, -1.28, 0.15),
            (1.21, -0.35, 0.02),
            (1.26, 0.7, -0.05),
            (1.28, 1.5, 0.0),
            (1.36, 2.2, 0.2),
            (1.26, 3.0, 0.5),
        ),
    ]
    left = [
        guide(
            (part - 0.010, -1.10, 1.00),
            (part - 0.20, -1.05, 1.02),
            (-0.66, -0.72, 0.93),
            (-0.885, -0.12, 0.78),
            (-0.93, 0.6, 0.66),
            (-0.91, 1.35, 0.60),
            (-0.97, 2.1, 0.74),
            (-0.78, 2.80, 0.9),
        ),
        guide(
            (part - 0.006, -1.38, 0.88),
            (-0.46, -1.28, 0.92),
            (-0.86, -0.80, 0.80),
            (-1.04, -0.10, 0.62),
            (-1.07, 0.7, 0.52),
            (-1.06, 1.45, 0.50),
            (-1.12, 2.15, 0.68),
            (-0.94, 2.92, 0.84),
        ),
        guide(
            (part + 0.005, -1.60, 0.62),
            (-0.54, -1.52, 0.64),
            (-0.96, -1.05, 0.50),
            (-1.15, -0.20, 0.36),
            (-1.19, 0.7, 0.26),
            (-1.20, 1.5, 0.28),
            (-1.26, 2.2, 0.48),
            (-1.12, 2.98, 0.7),
        ),
        guide(
            (part + 0.10, -1.73, 0.25),
            (-0.56, -1.66, 0.26),
            (-1.02, -1.22, 0.13),
            (-1.22, -0.35, 0.02),
            (-1.27, 0.7, -0.05),
            (-1.28, 1.5, 0.0),
            (-1.35, 2.2, 0.2),
            (-1.25, 2.95, 0.5),
        ),
    ]
    for guides in (left, right):
        sheet_of(
            front,
            fibres,
            guides,
            random,
            5200,
            30,
            0.62,
            0.012,
            0.0135,
            wave=(0.012, 1.1),
            uneven=0.10,
            shade=(0.62, 1.0),
            depth=0.5,
            ends=0.35,
        )
    loose = [guides[0] + [0.0, 0.0, 0.0] for guides in (left, right)]
    for g, side in zip(loose, (-1, 1), strict=True):
        inner = g - [side * 0.055, 0, 0] * np.linspace(0, 1, len(g))[:, None]
        sheet_of(front, fibres, [inner, g], random, 90, 9, 0.6, 0.03, 0.009, uneven=0.2, shade=(0.8, 1.0))
    return Hair(back.layer(), front.layer())


def curls(person: Person, head: Head, sheet: Sheet) -> Hair:
    """A full, round head of natural curls down to the chin."""
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=0.85)
    middle, rx, ry = np.array([0.02, -0.36]), 1.58, 1.46

    def cloud(count: int) -> tuple[Array, Array]:
        angle, rho = random.uniform(0, 2 * np.pi, count), np.sqrt(random.uniform(0, 1, count))
        bumpy = 1 + 0.05 * np.sin(5 * angle + 1.0) + 0.04 * np.sin(9 * angle + 2.4) + 0.03 * np.sin(14 * angle)
        flat = np.stack([rx * rho * bumpy * np.cos(angle), ry * rho * bumpy * np.sin(angle)], -1)
        rise = np.sqrt(np.clip(1 - rho**2, 0, 1))
        normal = np.stack([np.cos(angle) * rho, np.sin(angle) * rho, rise + 0.08], -1)
        return np.concatenate([flat + middle, rise[:, None] * 0.9], -1), normal / np.linalg.norm(
            normal, axis=-1, keepdims=True
        )

    def window(at: Array) -> Array:
        """Below 1 over the face."""
        side = 0.90 + 0.05 * np.sin(4 * at[:, 1])
        return (np.abs(at[:, 0]) / side) ** 2.6 + (
            np.abs(at[:, 1] - 0.42) / np.where(at[:, 1] < 0.42, 1.43, 1.9)
        ) ** 2.6

    back = Brush(sheet)
    at, normal = cloud(1500)
    at[:, 2] -= 0.9
    outward = np.concatenate([(at[:, :2] - middle) * 0.8, np.full((len(at), 1), 0.15)], -1) + random.normal(
        0, 0.55, at.shape
    )
    rim = np.hypot((at[:, 0] - middle[0]) / rx, (at[:, 1] - middle[1]) / ry)
    order = np.argsort(random.uniform(0, 1, len(at)))
    coils(
        back,
        fibres,
        at[order],
        outward[order],
        normal[order],
        (0.22 + 0.45 * rim**3)[order],
        random,
        0.42,
        0.048,
        3.4,
        0.017,
    )

    front = Brush(sheet)
    for count, low, high, tone in ((1700, 0.90, 9.0, 0.42), (1600, 0.95, 9.0, 0.72), (1250, 0.98, 9.0, 1.0)):
        at, normal = cloud(count)
        place = window(at)
        keep = (place > low) & (place < high)
        at, normal = at[keep], normal[keep]
        near = np.clip((window(at) - 1.0) / 0.5, 0, 1)
        outward = np.concatenate([(at[:, :2] - [0, 0.1]) * [0.9, 0.9], np.full((len(at), 1), 0.12)], -1)
        outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True) + random.normal(0, 0.42, at.shape)
        bulge = 1 + 0.25 * np.sin(3.1 * at[:, 0] + 1.7 * at[:, 1]) * np.sin(2.3 * at[:, 1] - 1.1 * at[:, 0])
        order = np.argsort(at[:, 2] + 0.25 * random.standard_normal(len(at)))
        long = 0.26 + 0.14 * near
        light = tone * bulge * (0.55 + 0.45 * near)
        coils(
            front,
            fibres,
            at[order],
            outward[order],
            normal[order],
            light[order],
            random,
            long[order],
            0.044,
            3.3,
            0.0155,
        )
    x, y = sheet.x, sheet.y
    place = (np.abs(x) / 0.92) ** 2.6 + (np.abs(y - 0.42) / np.where(y < 0.42, 1.45, 1.9)) ** 2.6
    return Hair(
        back.layer(),
        front.layer(),
        0.92 * step(0.88, 1.08, place + 0.05 * sheet.noise(0.08, 91, 2)) * step(0.2, -0.35, y),
    )


def short_swept(person: Person, head: Head, sheet: Sheet) -> Hair:
    """Short sides, longer on top and swept to one side; a trimmed full beard."""
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=0.55)
    x, y = sheet.x, sheet.y
    hairline = graph([(-1.1, 0.35), (-0.985, 0.30), (-0.90, 0.05), (-0.87, -0.32), (-0.82, -0.58), (-0.66, -0.82), (-0.3, -0.90), (0.0, -0.915),
                      (0.3, -0.90), (0.66, -0.82), (0.82, -0.58), (0.87, -0.32), (0.90, 0.05), (0.985, 0.30), (1.1, 0.35)], x)  # fmt: skip
    rough = 0.03 * sheet.noise(0.06, 92, 2)
    scalp = step(0.05, -0.05, y - hairline + rough)
    front = Brush(sheet)

    beard = _beard_area(head, sheet)
    shade = np.maximum(0.90 * scalp, 0.62 * sheet.blur(beard, 0.03))

    for side in (-1, 1):
        for low, high, out in ((-0.78, -0.02, 1.03), (-1.02, -0.25, 1.06)):
            guides = [
                guide(
                    (side * (0.84 + 0.05 * (yy > -0.4)), yy, 0.80),
                    (side * 0.965, yy + 0.02, 0.62),
                    (side * (out - 0.035), yy + 0.10, 0.35),
                    (side * (out - 0.10 * step(-0.3, 0.2, np.array(yy))), yy + 0.20, 0.0),
                )
                for yy in np.linspace(high, low, 6)
            ]
            sheet_of(
                front,
                fibres,
                guides,
                random,
                1500,
                60,
                0.25,
                0.012,
                0.011,
                uneven=0.35,
                shade=(0.55, 0.8),
                order="mixed",
                ends=0.5,
            )
    sides = scalp * (np.abs(x) > 0.80) * (y > -0.9) * head.face
    roots = scatter(sides, 1500, front, random)
    normal = np.stack([roots[:, 0] * 0.8, roots[:, 1] * 0.1, np.full(len(roots), 0.6)], -1)
    short_hairs(
        front,
        fibres,
        roots,
        np.stack([np.sign(roots[:, 0]) * 0.35, np.full(len(roots), 0.9)], -1),
        0.10,
        random,
        _unit(normal),
        tone=0.75,
    )

    crown = []
    for x0 in np.linspace(-0.98, 0.95, 8):
        arch = np.sqrt(max(0.0, 1 - (x0 / 1.16) ** 2))
        over = 0.20 + 0.14 * arch
        crown.append(
            guide(
                (x0 * 0.93, -0.50 - 0.78 * arch, 0.85),
                (x0 * 0.99 + 0.05, -0.66 - 0.88 * arch, 0.72),
                (x0 * 1.02 + 0.6 * over, -0.72 - 0.96 * arch, 0.45),
                (x0 * 0.98 + over, -0.70 - 0.92 * arch, 0.1),
            )
        )
    sheet_of(
        front,
        fibres,
        crown,
        random,
        3600,
        46,
        0.45,
        0.02,
        0.013,
        uneven=0.25,
        shade=(0.45, 0.62),
        depth=0.4,
        order="mixed",
    )

    for count, lift, back, tone in ((2600, 0.04, 0.14, 0.78), (3000, 0.0, 0.0, 1.0)):
        top = []
        for x0, y0 in (
            (-0.72, -0.80),
            (-0.60, -0.86),
            (-0.40, -0.91),
            (-0.12, -0.93),
            (0.16, -0.93),
            (0.42, -0.91),
            (0.64, -0.83),
            (0.78, -0.66),
            (0.85, -0.48),
        ):
            y1 = y0 - back
            arch = 1 - 0.55 * abs(x0 + 0.05) ** 1.5
            push = 0.13 + 0.17 * float(step(-0.9, 0.3, np.array(x0))) * (
                1 - 0.55 * float(step(0.45, 0.9, np.array(x0)))
            )
            tall = (0.64 + lift) * arch
            top.append(
                guide(
                    (x0, y1, 0.98),
                    (x0 - 0.04, y1 - 0.42 * tall, 1.14),
                    (x0 + 0.45 * push, y1 - 0.84 * tall, 1.08),
                    (x0 + 1.1 * push, y1 - 1.08 * tall, 0.80),
                    (x0 + 1.9 * push, y1 - 1.12 * tall, 0.40),
                )
            )
        sheet_of(
            front,
            fibres,
            top,
            random,
            count,
            24,
            0.62,
            0.020,
            0.0135,
            uneven=0.22,
            shade=(0.50 * tone, tone),
            depth=0.5,
            order="mixed",
        )

    edge = np.exp(-(((y - hairline) / 0.05) ** 2)) * (np.abs(x) < 0.88) * (y < -0.3)
    roots = scatter(edge, 900, front, random)
    lean = np.stack([0.25 + 0.1 * roots[:, 0], np.full(len(roots), -1.0)], -1)
    short_hairs(
        front,
        fibres,
        roots,
        lean,
        0.24,
        random,
        np.tile([0.0, -0.45, 0.9], (len(roots), 1)),
        0.008,
        0.35,
        0.16,
        0.7,
        0.8,
    )

    _beard(front, fibres, beard, head, random)
    return Hair(None, front.layer(), shade)


def _beard_area(head: Head, sheet: Sheet) -> Array:
    x, y, m = np.abs(sheet.x), sheet.y, head.mouth
    cheek = graph(
        [
            (0.0, 0.80),
            (0.10, 0.79),
            (0.30, 0.835),
            (0.42, 0.93),
            (0.50, 0.97),
            (0.62, 0.90),
            (0.78, 0.70),
            (0.87, 0.42),
            (0.93, 0.12),
            (1.0, 0.0),
        ],
        x,
    )
    area = step(-0.045, 0.06, y - cheek + 0.02 * sheet.noise(0.05, 93, 2))
    area *= step(0.03, -0.03, np.abs(sheet.x) - head.outline.width(y - 0.05) - 0.02) * step(
        head.outline.bottom + 0.06, head.outline.bottom - 0.02, y
    )
    lips = (
        step(-0.030, 0.010, y - m.upper(sheet.x) + 0.01)
        * step(-0.022, 0.02, m.lower(sheet.x) - y + 0.012)
        * step(1.10, 1.0, x / m.half)
    )
    bare = bell(sheet.x, y, 0.16, m.y + 0.27, 0.09, 0.045) + bell(sheet.x, y, -0.16, m.y + 0.27, 0.09, 0.045)
    return area * (1 - lips) * (1 - 0.45 * np.clip(bare, 0, 1)) * (1 - 0.5 * bell(sheet.x, y, 0, 0.8, 0.03, 0.06))


def _beard(brush: Brush, fibres: Fibres, area: Array, head: Head, random: np.random.Generator) -> None:
    m = head.mouth
    roots = scatter(area, 13000, brush, random)
    x, y = roots.T
    roots = roots[np.argsort(y - 0.15 * np.abs(x))[::-1]]
    x, y = roots.T
    out = np.stack([0.45 * x, 0.95 + 0 * x], -1)
    lip = np.exp(-(((y - 0.88) / 0.10) ** 2) - (np.clip(np.abs(x) - 0.22, 0, 3) / 0.16) ** 2)
    over = np.stack([np.sign(x) * (0.55 + 0.5 * np.abs(x) / m.half), 0.62 + 0 * x], -1)
    direction = out * (1 - lip)[:, None] + over * lip[:, None]
    normal = _unit(np.stack([x * 1.05, np.clip(y - 1.05, -0.2, 1) * 1.0, np.full(len(x), 0.72)], -1))
    length = (0.070 + 0.025 * step(1.2, 1.5, y)) * (1 - 0.30 * lip) * (0.55 + 0.45 * step(0.2, 0.9, y))
    below = bell(x, y, 0.0, m.y + 0.25, 0.26, 0.07)
    tone = (
        (0.55 + 0.55 * random.uniform(0, 1, len(x)) ** 2)
        * (1 - 0.45 * below)
        * (1 - 0.35 * step(0.45, 0.95, np.abs(x)))
    )
    short_hairs(brush, fibres, roots, direction, length, random, normal, 0.0072, -0.25 * np.sign(x), 0.24, 0.80, tone)


def wavy_bob(person: Person, head: Head, sheet: Sheet) -> Hair:
    """Wavy hair to the chin, parted at the side, the fringe swept over the forehead."""
    random = np.random.default_rng([person.seed, 1])
    fibres = Fibres(person.hair_colours, person, shine=0.7)
    back = Brush(sheet)
    behind = [
        guide(
            (v * 0.9, -0.9, 0.0),
            (v * 1.16, 0.1, -0.2 + 0.3 * (1 - v * v)),
            (v * 1.10, 0.9, -0.1 + 0.3 * (1 - v * v)),
            (v * 0.86, 1.5, 0.2 * (1 - v * v)),
        )
        for v in np.linspace(-1, 1, 7)
    ]
    sheet_of(
        back, fibres, behind, random, 2600, 36, 0.5, 0.03, 0.02, wave=(0.035, 2.2), shade=(0.25, 0.42), order="mixed"
    )

    front = Brush(sheet)
    part = 0.34
    left = [
        guide(
            (part, -1.08, 1.00),
            (part - 0.30, -1.14, 1.10),
            (-0.40, -0.90, 1.06),
            (-0.80, -0.42, 0.90),
            (-0.93, 0.12, 0.75),
            (-0.96, 0.62, 0.66),
            (-0.84, 1.12, 0.62),
            (-0.70, 1.30, 0.6),
        ),
        guide(
            (part, -1.34, 0.92),
            (part - 0.34, -1.42, 0.98),
            (-0.56, -1.14, 0.92),
            (-0.95, -0.52, 0.74),
            (-1.07, 0.15, 0.60),
            (-1.09, 0.72, 0.52),
            (-0.96, 1.20, 0.50),
            (-0.78, 1.40, 0.5),
        ),
        guide(
            (part + 0.01, -1.58, 0.66),
            (part - 0.46, -1.64, 0.66),
            (-0.74, -1.34, 0.58),
            (-1.10, -0.60, 0.44),
            (-1.20, 0.15, 0.32),
            (-1.21, 0.76, 0.26),
            (-1.06, 1.24, 0.26),
            (-0.86, 1.44, 0.3),
        ),
        guide(
            (part + 0.16, -1.76, 0.25),
            (part - 0.36, -1.79, 0.24),
            (-0.82, -1.46, 0.18),
            (-1.19, -0.70, 0.05),
            (-1.29, 0.10, -0.02),
            (-1.29, 0.74, -0.05),
            (-1.12, 1.22, 0.0),
            (-0.92, 1.40, 0.1),
        ),
    ]
    right = [
        guide(
            (part, -1.08, 1.00),
            (0.58, -1.00, 1.02),
            (0.82, -0.62, 0.92),
            (0.93, -0.10, 0.80),
            (0.99, 0.40, 0.70),
            (0.97, 0.80, 0.64),
            (0.86, 1.12, 0.62),
            (0.74, 1.28, 0.6),
        ),
        guide(
            (part, -1.34, 0.92),
            (0.68, -1.24, 0.90),
            (0.96, -0.70, 0.76),
            (1.06, -0.05, 0.62),
            (1.10, 0.48, 0.54),
            (1.06, 0.92, 0.50),
            (0.94, 1.24, 0.50),
            (0.78, 1.38, 0.5),
        ),
        guide(
            (part - 0.01, -1.58, 0.66),
            (0.74, -1.46, 0.60),
            (1.08, -0.80, 0.44),
            (1.18, -0.05, 0.32),
            (1.22, 0.52, 0.26),
            (1.16, 0.98, 0.26),
            (1.03, 1.28, 0.28),
            (0.86, 1.42, 0.3),
        ),
        guide(
            (part - 0.16, -1.77, 0.25),
            (0.66, -1.58, 0.20),
            (1.15, -0.88, 0.06),
            (1.27, -0.05, -0.02),
            (1.30, 0.52, -0.05),
            (1.23, 0.98, -0.03),
            (1.09, 1.26, 0.02),
            (0.92, 1.38, 0.1),
        ),
    ]
    for guides in (right, left):
        sheet_of(
            front,
            fibres,
            guides,
            random,
            4600,
            26,
            0.62,
            0.016,
            0.0135,
            wave=(0.032, 1.9),
            uneven=0.10,
            shade=(0.70, 1.0),
            depth=0.5,
        )
    for guides, side in ((left, -1), (right, 1)):
        loose = [guides[0] - [side * 0.05, 0.0, 0.0] * np.linspace(0, 1, len(guides[0]))[:, None], guides[1]]
        sheet_of(
            front, fibres, loose, random, 420, 9, 0.75, 0.03, 0.011, wave=(0.045, 2.0), uneven=0.22, shade=(0.85, 1.05)
        )
    return Hair(back.layer(), front.layer())


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


STYLES = {"curls": curls, "long_straight": long_straight, "short_swept": short_swept, "wavy_bob": wavy_bob}
