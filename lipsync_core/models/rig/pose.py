"""Where the head is in a frame: a similarity between the frame's pixels and coordinates of the face itself.

Face coordinates: origin at the middle of the closed mouth, x to the right of the picture along the eye line, y down,
one unit is the distance of the outer eye corners (about 9 cm on an adult).
"""

from dataclasses import dataclass

import numpy as np

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
