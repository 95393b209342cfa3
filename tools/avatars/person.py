"""What makes one drawn person differ from another."""

from dataclasses import dataclass, field

Colour = tuple[int, int, int]  # sRGB, 0 to 255


@dataclass(frozen=True)
class Person:
    """Lengths are in face units (see sheet.py), unless said to be a factor (1 is usual)."""

    name: str
    seed: int
    skin: Colour
    lips: Colour
    iris: Colour
    brow: Colour
    backdrop: tuple[Colour, Colour]  # lighter, where the light falls, and darker
    cloth: Colour
    outfit: str  # a name in clothes.py
    hair: str  # a name in styles.py
    hair_colours: tuple[Colour, Colour, Colour]  # in shade, in light, where it shines
    blush: float = 0.5
    freckles: float = 0.0
    stubble: float = 0.0  # shadow of a beard
    beard: bool = False
    age: float = 0.0  # 0 is young, 1 has many friendly lines
    # shape of the head
    jaw: float = 1.0  # factor on the width at the jaw's angle
    chin: float = 0.0  # added length
    chin_width: float = 1.0  # factor
    cheeks: float = 1.0  # factor on the fullness of the cheekbones
    neck: float = 0.60  # half width
    shoulders: float = 2.55  # half width
    # eyes
    eye_size: float = 1.0
    eye_open: float = 1.0
    eye_tilt: float = 0.05  # radians; outer corner higher
    fold: float = 1.0  # distance of the lid's crease from its edge, factor; small for a hidden crease
    epicanthus: float = 0.0  # how far the inner corner is veiled by skin
    lashes: float = 1.0  # factor on their length
    liner: float = 0.4  # darkness of the lash line
    brow_weight: float = 1.0
    brow_arch: float = 1.0
    brow_height: float = 0.0  # added distance from the eye
    # nose and mouth
    nose_width: float = 1.0
    nose_height: float = 1.0
    nose_length: float = 0.0
    mouth_width: float = 1.0
    upper_lip: float = 1.0
    lower_lip: float = 1.0
    smile: float = 1.0
    gloss: float = 0.5
    # light
    key: tuple[float, float, float] = (-0.50, -0.40, 0.77)  # towards the light: right, down, to the viewer
    rim: Colour = (255, 226, 196)
    slant: dict[str, float] = field(default_factory=dict)  # small differences between left and right
