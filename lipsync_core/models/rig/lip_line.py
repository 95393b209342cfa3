"""The line where closed lips meet, found in the picture itself."""

import cv2
import numpy as np

STEP = 0.004  # face units between samples along and across the line
REACH = 0.05  # face units searched above and below the landmarks' own line
SLOPE_COST = 0.35  # cost of one step across per step along, against a darkness of 0..1


def trace_lip_line(image: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Move a guessed lip line onto the darkest continuous path near it.

    Landmarks miss the true line by a few pixels; a cut there would carry a sliver of one lip along with the other.

    image: (H, W) float32 or uint8, the mouth's surroundings rectified: STEP face units a pixel, `line` in its pixels.
    line: (n, 2) float, x rising, in pixels of `image`.
    Returns (n, 2): the same x, y moved by at most REACH. Dynamic programming over columns.
    """
    x0, x1 = int(np.ceil(line[0, 0])), int(np.floor(line[-1, 0]))
    if x1 - x0 < 8:
        return line
    reach = round(REACH / STEP)
    columns = np.arange(x0, x1 + 1)
    guess = np.interp(columns, line[:, 0], line[:, 1])
    # A line narrower than the blur around it: compare each pixel to its own neighbourhood, so that a dark upper lip
    # or a shadow does not pull the path away from the thin line.
    gray = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.2)
    darkness = cv2.GaussianBlur(gray, (0, 0), 7) - gray
    offsets = np.arange(-reach, reach + 1)
    rows = guess[None, :] + offsets[:, None]
    band: np.ndarray = cv2.remap(
        darkness,
        np.broadcast_to(columns.astype(np.float32), rows.shape).copy(),
        rows.astype(np.float32),
        cv2.INTER_LINEAR,
    )
    band = band / max(1e-3, float(np.percentile(band, 98)))
    # At the corners the landmarks are trusted more than the picture, where folds of the cheek run on.
    along = np.abs(np.linspace(-1, 1, len(columns)))
    tether = (0.25 + 1.5 * along**4)[None, :] * (offsets[:, None] / reach) ** 2
    cost = tether - np.clip(band, -1, 1)
    total = cost[:, 0].copy()
    came = np.zeros(band.shape, np.int32)
    for j in range(1, len(columns)):
        moves = np.stack([np.roll(total, 1) + SLOPE_COST, total, np.roll(total, -1) + SLOPE_COST])
        moves[0, 0] = moves[2, -1] = np.inf
        best = moves.argmin(0)
        came[:, j] = np.arange(len(offsets)) + best - 1
        total = moves[best, np.arange(len(offsets))] + cost[:, j]
    path = np.zeros(len(columns))
    state = int(total.argmin())
    for j in range(len(columns) - 1, -1, -1):
        path[j] = offsets[state]
        state = int(came[state, j]) if j else state
    path = cv2.GaussianBlur(path[None].astype(np.float32), (0, 0), 3)[0] + guess
    return np.stack([line[:, 0], np.interp(line[:, 0], columns, path)], 1)
