"""Hair styles by name."""

from .bob import bob
from .curls import curls
from .layers import Hair
from .long_straight import long_straight
from .short_swept import short_swept

STYLES = {"bob": bob, "curls": curls, "long_straight": long_straight, "short_swept": short_swept}

__all__ = ["STYLES", "Hair"]
