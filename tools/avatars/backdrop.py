"""The soft, out-of-focus backdrop."""

import numpy as np

from tools.avatars.curves import Array, bell, mix
from tools.avatars.light import linear
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet


def backdrop(person: Person, sheet: Sheet) -> Array:
    """Linear light (size, size, 3): a glow on the side of the light, dimmer away from it, with faint blurred lights."""
    x, y = sheet.x, sheet.y
    light, dark = linear(person.backdrop[0]), linear(person.backdrop[1])
    side = np.sign(person.key[0])
    glow = bell(x, y, side * 1.2, -0.3, 2.2, 2.3)
    image = mix(dark, light, glow)
    random = np.random.default_rng([person.seed, 80])
    for _ in range(16):
        cx, cy = random.uniform(-3.4, 3.4), random.uniform(-2.6, 2.2)
        size, strength = random.uniform(0.22, 0.55), random.uniform(0.02, 0.075)
        r = np.hypot(x - cx, y - cy) / size
        disc = 1 / (1 + np.exp(np.clip((r - 1) * 9, -50, 50)))
        image = image + (strength * disc)[..., None] * (0.35 * light + 0.25)
    return image * (1 + 0.02 * sheet.noise(1.4, 81, 2))[..., None]
