"""The 468 landmarks of a face, and which face of a picture is meant."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lipsync_core.errors import LipsyncError
from lipsync_core.face import detection
from lipsync_core.face.detection import LEFT_EYE, RIGHT_EYE, Detection, Roi, around, face_mesh

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


SAME = 0.4  # overlap from which two sets of landmarks lie on one face
REACH = 0.5  # face sizes that a chosen point may lie beside the nearest face
POINT_VIEWS = (1, 2, 4, 8, 16)  # a chosen face is looked for in squares around the point, this part of the picture

Choice = int | tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture; pixels, (0, 0) is the centre of the first.

    box: (4,) float32, left, top, right, bottom of the landmarks.
    score: how sure the detector was, 0.5..1.
    landmarks: (468, 3) float32, FaceMesh topology; x, y, and z in the same scale, smaller nearer to the camera.
    presence: how sure the landmark network is that it saw a face, 0.5..1.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray
    presence: float

    @property
    def centre(self) -> np.ndarray:
        """(2,) x and y of the middle of the box."""
        centre: np.ndarray = (self.box[:2] + self.box[2:]) / 2
        return centre

    @property
    def side(self) -> float:
        """Geometric mean of the box's width and height."""
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))


def detect_faces(image: np.ndarray, look: Callable[[], object] = lambda: None) -> list[Face]:
    """All faces found in (H, W, 3) uint8 RGB, largest first; faces on their side or head only if none is upright.

    look: is called before each part of the picture; what it raises ends the search.
    """
    _check(image)
    return landmarks_of(image, detection.search(image, look))


def landmarks_of(image: np.ndarray, detections: list[detection.Detection]) -> list[Face]:
    """The detections that the landmark network takes for faces too, each face once, largest first."""
    faces: list[Face] = []
    for found in detections:
        points, presence = follow(image, roi_of_detection(found))
        if presence < MIN_PRESENCE:
            continue
        box = np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
        face = Face(box, found.score, points, presence)
        if not any(detection.overlap(_square(face), _square(other)) > SAME for other in faces):
            faces.append(face)
    return sorted(faces, key=lambda one: -one.side)


def faces_for(image: np.ndarray, choice: Choice, look: Callable[[], object] = lambda: None) -> list[Face]:
    """As `detect_faces`; around a chosen point also faces that are too small to be found in the whole picture."""
    if not isinstance(choice, tuple):
        return detect_faces(image, look)
    _check(image)
    height, width = image.shape[:2]
    x, y = _pixels(choice, width, height)
    views = [
        Roi(x, y, max(height, width) / part) for part in POINT_VIEWS if max(height, width) / part >= detection.INPUT
    ]
    near = landmarks_of(image, detection.detect(image, views, look))
    return near if near and _at(near, x, y) is not None else detect_faces(image, look)


def choose(faces: list[Face], choice: Choice, width: int, height: int, name: str) -> Face:
    """The face that is meant: the largest, the one of an index (0 is the largest), or the one at or nearest to a point.

    A point is (x, y) in pixels; two floats in 0..1 are fractions of width and height. Raises LipsyncError, which says
    how many faces there are, when there is no such face.
    """
    if not faces:
        raise LipsyncError(
            "No face was found in {name}; use a picture that shows a face from the front, well lit.", name=name
        )
    if choice is None:
        return faces[0]
    if isinstance(choice, tuple):
        x, y = _pixels(choice, width, height)
        if not (0 <= x < width and 0 <= y < height):
            raise LipsyncError(
                "The point ({x:g}, {y:g}) lies outside {name}, which is {width} x {height} pixels; choose one inside.",
                x=x,
                y=y,
                name=name,
                width=width,
                height=height,
            )
        face = _at(faces, x, y)
        if face is None:
            at = tuple(f"({one.centre[0]:.0f}, {one.centre[1]:.0f})" for one in faces)
            if len(faces) == 1:
                raise LipsyncError(
                    "There is no face at ({x:g}, {y:g}) in {name}, which has 1 face; choose a point near {at}.",
                    x=x,
                    y=y,
                    name=name,
                    at=at,
                )
            raise LipsyncError(
                "There is no face at ({x:g}, {y:g}) in {name}, which has {count} faces; choose a point near {at}.",
                x=x,
                y=y,
                name=name,
                count=len(faces),
                at=at,
            )
        return face
    if not 0 <= choice < len(faces):
        last = len(faces) - 1
        if last == 0:
            raise LipsyncError(
                "There is no face {choice} in {name}, which has 1 face; choose 0, the only one.",
                choice=choice,
                name=name,
            )
        if last == 1:
            raise LipsyncError(
                "There is no face {choice} in {name}, which has 2 faces; choose 0 (the largest) or 1.",
                choice=choice,
                name=name,
            )
        raise LipsyncError(
            "There is no face {choice} in {name}, which has {count} faces; choose 0 (the largest) to {last}.",
            choice=choice,
            name=name,
            count=last + 1,
            last=last,
        )
    return faces[choice]


def _at(faces: list[Face], x: float, y: float) -> Face | None:
    """The face whose box is nearest to a point, the smallest of those that hold it."""

    def distance(face: Face) -> float:
        return float(np.linalg.norm(np.maximum(0, np.maximum(face.box[:2] - (x, y), (x, y) - face.box[2:]))))

    face = min(faces, key=lambda one: (distance(one), one.side))
    return face if distance(face) <= REACH * face.side else None


def _pixels(point: tuple[float, float], width: int, height: int) -> tuple[float, float]:
    x, y = point
    if isinstance(x, float) and isinstance(y, float) and 0 <= x <= 1 and 0 <= y <= 1:
        return x * (width - 1), y * (height - 1)
    return float(x), float(y)


def _square(face: Face) -> Roi:
    x, y = face.centre
    return Roi(float(x), float(y), face.side)


def _check(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected (height, width, 3) uint8 RGB, got {image.shape} {image.dtype}")
