"""Clothes: a crew-neck sweater, a shirt with collar, a blouse with a V-neck."""

import numpy as np

from tools.avatars.curves import Array, graph, mix, step, through
from tools.avatars.head import Head, neck_width
from tools.avatars.light import light, linear
from tools.avatars.sheet import Sheet

NECKLINES = {
    "crew": [
        (-1.15, 1.76),
        (-0.98, 1.90),
        (-0.72, 2.10),
        (-0.36, 2.26),
        (0.0, 2.31),
        (0.36, 2.26),
        (0.72, 2.10),
        (0.98, 1.90),
        (1.15, 1.76),
    ],
    "scoop": [
        (-1.5, 1.84),
        (-1.22, 2.08),
        (-0.95, 2.40),
        (-0.5, 2.64),
        (0.0, 2.72),
        (0.5, 2.64),
        (0.95, 2.40),
        (1.22, 2.08),
        (1.5, 1.84),
    ],
    "vee": [
        (-1.2, 1.74),
        (-0.95, 1.96),
        (-0.62, 2.36),
        (-0.3, 2.74),
        (0.0, 3.06),
        (0.3, 2.74),
        (0.62, 2.36),
        (0.95, 1.96),
        (1.2, 1.74),
    ],
    "turtle": [(-0.9, 1.29), (-0.6, 1.40), (-0.3, 1.51), (0.0, 1.54), (0.3, 1.51), (0.6, 1.40), (0.9, 1.29)],
}


def dress(image: Array, head: Head, shade: Array, sheet: Sheet) -> Array:
    """`image` with the person's clothes over neck and shoulders; `shade` is the soft shadow of head and hair."""
    p, x, y = head.person, sheet.x, sheet.y
    neckline = graph(NECKLINES[p.outfit], x)
    wider = 0.055 + 0.03 * np.exp(-((y - 2.04) ** 2) / 0.1)
    width = neck_width(p, y) + wider
    cover = step(-0.008, 0.008, y - neckline) * np.clip((width - np.abs(x)) * sheet.unit * 0.6 + 0.5, 0, 1)
    across = np.clip(np.abs(x) / width, 0, 1)
    z = 0.75 * np.clip(1 - across**2.4, 0, 1) ** 0.5 + 0.20 * step(1.95, 3.05, y)
    # Folds run from the shoulders inwards; they are smooth noise drawn out along the slope.
    z = z + 0.020 * sheet.noise(0.85, 21, 2, stretch=1.8) * step(1.95, 2.75, y)
    for side in (-1, 1):
        for k, (a, b) in enumerate(((1.9, 2.9), (1.55, 3.3), (2.15, 3.7))):
            fold = through(
                [(side * a * 0.95, b - 0.60), (side * (a - 0.28), b - 0.20), (side * (a - 0.72), b + 0.07)], 60
            )
            z = z + (0.035 - 0.006 * k) * sheet.ridge(fold, 0.10)
    below = y - neckline
    band = {"crew": 0.17, "scoop": 0.07, "vee": 0.09, "turtle": 0.46}[p.outfit]
    z = z + 0.05 * step(band + 0.015, band - 0.015, below) * step(-0.02, 0.05, below)
    z = z - 0.035 * np.exp(-(((below - band) / 0.016) ** 2))
    knit = np.zeros_like(x)
    if p.outfit in ("crew", "turtle"):
        rib = 0.5 + 0.5 * np.cos(2 * np.pi * (x + 0.10 * np.sign(x) * (y - 2.25)) / 0.055)
        stitch = 0.5 + 0.5 * np.cos(2 * np.pi * (y + 0.35 * np.abs(((x / 0.075) % 1) - 0.5) * 0.075 * 2) / 0.05)
        column = 0.5 + 0.5 * np.cos(2 * np.pi * x / 0.075)
        knit = np.where(below < band, rib, 0.55 * stitch + 0.45 * column)
        z = z + 0.0038 * knit
    lit = light(z, sheet, p.key, bleed=0)
    cloth = linear(p.cloth)
    colour = cloth * (0.92 + 0.10 * knit + 0.03 * sheet.noise(0.03, 22, 2))[..., None]
    fuzz = (1 - np.clip(lit.normal[..., 2], 0, 1))[..., None] * 0.10 * (0.3 + cloth)
    out = colour * lit.soft * 0.60 + fuzz * 0.6 + lit.gloss * 0.004
    out = out * (1 - 0.45 * shade)[..., None]
    # The neckline's edge throws a thin shade on the skin above it.
    touch = sheet.blur((y > neckline).astype(np.float32), 0.035) * head.neck
    image = mix(image, image * [0.42, 0.32, 0.30], 0.75 * touch)
    return mix(image, out, cover)
