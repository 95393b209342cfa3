"""468 points of a face: MediaPipe's FaceMesh over a square that is fitted to the face."""

import numpy as np

from lipsync_core.face.detector import LEFT_EYE, RIGHT_EYE, Detection
from lipsync_core.face.network import face_mesh
from lipsync_core.face.roi import Roi, around

COUNT = 468
INPUT = 192  # pixels, both ways
BIAS = 0.2 / INPUT  # of the square, how far left and up the network puts its points: found with mirrored pictures
MARGIN = 1.5  # side of the square over the size of the face in it, as the network was trained
MIN_PRESENCE = 0.5  # MediaPipe's own threshold
# FaceMesh indices (github.com/google-ai-edge/mediapipe, canonical_face_model).
RIGHT_EYE_CORNER, LEFT_EYE_CORNER = 33, 263  # outer corners; the person's right is on the left of the picture
RIGHT_CHEEK, LEFT_CHEEK = 234, 454  # where the face's outline passes the ears


def read(image: np.ndarray, roi: Roi) -> tuple[np.ndarray, float]:
    """Landmarks (468, 3) float32 in pixels of (H, W, 3) uint8 RGB, and how surely the square holds a face, 0..1.

    z has the scale of x and y; it is smaller nearer to the camera.
    """
    picture = roi.crop(image, INPUT, replicate=True).astype(np.float32) / 255
    values, logit = face_mesh.forward(picture)
    points = values.reshape(COUNT, 3).astype(np.float64) / INPUT
    landmarks = np.concatenate([roi.to_picture(points[:, :2] + BIAS), points[:, 2:] * roi.side], axis=1)
    return landmarks.astype(np.float32), float(1 / (1 + np.exp(-np.clip(logit.item(), -80, 80))))


def roi_of_detection(detection: Detection) -> Roi:
    """The square around a detected face, turned with its eyes."""
    x, y = detection.keypoints[LEFT_EYE] - detection.keypoints[RIGHT_EYE]
    return Roi(detection.box.x, detection.box.y, detection.box.side * MARGIN, float(np.arctan2(y, x)))


def roi_of_landmarks(landmarks: np.ndarray) -> Roi:
    """The square around (468, 3) landmarks, turned with the eyes."""
    points = landmarks[:, :2].astype(np.float64)
    return around(points, points[RIGHT_EYE_CORNER], points[LEFT_EYE_CORNER], MARGIN)


def follow(image: np.ndarray, roi: Roi, passes: int = 2) -> tuple[np.ndarray, float]:
    """Landmarks and presence as of `read`, the square fitted anew to the landmarks between the passes."""
    landmarks, presence = read(image, roi)
    for _ in range(passes - 1):
        if presence < MIN_PRESENCE:
            break
        landmarks, presence = read(image, roi_of_landmarks(landmarks))
    return landmarks, presence


def cheek_width(landmarks: np.ndarray) -> float:
    """Distance between the cheeks in pixels, (468, 3) landmarks."""
    return float(np.linalg.norm(landmarks[LEFT_CHEEK, :2] - landmarks[RIGHT_CHEEK, :2]))
