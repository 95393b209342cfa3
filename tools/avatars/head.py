"""Sculpts head and neck as a height field: how far each point of the picture comes forward, in face units."""

from dataclasses import dataclass

import numpy as np

from tools.avatars.curves import Array, bell, graph, step, through
from tools.avatars.features import NOSE_Y, Brow, Eye, Mouth, Outline
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet


@dataclass
class Head:
    person: Person
    outline: Outline
    eyes: tuple[Eye, Eye]
    brows: tuple[Brow, Brow]
    mouth: Mouth
    height: Array  # (size, size), of the head, at most 0 beside it
    trunk: Array  # (size, size), height of neck and shoulders
    ears: tuple[Array, Array]  # height and coverage of both ears
    face: Array  # coverage of the head without ears, 0 to 1
    neck: Array  # coverage of neck and bare shoulders


def neck_width(person: Person, y: Array) -> Array:
    n, s = person.neck, person.shoulders
    return graph(
        [(0.6, n * 1.02), (1.2, n), (1.50, n * 0.985), (1.74, n * 1.03), (1.90, n * 1.16),
         (2.03, 0.55 * n + 0.30 * s), (2.16, 0.58 * s),
         (2.31, 0.76 * s), (2.48, 0.89 * s), (2.72, 0.965 * s), (3.1, s), (4.2, s * 1.04)],
        y,
    )  # fmt: skip


def _dome(x: Array, y: Array, outline: Outline) -> Array:
    low = outline.bottom
    depth = graph(
        [(-1.62, 0.95), (-1.1, 1.02), (-0.45, 1.10), (0.0, 1.08), (0.5, 1.12), (1.0, 1.15), (1.35, 1.11), (low, 1.05)],
        y,
    )
    depth = depth * np.sqrt(np.clip(1 - np.clip((y - (low - 0.52)) / 0.52, 0, 1) ** 4, 0, 1))
    depth = depth * np.sqrt(np.clip(1 - np.clip((-0.55 - y) / (-0.55 - outline.top), 0, 1) ** 2.4, 0, 1))
    across = 0.985 * np.abs(x) / np.maximum(outline.width(y), 1e-3)  # not all round the edge, where light would die
    return depth * np.clip(1 - np.clip(across, 0, 1) ** 2.15, 0, 1) ** (1 / 1.9)


def _nose(x: Array, y: Array, person: Person, sheet: Sheet) -> Array:
    """Bridge, tip and wings are rounded bodies that melt into one another, in height above the face without a nose."""
    w, tall = person.nose_width, person.nose_height
    t = NOSE_Y + person.nose_length
    bridge = graph([(-0.75, 0.0), (-0.60, 0.0), (-0.15, 0.07), (0.05, 0.115), (0.35, 0.235), (0.56, 0.30)], y) * tall
    half = graph([(-0.3, 0.13), (0.0, 0.105), (0.3, 0.115), (0.5, 0.125)], y) * (0.45 + 0.55 * w)
    bridge = bridge * np.exp(-(np.abs(x / half) ** 2.05) * 0.66) * step(0.02, -0.16, y - t)
    bodies = [np.zeros_like(x), bridge]
    ball = 0.4 + 0.6 * w
    bodies.append(0.395 * tall - 11.5 * (x / ball) ** 2 - 12.5 * (y - (t - 0.088)) ** 2)
    bodies.append(0.26 * tall - 95 * (x / ball) ** 2 - 22 * (y - (t - 0.01)) ** 2)  # the bridge between the nostrils
    wing_y = y - (t - 0.062)
    bodies += [0.200 * tall - 25 * ((x - side * 0.166 * w) / ball) ** 2 - 24 * wing_y**2 for side in (-1, 1)]
    sharp = 26.0
    height = np.log(sum(np.exp(np.clip(sharp * b, -60, 60)) for b in bodies)) / sharp - np.log(2.0) / sharp
    for side in (-1, 1):
        groove = through(
            [
                (side * 0.190 * w, t - 0.175),
                (side * 0.252 * w, t - 0.120),
                (side * 0.268 * w, t - 0.045),
                (side * 0.225 * w, t + 0.025),
            ],
            40,
        )
        height = height - 0.022 * sheet.ridge(groove, 0.030)
        height = height - 0.075 * bell(x, y, side * 0.092 * w, t - 0.002, 0.042 * w, 0.020, side * 0.40)
    return np.maximum(height, -0.1)


def _mouth(x: Array, y: Array, mouth: Mouth, person: Person) -> Array:
    line, upper, lower = mouth.line(x), mouth.upper(x), mouth.lower(x)
    inside = np.clip(1 - (np.abs(x) / mouth.half) ** 2, 0, 1)
    v_low = np.clip((y - line) / np.maximum(lower - line, 0.02), 0, 3)
    v_up = np.clip((line - y) / np.maximum(line - upper, 0.02), 0, 3)
    pillow = 1.1 * np.clip(v_low, 0, 9) ** 0.55 * np.exp(-((v_low / 0.88) ** 2.4))
    height = 0.115 * person.lower_lip * inside**0.55 * pillow * (y > line)
    roll = 1.25 * np.clip(v_up, 0, 9) ** 0.6 * np.exp(-((v_up / 1.05) ** 2.4))
    height += 0.072 * person.upper_lip * inside**0.6 * roll * (y <= line)
    height += 0.022 * bell(x, y, 0, mouth.y - 0.035, 0.055, 0.03)
    for side in (-1, 1):
        height += 0.014 * bell(x, y, side * 0.13, mouth.y + 0.075, 0.085, 0.05)
        corner = float(mouth.line(np.array(side * mouth.half)))
        height -= 0.050 * bell(x, y, side * (mouth.half + 0.015), corner, 0.045, 0.035)
    return height - 0.050 * np.exp(-(((y - line) / 0.014) ** 2)) * inside**0.35


def _eye(x: Array, y: Array, eye: Eye, person: Person, sheet: Sheet) -> Array:
    s = eye.side
    u, v = eye.own(x, y)
    socket = -0.165 * bell(x, y, s * 0.40, -0.02, 0.225, 0.155) - 0.10 * bell(x, y, s * 0.20, -0.045, 0.085, 0.12)
    far = (u / 1.42) ** 2 + ((v + 0.02) / 1.05) ** 2
    height = socket + 0.19 * np.exp(-1.25 * far**1.3)
    near = np.exp(-(np.clip(np.abs(u) - 0.9, 0, None) ** 2) / 0.04)
    crease = eye.crease(u)
    height -= 0.028 * np.exp(-(((v - crease) / 0.055) ** 2)) * near * min(person.fold, 1)
    height += 0.022 * np.exp(-(((v - crease + 0.22) / 0.20) ** 2)) * near  # the fold of skin above the crease
    edge = np.minimum(np.abs(v - eye.upper(u)), np.abs(v - eye.lower(u)))
    height += 0.012 * np.exp(-((edge / 0.06) ** 2)) * step(1.15, 0.95, np.abs(u))
    height += 0.014 * np.exp(-(((v - eye.lower(u) - 0.15) / 0.10) ** 2)) * near  # the small pillow under the eye
    bag = through(eye.place([(-0.95, 0.42), (-0.4, 0.70), (0.2, 0.76), (0.75, 0.60)]), 40)
    return height - (0.008 + 0.016 * person.age) * sheet.ridge(bag, 0.040)


def sculpt(person: Person, sheet: Sheet) -> Head:
    """The bald head with closed lips and empty eyes, and the neck."""
    x, y = sheet.x, sheet.y
    outline = Outline(person)
    eyes = (Eye(person, -1), Eye(person, 1))
    brows = (Brow(person, -1), Brow(person, 1))
    mouth = Mouth(person)
    c, low, age = person.cheeks, outline.bottom, person.age

    z = _dome(x, y, outline)
    for side, eye, brow in zip((-1, 1), eyes, brows, strict=True):
        z = z + 0.055 * sheet.ridge(brow.spine + np.array([0.0, 0.03]), 0.095)
        z = z + 0.075 * c * bell(x, y, side * 0.60, 0.42, 0.20, 0.17) + 0.03 * bell(x, y, side * 0.36, 0.55, 0.16, 0.14)
        z = z - 0.055 * bell(x, y, side * 0.68, 0.93, 0.15, 0.24)
        z = z - 0.035 * bell(x, y, side * 0.90, -0.32, 0.12, 0.28)  # temple
        fold = through([(side * 0.30, 0.62), (side * 0.385, 0.76), (side * 0.45, 0.93), (side * 0.485, 1.06)], 50)
        z = z - (0.012 + 0.034 * age) * sheet.ridge(fold, 0.045)
        z = z + (0.018 + 0.02 * age) * sheet.ridge(fold + np.array([side * 0.085, -0.02]), 0.07)
        z = z + _eye(x, y, eye, person, sheet)
    z = z + 0.050 * bell(x, y, 0, -0.75, 0.42, 0.30) - 0.02 * bell(x, y, 0, -0.20, 0.09, 0.10)
    z = z + 0.085 * bell(x, y, 0, mouth.y - 0.02, 0.34, 0.22)
    z = z + _nose(x, y, person, sheet)
    z = z + _mouth(x, y, mouth, person)
    for side in (-1, 1):  # the two columns of the philtrum
        column = through(
            [(side * 0.040, NOSE_Y + 0.05), (side * 0.062, float(mouth.upper(np.array(side * 0.08))) - 0.01)], 20
        )
        z = z + 0.013 * sheet.ridge(column, 0.026)
    z = z - 0.016 * bell(x, y, 0, 0.5 * (NOSE_Y + mouth.y) - 0.03, 0.028, 0.085)
    z = z - 0.060 * bell(x, y, 0, mouth.y + 0.255, 0.20, 0.055)
    z = z + 0.085 * bell(x, y, 0, low - 0.20, 0.17 * person.chin_width, 0.12)
    z = z + _wrinkles(person, eyes, sheet)

    width = neck_width(person, y)
    across = np.clip(np.abs(x) / width, 0, 1)
    trunk = (
        (0.25 + 0.62 * person.neck) * np.clip(1 - across**2.2, 0, 1) ** 0.5
        - 0.30
        - 0.10 * step(1.0, 1.8, y)
        + 0.30 * step(1.95, 2.75, y)
    )
    for side in (-1, 1):
        cord = through([(side * 0.50, 1.05), (side * 0.36, 1.52), (side * 0.13, 2.02)], 60)
        trunk = trunk + 0.055 * sheet.ridge(cord, 0.085)
        bone = through([(side * 0.12, 2.16), (side * 0.45, 2.20), (side * 0.95, 2.11), (side * 1.5, 2.16)], 80)
        trunk = trunk + 0.05 * sheet.ridge(bone, 0.07)
    trunk = trunk - 0.07 * bell(x, y, 0, 2.10, 0.10, 0.09)
    edge = sheet.unit
    face = (
        np.clip((outline.width(y) - np.abs(x)) * edge * _steepness(outline, y) + 0.5, 0, 1)
        * (y > outline.top)
        * (y < low)
    )
    neck = np.clip((width - np.abs(x)) * edge + 0.5, 0, 1) * (y > 0.6)
    return Head(person, outline, eyes, brows, mouth, z, trunk, _ears(person, outline, sheet), face, neck)


def _ears(person: Person, outline: Outline, sheet: Sheet) -> tuple[Array, Array]:
    x, y = sheet.x, sheet.y
    height, cover = np.zeros_like(x), np.zeros_like(x)
    for side in (-1, 1):
        edge = float(outline.width(np.array(0.2)))
        shape = [
            (-0.10, -0.13),
            (0.03, -0.20),
            (0.125, -0.16),
            (0.155, -0.02),
            (0.135, 0.15),
            (0.09, 0.30),
            (0.055, 0.43),
            (-0.01, 0.50),
            (-0.09, 0.44),
            (-0.14, 0.1),
        ]
        border = through([(side * (edge + a), b + 0.02) for a, b in shape], 160, closed=True)
        mask = sheet.fill(border)
        soft = sheet.blur(mask, 0.045)
        helix = through(
            [
                (side * (edge + a), b + 0.02)
                for a, b in [
                    (-0.02, -0.10),
                    (0.04, -0.165),
                    (0.105, -0.13),
                    (0.125, -0.01),
                    (0.105, 0.14),
                    (0.065, 0.27),
                ]
            ],
            80,
        )
        inner = through(
            [(side * (edge + a), b + 0.02) for a, b in [(0.03, -0.04), (0.065, 0.05), (0.06, 0.17), (0.02, 0.27)]], 60
        )
        ear = 0.10 + 0.16 * soft + 0.060 * sheet.ridge(helix, 0.024) + 0.035 * sheet.ridge(inner, 0.022)
        ear = (
            ear
            - 0.10 * bell(x, y, side * (edge + 0.01), 0.13, 0.035, 0.10)
            + 0.03 * bell(x, y, side * (edge + 0.03), 0.40, 0.05, 0.06)
        )
        height = np.where(mask > 0, ear, height)
        cover = np.maximum(cover, mask)
    return height, cover


def _steepness(outline: Outline, y: Array) -> Array:
    """Turns a horizontal distance from the outline into a nearly perpendicular one: cosine of the outline's slope."""
    slope = (outline.width(y + 0.01) - outline.width(y - 0.01)) / 0.02
    return 1 / np.sqrt(1 + np.clip(slope, -30, 30) ** 2)


def _wrinkles(person: Person, eyes: tuple[Eye, Eye], sheet: Sheet) -> Array:
    z = np.zeros_like(sheet.x)
    if person.age <= 0:
        return z
    random = np.random.default_rng([person.seed, 71])
    for level, (y, half) in enumerate([(-0.62, 0.50), (-0.76, 0.55), (-0.90, 0.46)]):
        wave = [
            (x * half, y + 0.02 * np.cos(3 * x + level) + 0.008 * random.standard_normal())
            for x in np.linspace(-1, 1, 7)
        ]
        z -= 0.011 * person.age * sheet.ridge(through(wave, 120), 0.018)
    for eye in eyes:
        for turn in (-0.22, 0.02, 0.26, 0.5):
            start = np.array([1.22 + 0.05 * random.standard_normal(), 0.02 + 0.42 * turn])
            line = through(
                [eye.place(start + r * np.array([np.cos(turn), np.sin(turn) + 0.10 * r])) for r in (0.0, 0.2, 0.42)], 40
            )
            z -= 0.017 * person.age * sheet.ridge(line, 0.014)
        for v, h in ((0.62, 0.018), (0.84, 0.014)):
            z -= (
                h
                * person.age
                * sheet.ridge(through(eye.place([(-0.6, v * 0.86), (0.1, v), (0.8, v * 0.78)]), 50), 0.015)
            )
    for side in (-1, 1):
        z -= (
            0.006
            * person.age
            * sheet.ridge(through([(side * 0.075, -0.36), (side * 0.065, -0.28), (side * 0.085, -0.2)], 20), 0.016)
        )
        z -= (
            0.012
            * person.age
            * sheet.ridge(through([(side * 0.46, 1.08), (side * 0.49, 1.20), (side * 0.46, 1.32)], 30), 0.022)
        )
    return z
