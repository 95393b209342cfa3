"""A face from frame to frame of a clip, without jitter."""

import numpy as np

from lipsync_core.face import detection, landmarks
from lipsync_core.face.detection import Roi
from lipsync_core.face.landmarks import landmarks_of

SIGMA_SECONDS = 0.03  # of the Gaussian: lips keep their speed (r 0.9 and more with tracks of real speech), noise halves
JUMP = 0.35  # of the face's size from one frame to the next: a cut of the film, not a movement


def smooth(landmarks: np.ndarray, fps: float) -> np.ndarray:
    """(n, 468, 3) float32 landmarks, smoothed by a Gaussian in time, which delays nothing.

    Frames of NaN stay so, and nothing is mixed across them or across cuts.
    """
    smoothed = landmarks.copy()
    sigma = SIGMA_SECONDS * fps
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    for start, end in _stretches(landmarks):
        stretch = landmarks[start:end].astype(np.float64)
        total = np.zeros_like(stretch)
        weight = np.zeros((end - start, 1, 1))
        for shift in range(-reach, reach + 1):
            if abs(shift) < end - start:
                into = slice(max(0, -shift), end - start - max(0, shift))
                of = slice(max(0, shift), end - start - max(0, -shift))
                total[into] += weights[shift + reach] * stretch[of]
                weight[into] += weights[shift + reach]
        smoothed[start:end] = total / weight
    return smoothed


def _stretches(landmarks: np.ndarray) -> list[tuple[int, int]]:
    """Runs of frames in which one face moves without a gap or a jump: first frame and the one after the last."""
    found = np.isfinite(landmarks).all(axis=(1, 2))
    points = np.where(found[:, None, None], landmarks[..., :2], 0)
    size = np.ptp(points, axis=1).max(axis=1)
    step = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
    stretches = []
    start = None
    for index, here in enumerate(found):
        if start is not None and (not here or step[index - 1] > JUMP * size[index - 1]):
            stretches.append((start, index))
            start = None
        if here and start is None:
            start = index
    if start is not None:
        stretches.append((start, len(found)))
    return stretches


LOOK = 24  # pixels, both ways, of the small grey picture by which a face is known again
LOOK_BORDER = 4  # of these that show hair and background rather than the face
# Correlation of two such pictures: 0.9 and more for one person within a clip, two persons are below 0.76 in 95 of 100.
ALIKE_NEAR = 0.7  # where the face is expected
ALIKE_FAR = 0.8  # anywhere else
NEAR = 0.6  # face sizes from where the face was last, and as much again for each second without it
MOVED = 0.08  # of the square around the face: with more between two frames the landmarks are read twice
LEARNING = 0.05  # how fast the remembered look follows the present one, a frame
AROUND = (2.0, 4.0)  # squares around the last place, in face sizes, in which a lost face is looked for
WIDE_SEARCH_SECONDS = 0.5  # between two searches of the whole picture for small faces, while a face is lost


class Tracker:
    """Follows the face that it is started with.

    Landmarks are read where the face was in the frame before; the detector runs only when it is not there. A face that
    appears again is known by its place, its size and its look, so that neighbours are not mistaken for it.
    """

    def __init__(self, image: np.ndarray, face: np.ndarray, fps: float):
        """image: (H, W, 3) uint8 RGB, a frame. face: (468, 3) landmarks in it. fps: frames a second to come."""
        self._last = face
        self._looks = [look(image, face)] * 3  # the first, the remembered, the last
        self._lost = 0  # frames
        self._fps = fps

    def step(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks (468, 3) float32 in the next frame, in pixels of it; None when the person is not seen there."""
        points = self._follow(image) if not self._lost else None
        if points is None:
            points = self._search(image)
        if points is None:
            self._lost += 1
            return None
        self._lost = 0
        self._last = points
        first, remembered, _ = self._looks
        now = look(image, points)
        self._looks = [first, remembered + LEARNING * (now - remembered), now]
        return points

    def _follow(self, image: np.ndarray) -> np.ndarray | None:
        before = landmarks.roi_of_landmarks(self._last)
        points, presence = landmarks.read(image, before)
        if presence < landmarks.MIN_PRESENCE:
            return None
        after = landmarks.roi_of_landmarks(points)
        if np.hypot(after.x - before.x, after.y - before.y) > MOVED * before.side:
            points, presence = landmarks.read(image, after)
            if presence < landmarks.MIN_PRESENCE:
                return None
        return points if self._likeness(image, points) >= ALIKE_NEAR else None

    def _search(self, image: np.ndarray) -> np.ndarray | None:
        height, width = image.shape[:2]
        last = landmarks.roi_of_landmarks(self._last)
        size = last.side / landmarks.MARGIN
        views = [Roi(last.x, last.y, size * part) for part in AROUND]
        views += detection.parts(width, height, max(height, width))
        if self._lost % max(1, round(WIDE_SEARCH_SECONDS * self._fps)) == 0:
            views += detection.parts(width, height, max(height, width) / 2)
        best, best_likeness = None, 0.0
        for face in landmarks_of(image, detection.detect(image, views)):
            likeness = self._likeness(image, face.landmarks)
            reach = NEAR * size * (1 + self._lost / self._fps)
            roi = landmarks.roi_of_landmarks(face.landmarks)
            near = np.hypot(roi.x - last.x, roi.y - last.y) < reach and 0.6 < roi.side / last.side < 1.6
            if likeness >= (ALIKE_NEAR if near else ALIKE_FAR) and likeness > best_likeness:
                best, best_likeness = face.landmarks, likeness
        return best

    def _likeness(self, image: np.ndarray, points: np.ndarray) -> float:
        now = look(image, points)
        return max(float((now * known).mean()) for known in self._looks)


def look(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The face at (468, 3) landmarks as a small upright grey picture without its brightness and contrast, flat."""
    inner = slice(LOOK_BORDER, LOOK - LOOK_BORDER)
    small = landmarks.roi_of_landmarks(points).crop(image, LOOK, replicate=True)[inner, inner]
    grey = small.mean(axis=2, dtype=np.float32).ravel()
    flat: np.ndarray = (grey - grey.mean()) / (grey.std() + 1e-6)
    return flat
