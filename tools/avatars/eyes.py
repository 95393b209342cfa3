"""Paints eyeballs, lid edges, lashes and brows."""

import numpy as np

from tools.avatars.curves import Array, bell, mix, step, through
from tools.avatars.features import Brow, Eye
from tools.avatars.head import Head
from tools.avatars.light import encoded, linear
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush


def paint(image: Array, head: Head, sheet: Sheet) -> Array:
    """The lit skin `image` (size, size, 3), linear light, with both eyes set in."""
    image = image.copy()
    for eye in head.eyes:
        reach = 1.7 * eye.half
        rows, columns = sheet.box(eye.x - reach, eye.y - reach, eye.x + reach, eye.y + reach)
        image[rows, columns] = _eye(
            image[rows, columns], sheet.x[rows, columns], sheet.y[rows, columns], eye, head.person, sheet
        )
    return image


def _eye(skin: Array, x: Array, y: Array, eye: Eye, person: Person, sheet: Sheet) -> Array:
    u, v = eye.own(x, y)
    pixel = 1.0 / (eye.half * sheet.unit)
    upper, lower = eye.upper(u), eye.lower(u)
    ends = step(-1.05, -0.97, u) * step(1.04, 0.99, u)
    soft = pixel + 0.014
    inside = step(-soft, soft, v - upper) * step(-soft, soft, lower - v) * ends

    # The shade in the crease and the soft one that lashes and lid edge throw on the skin around.
    near = np.exp(-(np.clip(np.abs(u - 0.05) - 0.75, 0, 3) ** 2) / 0.06)
    fold = np.exp(-(((v - eye.crease(u)) / 0.040) ** 2)) + 0.5 * np.exp(-(((v - eye.crease(u) - 0.05) / 0.10) ** 2))
    skin = mix(skin, skin * [0.36, 0.25, 0.22], 0.80 * np.clip(fold * near, 0, 1) * min(1.0, 0.25 + 0.75 * person.fold))
    around = np.exp(-((np.clip(upper - v, 0, 9) / 0.10) ** 1.3)) * (v < upper + 0.1) * near
    skin = mix(skin, skin * [0.50, 0.38, 0.36], 0.38 * around)
    below = np.exp(-((np.clip(v - lower, 0, 9) / 0.085) ** 1.2)) * (v > lower - 0.1) * near
    skin = mix(skin, skin * [0.66, 0.47, 0.45], 0.36 * below)

    # The white is a sphere in warm light, dim at both corners and under the lid.
    key = np.array(person.key) / np.linalg.norm(person.key)
    nx, ny = u * eye.side / 1.45, v / 1.45
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.05, 1))
    facing = np.clip((nx * key[0] + ny * key[1] + nz * key[2] + 0.35) / 1.35, 0, 1)
    tan = float(linear(person.skin).mean())
    white = np.array([0.76, 0.70, 0.66]) * (0.70 + 0.30 * min(1.0, tan / 0.5)) * (0.42 + 0.50 * facing)[..., None]
    corner = np.clip((np.abs(u + 0.04) - 0.45) / 0.55, 0, 1)
    white = mix(white, np.array([0.48, 0.27, 0.24]), 0.62 * corner**1.6)
    white = mix(white, np.array([0.52, 0.19, 0.17]), 0.95 * bell(u, v, -0.99, 0.115, 0.085, 0.085))

    iris = _iris(u * eye.side, v, eye, person, pixel)
    r = np.hypot((u - eye.side * eye.iris_at[0]), v - eye.iris_at[1]) / eye.iris_radius
    ball = mix(white, white * 0.55, 0.65 * np.exp(-(np.clip(r - 1, 0, 9) / 0.14)))
    edge = (pixel + 0.03) / eye.iris_radius
    ball = mix(ball, iris, step(1 + edge, 1 - edge, r))

    lid_shadow = np.exp(-((np.clip(v - upper, 0, 9) / 0.20) ** 1.4))
    ball = ball * (1 - 0.80 * lid_shadow)[..., None] * mix(1.0, np.array([1.0, 0.94, 0.92]), lid_shadow)
    # The catchlights come after the shade: they lie on the wet surface, not under it.
    cx, cy = eye.iris_at[0] * eye.side, eye.iris_at[1]
    lx, ly = u * eye.side - cx * eye.side, v - cy
    q = eye.iris_radius
    toward = 1.0 if person.key[0] > 0 else -1.0
    window = step(
        0.205 * q,
        0.120 * q,
        (np.abs((lx - toward * 0.36 * q) * 1.0) ** 3 + np.abs((ly + 0.36 * q) * 0.82) ** 3) ** (1 / 3),
    )
    spark = step(0.085 * q, 0.02 * q, np.hypot(lx + toward * 0.42 * q, ly - 0.40 * q))
    ball = ball + (0.95 * window + 0.16 * spark)[..., None] * np.array([1.0, 0.98, 0.95])
    ball = ball + 0.035 * bell(lx, ly, toward * 0.36 * q, -0.36 * q, 0.32 * q, 0.32 * q)[..., None]

    out = mix(skin, ball, inside)
    rim = np.exp(-(((v - lower + 0.012) / 0.030) ** 2)) * step(-1.0, -0.85, u) * step(1.03, 0.9, u)
    out = mix(out, skin * [1.02, 0.72, 0.70] + 0.035, 0.62 * rim)
    wet = np.exp(-(((v - lower + 0.045) / 0.014) ** 2)) * bell(u, v, -0.25 * eye.side * toward * -1, 0.3, 0.30, 0.3)
    out = out + (0.22 * wet * inside)[..., None]
    tear = 0.30 * bell(u, v, -0.93, 0.10, 0.022, 0.018)
    out = out + tear[..., None]
    thick = (0.034 + 0.026 * person.liner) * (0.55 + 0.45 * step(-1.0, 0.4, u)) * step(1.16, 0.9, u) + 0.002
    line = np.exp(-(np.abs((v - upper + 0.012) / thick) ** 2.4)) * step(-1.02, -0.80, u) * step(1.14, 1.0, u)
    out = mix(out, linear((34, 22, 20)) * 0.7, np.clip(0.70 + 0.30 * person.liner, 0, 1) * line)
    under = np.exp(-(((v - lower - 0.02) / 0.030) ** 2)) * step(0.1, 0.95, u) * step(1.12, 0.98, u)
    return mix(out, out * [0.32, 0.24, 0.23], (0.35 + 0.45 * person.liner) * under)


def _iris(px: Array, v: Array, eye: Eye, person: Person, pixel: float) -> Array:
    """Colour of the iris at picture-wise offset `px` (own half widths, to the right) and `v`."""
    dx, dy = px - eye.iris_at[0], v - eye.iris_at[1]
    r = np.hypot(dx, dy) / eye.iris_radius
    angle = np.arctan2(dy, dx)
    random = np.random.default_rng([person.seed, 40 + eye.side])
    fibre = np.zeros_like(r)
    for waves in (9, 17, 26, 39, 58):
        bend = random.uniform(-1.2, 1.2)
        fibre += (
            np.sin(waves * (angle + 0.12 * bend * r) + random.uniform(0, 6.28) + 2.2 * np.sin(3 * angle + bend))
            / waves**0.35
        )
    fibre = fibre / 1.1
    base = linear(person.iris)
    colour = base * (0.78 + 0.26 * fibre * step(0.35, 0.6, r))[..., None]
    colour = mix(
        colour, base * [1.55, 1.25, 0.85] + 0.006, 0.55 * np.exp(-(((r - 0.50) / 0.14) ** 2)) * (0.75 + 0.25 * fibre)
    )
    colour = mix(colour, base * 0.16, step(0.70, 1.0, r) * 0.88)
    toward = 1.0 if person.key[0] > 0 else -1.0
    away = np.clip(-toward * dx * 0.75 + dy * 0.8, -1, 1) / eye.iris_radius
    glow = step(0.05, 0.75, away) * np.exp(-(((r - 0.66) / 0.22) ** 2))
    colour = colour + (base * [1.25, 1.15, 1.0] + 0.012) * (1.35 * glow)[..., None]
    colour = colour * (1 - 0.45 * step(0.2, -0.75, dy / eye.iris_radius))[..., None]
    edge = pixel / eye.iris_radius + 0.03
    return mix(colour, np.array([0.0045, 0.0035, 0.0035]), step(0.40 + edge, 0.40 - edge, r))


def lashes(head: Head, sheet: Sheet) -> tuple[Array, Array]:
    """The layer of lashes: colour in sRGB and alpha."""
    brush = Brush(sheet)
    p = head.person
    dark = encoded(linear((28, 19, 17)))
    for eye in head.eyes:
        random = np.random.default_rng([p.seed, 50 + eye.side])
        for upper, count, long in ((False, 34, 0.105), (True, 92, 0.30)):
            u = np.sort(random.uniform(-0.88 if upper else -0.35, 1.03, count))
            u += 0.018 * np.sin(u * 31)  # they stick together in small groups
            root = np.stack([u, (eye.upper(u) + 0.01) if upper else eye.lower(u) + 0.012], -1)
            size = long * p.lashes * (0.45 + 0.55 * step(-1.0, 0.5, u)) * random.uniform(0.65, 1.1, count)
            lean = 0.95 * (u + 0.18) + 0.10 * random.standard_normal(count)
            out = np.stack([np.sin(lean), -np.cos(lean) if upper else np.cos(lean)], -1)
            curl = np.stack([np.sign(lean) * 0.15 + 0.1, np.full(count, -0.42 if upper else 0.10)], -1)
            t = np.linspace(0, 1, 9)[None, :, None]
            sag = np.array([0.0, 0.30 if upper else 0.0])
            points = root[:, None] + size[:, None, None] * (
                out[:, None] * t + sag * t * (1 - t) * 1.2 + curl[:, None] * t**2.2 * 0.6
            )
            width = (
                (0.0105 if upper else 0.0055) * (1.05 - t[..., 0]) ** 0.8 * np.ones((count, 1)) * (0.6 + 0.4 * p.lashes)
            )
            colour = np.empty((count, 9, 4))
            colour[..., :3] = dark
            colour[..., 3] = (0.88 if upper else 0.50) * (1 - 0.35 * t[..., 0])
            brush.draw(eye.place(points), width, colour)
    return brush.layer()


def brows(head: Head, sheet: Sheet) -> tuple[Array, Array]:
    """The layer of both brows, hair by hair over a soft shade."""
    brush = Brush(sheet)
    p = head.person
    tone = np.array(p.brow) / 255
    for brow in head.brows:
        random = np.random.default_rng([p.seed, 60 + brow.side])
        _brow(brush, brow, tone, random, p.brow_weight)
    return brush.layer()


def _brow(brush: Brush, brow: Brow, tone: Array, random: np.random.Generator, weight: float) -> None:
    count = int(330 * (0.6 + 0.4 * weight))
    at = random.beta(1.05, 1.0, count) * 0.97
    across = np.clip(random.normal(0.0, 0.50, count), -1, 1)
    order = np.argsort(-across)
    at, across = at[order], across[order]
    index = at * (len(brow.spine) - 1)
    spine = np.stack([np.interp(index, np.arange(len(brow.spine)), brow.spine[:, k]) for k in (0, 1)], -1)
    slope = np.gradient(brow.spine, axis=0)
    slope = np.stack([np.interp(index, np.arange(len(brow.spine)), slope[:, k]) for k in (0, 1)], -1)
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
    up = np.stack([slope[:, 1], -slope[:, 0]], -1) * brow.side
    half = np.interp(index, np.arange(len(brow.spine)), brow.half)
    root = spine + up * (across * half)[:, None]
    # At the nose the hairs stand up; further out they lie along the brow, from above downwards, from below upwards.
    rise = np.clip(
        1.25 * np.exp(-at * 5.5) + 0.42 - 0.62 * np.clip(across + 0.1, -0.6, 1) * np.clip(at * 2, 0, 1), -0.5, 1.4
    )
    rise += 0.13 * random.standard_normal(count)
    direction = slope * np.cos(rise)[:, None] + up * np.sin(rise)[:, None]
    size = random.uniform(0.070, 0.120, count) * (1 - 0.40 * at) * (0.75 + 0.25 * weight)
    t = np.linspace(0, 1, 8)[None, :, None]
    bend = slope[:, None] * t**2 * 0.32
    points = root[:, None] + size[:, None, None] * (direction[:, None] * t + bend)
    width = random.uniform(0.0080, 0.0125, count)[:, None] * (1.05 - t[..., 0]) ** 0.7
    colour = np.empty((count, 8, 4))
    colour[..., :3] = tone * random.uniform(0.75, 1.30, count)[:, None, None]
    start = np.clip(0.42 + 2.2 * at, 0, 1)[:, None]
    colour[..., 3] = 0.62 * start * (1 - 0.30 * t[..., 0])
    brush.draw(points, width, colour)


def brow_shade(head: Head, sheet: Sheet) -> Array:
    """The soft shade (size, size), 0 to 1, under the hairs of the brows."""
    shade = np.zeros_like(sheet.x)
    for brow in head.brows:
        thick = through(np.stack([brow.spine[5:-12, 0], brow.spine[5:-12, 1] - 0.004], -1), 80)
        shade = np.maximum(shade, sheet.ridge(thick, 0.030 * head.person.brow_weight))
    return shade
