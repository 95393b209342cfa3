"""The colour of skin and lips, and how the lit skin looks."""

import numpy as np

from tools.avatars.curves import Array, bell, mix, step
from tools.avatars.features import NOSE_Y
from tools.avatars.head import Head
from tools.avatars.light import Lit, linear
from tools.avatars.sheet import Sheet


def albedo(head: Head, sheet: Sheet) -> Array:
    """Linear colour of the skin (size, size, 3), lips included."""
    p, x, y = head.person, sheet.x, sheet.y
    base = linear(p.skin)
    red = base * [1.10, 0.66, 0.62]
    deep = base * [0.78, 0.62, 0.56]
    colour = np.broadcast_to(base, (*x.shape, 3)).copy()
    flush = 0.05 * np.ones_like(x)
    for side in (-1, 1):
        flush += 0.62 * p.blush * bell(x, y, side * 0.60, 0.47, 0.20, 0.15, side * 0.35)
        flush += 0.20 * bell(x, y, side * 0.19, 0.66, 0.08, 0.07)
    flush += 0.26 * (0.4 + p.blush) * bell(x, y, 0, 0.58, 0.13, 0.11) + 0.16 * bell(
        x, y, 0, head.outline.bottom - 0.16, 0.2, 0.1
    )
    flush += 0.035 * sheet.noise(0.30, 11)
    colour = mix(colour, red, np.clip(flush, 0, 0.8))
    shadow = np.zeros_like(x)
    for eye in head.eyes:
        u, v = eye.own(x, y)
        lid = (
            step(eye.crease(u) - 0.35, eye.crease(u) + 0.05, v)
            * step(0.9, 0.2, v)
            * np.exp(-(np.clip(np.abs(u) - 0.8, 0, 2) ** 2) / 0.12)
        )
        shadow = np.maximum(shadow, 0.40 * lid)
        shadow = np.maximum(
            shadow,
            (0.16 + 0.16 * p.age)
            * np.exp(-(((v - 0.55) / 0.25) ** 2) - (np.clip(np.abs(u + 0.2) - 0.5, 0, 3) / 0.35) ** 2),
        )
    colour = mix(colour, deep * [1, 0.94, 0.98], shadow)
    if p.stubble:
        jaw = step(0.62, 1.0, y + 0.35 * np.abs(x)) * step(1.75, 1.35, y - 0.1)
        jaw *= 1 - 0.85 * bell(x, y, 0, 0.72, 0.16, 0.1)
        colour = mix(colour, base * [0.50, 0.55, 0.62], p.stubble * 0.62 * jaw)
    colour *= (1 + 0.022 * sheet.noise(0.10, 12) + 0.018 * sheet.noise(0.025, 13, 2))[..., None]
    if p.freckles:
        random = np.random.default_rng([p.seed, 5])
        spots = np.zeros_like(x)
        for _ in range(170):
            fx, fy = random.normal(0, 0.42), random.normal(0.36, 0.13)
            size = random.uniform(0.006, 0.013)
            rows, columns = sheet.box(fx - 0.05, fy - 0.05, fx + 0.05, fy + 0.05)
            spot = random.uniform(0.2, 0.75) * bell(
                x[rows, columns], y[rows, columns], fx, fy, size, size * random.uniform(0.7, 1.1)
            )
            spots[rows, columns] = np.maximum(spots[rows, columns], spot)
        colour = mix(colour, base * [0.62, 0.45, 0.36], p.freckles * spots)
    lip, _ = lips(head, sheet)
    tint = linear(p.lips)
    line = head.mouth.line(x)
    tone = np.where(y < line, 0.80, 1.06)
    fade = sheet.blur(tone.astype(np.float32), 0.006)
    crease = 1 + 0.05 * np.clip(sheet.noise(0.028, 31, 2, stretch=6), -2, 2)
    return mix(colour, tint * (fade * crease)[..., None], lip * 0.86)


def bare(head: Head, lit: Lit, sheet: Sheet) -> Array:
    """Linear light of plain skin: neck, shoulders and ears."""
    base = linear(head.person.skin)
    mottled = base * (1 + 0.03 * sheet.noise(0.30, 15) + 0.018 * sheet.noise(0.03, 16, 2))[..., None]
    return mottled * lit.soft * 0.60 + lit.gloss * 0.014


def lips(head: Head, sheet: Sheet) -> tuple[Array, Array]:
    """Soft coverage of both lips, and distance downwards from the lip line (face units)."""
    x, y, m = sheet.x, sheet.y, head.mouth
    soft = 0.016
    cover = step(-soft, soft, y - m.upper(x)) * step(-soft * 1.5, soft * 1.2, m.lower(x) - y)
    return cover * step(1.0, 0.90, np.abs(x) / m.half), y - m.line(x)


def shaded(head: Head, lit: Lit, sheet: Sheet) -> Array:
    """Linear light (size, size, 3) that leaves the skin."""
    p, x, y = head.person, sheet.x, sheet.y
    colour = albedo(head, sheet)
    oil = 0.55 + 0.5 * bell(x, y, 0, 0.55, 0.12, 0.2) + 0.25 * bell(x, y, 0, -0.7, 0.4, 0.25)
    for side in (-1, 1):
        oil = oil + 0.25 * bell(x, y, side * 0.58, 0.30, 0.18, 0.12)
    oil = oil * (1 + 0.16 * sheet.noise(0.022, 14, 2))
    lip, below = lips(head, sheet)
    wet = lip * p.gloss * (1 + 0.25 * sheet.noise(0.03, 31, 2, stretch=6))
    image = colour * lit.soft * 0.62 + lit.gloss * (0.038 * oil * (1 - lip) + 0.15 * wet)[..., None]
    across = np.clip(1 - (np.abs(x) / head.mouth.half) ** 4, 0, 1)
    shut = np.exp(-((below / 0.0115) ** 2)) * across + 0.40 * np.exp(-(((below - 0.012) / 0.03) ** 2)) * across * (
        below > -0.02
    )
    image = mix(image, image * [0.22, 0.13, 0.13], np.clip(shut, 0, 1) * 0.88)
    for side in (-1, 1):  # corners of the mouth, nostrils
        w, t = p.nose_width, NOSE_Y + p.nose_length
        corner = bell(
            x,
            y,
            side * (head.mouth.half - 0.004),
            float(head.mouth.line(np.array(side * head.mouth.half))) + 0.002,
            0.022,
            0.014,
        )
        image = mix(image, image * [0.45, 0.32, 0.30], 0.75 * corner)
        hole = bell(x, y, side * 0.094 * w, t + 0.004, 0.036 * w, 0.0135, side * 0.36) ** 0.8
        image = mix(image, image * [0.24, 0.13, 0.12], np.clip(1.2 * hole, 0, 0.9))
    return image
