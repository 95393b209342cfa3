"""The face at rest: the avatar's own landmarks with the mouth closed, and the lip line as a curve."""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.lip_line import STEP, trace_lip_line
from lipsync_core.models.rig.pose import Pose, eye_distance

PARTED = 0.045  # face units; lips further apart than this at the middle count as open in the picture
UPPER_SHARE = 0.25  # of a mouth's opening, the part that the upper lip makes
KNOTS = np.linspace(-1, 1, 21)  # along the lip line, -1 and 1 at the corners


@dataclass(frozen=True)
class Neutral:
    """Landmarks of the closed mouth and of the picture, in face coordinates.

    rest: (468, 2) where each landmark is when the mouth is closed.
    left, right: (2,) corners of the mouth, the ends of the slit between the lips.
    line: (21, 2) the lip line at KNOTS, corners included.
    """

    rest: np.ndarray
    left: np.ndarray
    right: np.ndarray
    line: np.ndarray

    def along(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) -> (...) position along the mouth: -1 at the left corner, 1 at the right one."""
        axis = self.right - self.left
        along: np.ndarray = 2 * ((points - self.left) @ axis) / (axis @ axis) - 1
        return along

    @property
    def half_width(self) -> float:
        return float(np.linalg.norm(self.right - self.left) / 2)


def lip_gap(points: np.ndarray) -> np.ndarray:
    """(468, 2) face coordinates -> (9,) distance of the inner lips, point for point, downwards."""
    gap: np.ndarray = points[list(t.LOWER_INNER), 1] - points[list(t.UPPER_INNER), 1]
    return gap


def _corners(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # The slit visibly ends between the landmarks of the inner and of the outer corner.
    return (
        0.4 * points[t.LEFT_CORNER] + 0.6 * points[t.OUTER_LEFT_CORNER],
        0.4 * points[t.RIGHT_CORNER] + 0.6 * points[t.OUTER_RIGHT_CORNER],
    )


def close_mouth(points: np.ndarray) -> np.ndarray:
    """(468, 2) face coordinates of any mouth -> the same face with its lips together."""
    rest = points.copy()
    gap = float(np.clip(lip_gap(points)[4], 0, None))
    upper, lower = list(t.UPPER_INNER), list(t.LOWER_INNER)
    line = points[upper] + UPPER_SHARE * (points[lower] - points[upper])
    left, right = _corners(points)
    width = np.linalg.norm(right - left) / 2
    middle = (left + right) / 2
    across = (right - left) / (2 * width)
    for ids, share in (
        (list(t.UPPER_OUTER + t.UPPER_MIDDLE), UPPER_SHARE),
        (list(t.LOWER_OUTER + t.LOWER_MIDDLE), UPPER_SHARE - 1),
    ):
        rest[ids, 1] += share * gap * np.sqrt(np.clip(1 - ((points[ids] - middle) @ across / width) ** 2, 0, 1))
    for ids, share in ((list(t.UNDER_LIP), 0.7), (list(t.CHIN), 0.55)):
        rest[ids, 1] -= share * gap
    rest[upper] = rest[lower] = line
    return rest


def find_neutral(image: np.ndarray, points: np.ndarray, pose: Pose) -> tuple[Neutral, np.ndarray]:
    """Close the mouth of a picture.

    image: (H, W, 3) uint8 RGB. points: (468, 2) its landmarks in face coordinates of `pose`.
    Returns the Neutral and the landmarks with the inner lips corrected to the line seen in the picture.
    """
    points = points.copy()
    if lip_gap(points)[4] < PARTED:
        upper, lower = list(t.UPPER_INNER), list(t.LOWER_INNER)
        seen = _seen_line(image, points, pose)
        for ids in (upper, lower):
            points[ids, 1] = np.interp(points[ids, 0], seen[:, 0], seen[:, 1])
    rest = close_mouth(points)
    left, right = _corners(rest)
    inner = np.vstack([left, rest[list(t.UPPER_INNER)], right])
    if lip_gap(points)[4] <= 1e-6:  # the picture's own line is finer than nine landmarks
        seen = _seen_line(image, points, pose)
        middle = np.abs(np.linspace(-1, 1, len(seen))) < 0.85
        inner = np.vstack([left, seen[middle], right])
    x = left[0] + (KNOTS + 1) / 2 * (right[0] - left[0])
    line = np.stack([x, np.interp(x, inner[:, 0], inner[:, 1])], 1)
    return Neutral(rest, left, right, line), points


def _seen_line(image: np.ndarray, points: np.ndarray, pose: Pose) -> np.ndarray:
    """(41, 2) face coordinates of the dark line between closed lips."""
    left, right = _corners(points)
    inner = (points[list(t.UPPER_INNER)] + points[list(t.LOWER_INNER)]) / 2
    guess = np.vstack([left, inner, right])
    x = np.linspace(left[0], right[0], 41)
    guess = np.stack([x, np.interp(x, guess[:, 0], guess[:, 1])], 1)
    corner = guess.min(0) - 0.12
    size = np.ceil((guess.max(0) + 0.12 - corner) / STEP).astype(int)
    to_pixels = np.c_[pose.matrix * STEP, pose.to_pixels(corner)]
    patch = cv2.warpAffine(
        image, to_pixels, (int(size[0]), int(size[1])), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    traced = trace_lip_line(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), (guess - corner) / STEP)
    line: np.ndarray = traced * STEP + corner
    return line


def own_opening(landmarks: np.ndarray) -> float:
    """(468, 3) pixels -> inner-lip opening of a frame in eye distances."""
    return float(np.linalg.norm(landmarks[13, :2] - landmarks[14, :2]) / eye_distance(landmarks))
