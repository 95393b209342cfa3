"""Hair styles by name."""

from tools.avatars.styles.bob import bob
from tools.avatars.styles.curls import curls
from tools.avatars.styles.layers import Hair
from tools.avatars.styles.long_straight import long_straight
from tools.avatars.styles.short_swept import short_swept

STYLES = {"bob": bob, "curls": curls, "long_straight": long_straight, "short_swept": short_swept}

__all__ = ["STYLES", "Hair"]
