"""The pose of a face, and its mouth at rest."""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.topology import LEFT_CORNER, RIGHT_CORNER, STABLE


@dataclass(frozen=True)
class Pose:
    """pixel = matrix @ face + offset; `matrix` (2, 2) is a rotation times the scale, `offset` (2,) in pixels."""

    matrix: np.ndarray
    offset: np.ndarray

    @property
    def scale(self) -> float:
        """Pixels in one unit of face coordinates."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def to_pixels(self, face: np.ndarray) -> np.ndarray:
        """(..., 2) face coordinates -> (..., 2) pixels."""
        pixels: np.ndarray = face @ self.matrix.T + self.offset
        return pixels

    def to_face(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels -> (..., 2) face coordinates."""
        face: np.ndarray = (pixels - self.offset) @ np.linalg.inv(self.matrix).T
        return face


def eye_distance(landmarks: np.ndarray) -> float:
    """Distance of the outer eye corners in pixels, in space, so that a turned head does not shrink its mouth."""
    return float(np.linalg.norm(landmarks[263] - landmarks[33]))


def upright_pose(landmarks: np.ndarray) -> Pose:
    """(468, 3) pixels -> the Pose whose origin is this face's own mouth."""
    points = landmarks[:, :2].astype(np.float64)
    eyes = points[263] - points[33]
    lips = points[RIGHT_CORNER] - points[LEFT_CORNER]
    # The lips are slanted in many faces and the eyes in others: half of each keeps the mouth's motion plausible.
    axis = eyes / np.linalg.norm(eyes) + lips / np.linalg.norm(lips)
    axis /= np.linalg.norm(axis)
    matrix = np.array([[axis[0], -axis[1]], [axis[1], axis[0]]]) * eye_distance(landmarks)
    return Pose(matrix, (points[LEFT_CORNER] + points[RIGHT_CORNER]) / 2)


def fit_pose(landmarks: np.ndarray, reference: np.ndarray) -> Pose:
    """The Pose that lays the skull's points of `reference` (468, 2; face coordinates) on (468, 3) `landmarks`.

    Least squares over a similarity (Umeyama, "Least-Squares Estimation of Transformation Parameters", 1991).
    """
    target = landmarks[list(STABLE), :2].astype(np.float64)
    source = reference[list(STABLE)]
    t, s = target - target.mean(0), source - source.mean(0)
    z = (t[:, 0] + 1j * t[:, 1]) @ (s[:, 0] - 1j * s[:, 1]) / (s**2).sum()
    matrix = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return Pose(matrix, target.mean(0) - matrix @ source.mean(0))


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
