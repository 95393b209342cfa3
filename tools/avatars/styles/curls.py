"""A full, round head of natural curls."""

import numpy as np

from tools.avatars.curves import Array, step
from tools.avatars.hair import Fibres, coils
from tools.avatars.head import Head
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet
from tools.avatars.strands import Brush
from tools.avatars.styles.layers import Hair


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
