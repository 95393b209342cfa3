"""Hair styles by name."""

from .curls import curls
from .layers import Hair
from .long_straight import long_straight
from .short_swept import short_swept
from .wavy_bob import wavy_bob

STYLES = {"curls": curls, "long_straight": long_straight, "short_swept": short_swept, "wavy_bob": wavy_bob}

__all__ = ["STYLES", "Hair"]
