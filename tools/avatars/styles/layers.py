"""What a hair style gives to a portrait."""

from dataclasses import dataclass

from tools.avatars.curves import Array

Layer = tuple[Array, Array]  # colour (size, size, 3) in sRGB 0 to 1 and alpha (size, size)


@dataclass
class Hair:
    back: Layer | None = None  # behind neck and shoulders
    front: Layer | None = None
    roots: Array | None = None  # shade of dense short hair on the skin, 0 to 1
