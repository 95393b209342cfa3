"""Where faces are in a picture: BlazeFace over parts of it, at several sizes and turns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from math import ceil, cos, floor, hypot, pi, sin
from threading import Lock
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Roi:
    """Centre and side in pixels of the picture ((0, 0) is the centre of its first pixel), angle in radians.

    A positive angle turns the square clockwise, as seen.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def crop(self, image: np.ndarray, pixels: int, replicate: bool = False) -> np.ndarray:
        """The square as (pixels, pixels, 3) uint8; what lies outside the picture is black or its border repeated."""
        import cv2  # here for the same reason as in network.py

        scale = self.side / pixels
        left, top, right, bottom = self._bounds(image)
        if left >= right or top >= bottom:
            return np.zeros((pixels, pixels, 3), np.uint8)
        part = image[top:bottom, left:right]
        # Sampling alone would alias large faces, and what the network sees would flicker: first whole blocks of pixels
        # become one, which is the reduction by area that OpenCV is quick at.
        block = min(floor(scale), right - left, bottom - top)
        factor = 1.0
        if block > 1:
            part = part[: (bottom - top) // block * block, : (right - left) // block * block]
            factor = 1 / block
            part = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        # From a sample of the crop to a pixel of the (reduced) part.
        turn = self._turn()
        offset = np.array([self.x, self.y]) + turn @ np.full(2, 0.5 * scale - self.side / 2)
        matrix = np.concatenate([turn * scale, (offset - (left, top))[:, None]], axis=1)
        matrix *= factor
        matrix[:, 2] += 0.5 * factor - 0.5
        border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(part, matrix, (pixels, pixels), flags=flags, borderMode=border)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) points of the square, 0..1 from its upper left to its lower right edge, in pixels of the picture."""
        pixels: np.ndarray = (points - 0.5) * self.side @ self._turn().T + (self.x, self.y)
        return pixels

    def _turn(self) -> np.ndarray:
        return np.array([[cos(self.angle), -sin(self.angle)], [sin(self.angle), cos(self.angle)]])

    def _bounds(self, image: np.ndarray) -> tuple[int, int, int, int]:
        height, width = image.shape[:2]
        reach = (
            self.side / 2 * (abs(cos(self.angle)) + abs(sin(self.angle))) + self.side / 64 + 2
        )  # and what is blended in
        left, right = max(0, floor(self.x - reach)), min(width, ceil(self.x + reach) + 1)
        top, bottom = max(0, floor(self.y - reach)), min(height, ceil(self.y + reach) + 1)
        return left, top, right, bottom


def around(points: np.ndarray, start: np.ndarray, end: np.ndarray, margin: float) -> Roi:
    """The square that holds (n, 2) points, its x axis along `start` to `end`, made `margin` times as large."""
    axis = (end - start) / max(hypot(*(end - start)), 1e-6)
    frame = np.array([axis, (-axis[1], axis[0])])
    inside = points @ frame.T
    low, high = inside.min(axis=0), inside.max(axis=0)
    x, y = frame.T @ ((low + high) / 2)
    return Roi(float(x), float(y), float((high - low).max()) * margin, float(np.arctan2(axis[1], axis[0])))


class Network:
    """One .tflite file. It is read at the first forward pass; threads take turns, as cv2.dnn keeps state in a net.

    forwards: passes run so far by this process, so that anybody can see whether a face was prepared or remembered.
    """

    def __init__(self, name: str, outputs: Sequence[str]):
        self.name = name
        self.forwards = 0
        self._outputs = list(outputs)
        self._net: Any = None
        self._lock = Lock()

    def forward(self, picture: np.ndarray) -> list[np.ndarray]:
        """Outputs, in the order asked for, for one (n, n, 3) float32 RGB picture in the network's own value range."""
        import cv2  # costs 0.1 s, and a remembered face needs no network

        blob = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        with self._lock:
            if self._net is None:
                with as_file(files("lipsync_core.face") / "weights" / f"{self.name}.tflite") as weights:
                    # OpenCV 5's new engine does not read .tflite files; from memory, it forgets all outputs but one.
                    self._net = cv2.dnn.readNetFromTFLite(str(weights), cv2.dnn.ENGINE_CLASSIC)
            self.forwards += 1
            self._net.setInput(blob)
            return [np.array(output) for output in self._net.forward(self._outputs)]


# Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs"; 128 x 128, -1..1.
blaze_face = Network("face_detection_short_range", ("regressors", "classificators"))
# Kartynnik et al. 2019, "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs"; 192 x 192, 0..1.
face_mesh = Network("face_landmark", ("conv2d_21", "conv2d_31"))


INPUT = 128  # pixels, both ways
GRIDS = ((16, 2), (8, 6))  # cells each way and anchors a cell
MIN_SCORE = 0.5  # MediaPipe's own threshold for this network
SURE = 0.9  # upright faces score so much and more, faces on their side or head less in all pictures that were tried
OVERLAP = 0.3  # intersection over union from which two boxes are one face, as in MediaPipe
RIGHT_EYE, LEFT_EYE = 0, 1  # keypoints; the person's right, which is on the left of the picture
# The network finds faces down to about 15 % of what it is shown, so smaller ones need parts of the picture.
MIN_PART = 256  # pixels; the smallest part worth looking at: faces that can be used are wider than a quarter of it
CUT = 0.02  # of a part: a box this near to an inner edge may be half a face, which another part shows whole
QUARTER_TURNS = (0.0, pi / 2, -pi / 2, pi)  # for pictures that were stored on their side


@dataclass(frozen=True)
class Detection:
    """One face: how sure, the square its box makes, upright in the view it was found in, and six (x, y) keypoints.

    Pixels of the picture; keypoints: the person's right eye, left eye, nose tip, mouth, right ear, left ear.
    """

    score: float
    box: Roi
    keypoints: np.ndarray


def detect(image: np.ndarray, views: Iterable[Roi], look: Callable[[], object] = lambda: None) -> list[Detection]:
    """Faces in (H, W, 3) uint8 RGB, looked for in the given squares; surest first. look: is called before each."""
    found = []
    for view in views:
        look()
        found += _detect(image, view)
    return _merge(found)


def search(image: np.ndarray, look: Callable[[], object] = lambda: None) -> list[Detection]:
    """Faces anywhere in (H, W, 3) uint8 RGB: upright, else small, else on their side or head; surest first.

    The picture as a whole and its halves are always looked at, smaller parts only while nothing was found.
    """
    small = _reduced(image, 4 * INPUT)
    height, width = small.shape[:2]
    side = float(max(height, width))
    for angle in QUARTER_TURNS:
        faces = detect(small, [*parts(width, height, side, angle), *parts(width, height, side / 2, angle)], look)
        if not faces and angle == 0:
            faces = _search_parts(image, look)
            if faces:
                return faces
        if faces:
            turned = [_turned(small, face) for face in faces]
            return [_scaled(face, image.shape[1] / width, image.shape[0] / height) for face in turned]
    return []


def _search_parts(image: np.ndarray, look: Callable[[], object]) -> list[Detection]:
    """Faces that are small in the picture: in its quarters, else eighths..."""
    share = 4
    while max(image.shape) >= share * MIN_PART:
        reduced = _reduced(image, 2 * INPUT * share)
        height, width = reduced.shape[:2]
        faces = detect(reduced, parts(width, height, max(height, width) / share), look)
        if faces:
            return [_scaled(face, image.shape[1] / width, image.shape[0] / height) for face in faces]
        share *= 2
    return []


def _turned(image: np.ndarray, face: Detection) -> Detection:
    """The face as it is surest after quarter turns: the network finds faces on their head too, but upright in them."""
    if face.score >= SURE:
        return face
    box = face.box
    views = [Roi(box.x, box.y, box.side * 2, angle) for angle in QUARTER_TURNS]
    others = [other for other in detect(image, views) if overlap(other.box, box) > OVERLAP]
    return max([face, *others], key=lambda one: one.score)


def _reduced(image: np.ndarray, longest: int) -> np.ndarray:
    """The picture with a longer side of `longest` pixels, or the picture itself if it is no longer than that."""
    import cv2  # here for the same reason as in network.py

    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _scaled(face: Detection, x: float, y: float) -> Detection:
    """A face of a reduced picture in pixels of the whole one, which is x times as wide and y times as high."""
    box = Roi((face.box.x + 0.5) * x - 0.5, (face.box.y + 0.5) * y - 0.5, face.box.side * (x + y) / 2, face.box.angle)
    return Detection(face.score, box, (face.keypoints + 0.5) * (x, y) - 0.5)


def parts(width: int, height: int, side: float, angle: float = 0.0) -> Iterator[Roi]:
    """Squares of one size that cover a picture, each half over the next."""

    def centres(length: int) -> np.ndarray:
        if length <= side:
            return np.array([(length - 1) / 2])
        count = ceil((length - side) / (side / 2)) + 1
        return np.linspace(side / 2 - 0.5, length - side / 2 - 0.5, count)

    for y in centres(height):
        for x in centres(width):
            yield Roi(float(x), float(y), side, angle)


@lru_cache(maxsize=1)
def _anchors() -> np.ndarray:
    """(896, 2) centres, 0..1."""
    centres = []
    for cells, each in GRIDS:
        line = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(line, line, indexing="ij")
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(centres)


def _detect(image: np.ndarray, view: Roi) -> list[Detection]:
    """Faces in one square, several boxes each."""
    picture = view.crop(image, INPUT).astype(np.float32) / 127.5 - 1
    regressors, logits = blaze_face.forward(picture)
    scores = 1 / (1 + np.exp(-np.clip(logits.ravel(), -80, 80)))
    sure = np.flatnonzero(scores >= MIN_SCORE)
    # Per anchor: x, y, width, height of the box and x, y of six points, in pixels of the input, from the anchor.
    values = regressors.reshape(-1, 8, 2)[sure] / INPUT
    anchors = _anchors()[sure]
    height, width = image.shape[:2]
    detections = []
    for score, value, anchor in zip(scores[sure], values, anchors, strict=True):
        centre, extent = value[0] + anchor, value[1]
        if _is_cut(view, centre, extent, width, height):
            continue
        points = view.to_picture(np.concatenate([centre[None], value[2:] + anchor]).astype(np.float64))
        box = Roi(points[0, 0], points[0, 1], float(extent.max()) * view.side, view.angle)
        detections.append(Detection(float(score), box, points[1:]))
    return detections


def _is_cut(view: Roi, centre: np.ndarray, extent: np.ndarray, width: int, height: int) -> bool:
    """Whether the box leaves the view at an edge that is not the picture's."""
    low, high = centre - extent / 2, centre + extent / 2
    for inside, point in (
        (low[0] > CUT, (low[0], 0.5)),
        (low[1] > CUT, (0.5, low[1])),
        (high[0] < 1 - CUT, (high[0], 0.5)),
        (high[1] < 1 - CUT, (0.5, high[1])),
    ):
        if not inside:
            x, y = view.to_picture(np.array([np.clip(point, 0, 1)]))[0]
            slack = view.side * 2 * CUT
            if slack < x < width - slack and slack < y < height - slack:
                return True
    return False


def _merge(detections: list[Detection]) -> list[Detection]:
    """Non-maximum suppression that averages the boxes of one face by their scores (Bazarevsky et al. 2019)."""
    left = sorted(detections, key=lambda one: -one.score)
    merged = []
    while left:
        best = left[0]
        # Only boxes of views turned alike: upside down, eyes and mouth change places.
        same = [one for one in left if overlap(one.box, best.box) > OVERLAP and one.box.angle == best.box.angle]
        left = [one for one in left if overlap(one.box, best.box) <= OVERLAP]
        weights = np.array([one.score for one in same]) / sum(one.score for one in same)
        x, y, side = weights @ np.array([(one.box.x, one.box.y, one.box.side) for one in same])
        keypoints = np.tensordot(weights, np.stack([one.keypoints for one in same]), axes=1)
        merged.append(Detection(best.score, Roi(x, y, side, best.box.angle), keypoints))
    return merged


def overlap(one: Roi, other: Roi) -> float:
    """Intersection over union of two squares, their angles left aside."""
    x = min(one.x + one.side / 2, other.x + other.side / 2) - max(one.x - one.side / 2, other.x - other.side / 2)
    y = min(one.y + one.side / 2, other.y + other.side / 2) - max(one.y - one.side / 2, other.y - other.side / 2)
    both = max(x, 0.0) * max(y, 0.0)
    return both / max(one.side**2 + other.side**2 - both, 1e-9)
