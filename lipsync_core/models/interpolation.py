"""From one value to another without a corner."""

import numpy as np


def smoothstep(x: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, and between them 3 x^2 - 2 x^3, whose slope is 0 at both ends; of any shape and type."""
    x = np.clip(x, 0, 1)
    result: np.ndarray = x * x * (3 - 2 * x)
    return result
