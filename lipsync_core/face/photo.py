"""A photo made ready, at the size that it is shown at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from lipsync_core.errors import LipsyncError, Message
from lipsync_core.face import landmarks
from lipsync_core.face.detection import Roi
from lipsync_core.face.landmarks import Choice, Face, choose, faces_for
from lipsync_core.face.prepared import FRAMES, Prepared

DEFAULT_SHORTER = 720  # pixels; a larger source is made smaller unless a size is asked for
DEFAULT_LONGER = 1280  # pixels
SHORTER_RANGE = (64, 2160)  # pixels that may be asked for
MAX_LONGER = 4096  # pixels, also for what is asked for


@dataclass(frozen=True)
class OutputSize:
    """height, width: even pixels of the output. source_height, source_width: of what it is made from."""

    height: int
    width: int
    source_height: int
    source_width: int

    def resize(self, image: np.ndarray) -> np.ndarray:
        """(source_height, source_width, 3) uint8 as (height, width, 3)."""
        import cv2  # here for the same reason as in network.py

        if self._is_crop:
            return np.ascontiguousarray(image[: self.height, : self.width])
        shrinks = self.height <= self.source_height and self.width <= self.source_width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return cv2.resize(image, (self.width, self.height), interpolation=how)

    def to_output(self, landmarks: np.ndarray) -> np.ndarray:
        """(..., 3) landmarks of the source in pixels of the output, float32."""
        if self._is_crop:
            return landmarks.astype(np.float32)
        x, y = self.width / self.source_width, self.height / self.source_height
        moved = landmarks * (x, y, x) + (0.5 * x - 0.5, 0.5 * y - 0.5, 0)
        return moved.astype(np.float32)

    @property
    def _is_crop(self) -> bool:
        """An odd row or column is cut off rather than blurring the whole picture."""
        return 0 <= self.source_height - self.height <= 1 and 0 <= self.source_width - self.width <= 1


def output_size(height: int, width: int, shorter: int | None, name: str) -> OutputSize:
    """The output for a source of `height` x `width` pixels, its shorter side `shorter` pixels long, its shape kept.

    By default the source's own size, at most 720 by 1280. Raises LipsyncError for a size that is not allowed.
    """
    low, high = min(height, width), max(height, width)
    if shorter is None:
        scale = min(1.0, DEFAULT_SHORTER / low, DEFAULT_LONGER / high)
    elif not SHORTER_RANGE[0] <= shorter <= SHORTER_RANGE[1]:
        raise LipsyncError(
            "The size {shorter} is not possible; choose {lowest} to {highest} pixels.",
            shorter=shorter,
            lowest=SHORTER_RANGE[0],
            highest=SHORTER_RANGE[1],
        )
    else:
        scale = shorter / low
        if high * scale > MAX_LONGER:
            fits = MAX_LONGER * low // high
            raise LipsyncError(
                "The size {shorter} would make {name} longer than {most} pixels; choose {fits} or less.",
                shorter=shorter,
                name=name,
                most=MAX_LONGER,
                fits=fits,
            )
    if scale == 1:
        return OutputSize(max(2, height // 2 * 2), max(2, width // 2 * 2), height, width)
    return OutputSize(_even(height * scale), _even(width * scale), height, width)


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


MIN_CHEEKS = 64  # pixels between the cheeks in the source; with less there is nothing to draw lips from
FAINT_CHEEKS = 64  # pixels between the cheeks in the output
# The landmark network answers a little differently to each square around a face. A photo's landmarks are the mean of
# its answers to squares moved (in sides), resized and turned (in radians) like this; each undoes another.
LOOKS = (
    (0.0, 0.0, 1.0, 0.0),
    (0.02, 0.01, 1.05, 0.04),
    (-0.02, 0.01, 0.95, -0.04),
    (0.01, -0.02, 1.05, -0.04),
    (-0.01, -0.02, 0.95, 0.04),
    (0.02, -0.01, 0.98, 0.02),
    (-0.02, 0.02, 1.02, -0.02),
)
LOOKS_MARGIN = 1.25  # side of the square that all looks fit into, over that of the one fitted to the face
TURNED = {  # by quarter turns to the left
    1: "{name} was turned by 90 degrees to the left, because the face in it was not upright.",
    2: "{name} was turned by 180 degrees, because the face in it was not upright.",
    3: "{name} was turned by 90 degrees to the right, because the face in it was not upright.",
}
LOOKS_PIXELS = 512  # of that square


def prepare_photo(
    image: np.ndarray,
    choice: Choice,
    size: int | None,
    name: str,
    folder: Path,
    look: Callable[[], object] = lambda: None,
) -> Prepared:
    """Find and measure the chosen face in (H, W, 3) uint8 RGB; the frame goes into `folder`. Raises LipsyncError.

    look: is called now and then; what it raises ends the search.
    """
    height, width = image.shape[:2]
    face = choose(faces_for(image, choice, look), choice, width, height, name)
    look()
    check_cheeks(landmarks.cheek_width(face.landmarks), name)
    points = look_closely(image, face)
    notes = []
    turns = quarter_turns(points)
    if turns:
        notes.append(Message(TURNED[turns], name=name))
        points = turn_landmarks(points, turns, height, width)
        image = np.ascontiguousarray(np.rot90(image, turns))
        height, width = image.shape[:2]
    output = output_size(height, width, size, name)
    points = output.to_output(points)
    notes += faint(points, output, name)
    frame = output.resize(image)
    (folder / FRAMES).write_bytes(frame.tobytes())
    return Prepared(output.height, output.width, 0.0, points[None], np.array([[0, frame.nbytes]]), 0, tuple(notes))


def look_closely(image: np.ndarray, face: Face) -> np.ndarray:
    """Landmarks (468, 3) float32 of a face, the mean of several looks."""
    fitted = landmarks.roi_of_landmarks(face.landmarks)
    around = replace(fitted, side=fitted.side * LOOKS_MARGIN)
    pixels = min(LOOKS_PIXELS, ceil(around.side))
    upright = around.crop(image, pixels, replicate=True)  # once, as the face may be thousands of pixels wide
    middle, side = (pixels - 1) / 2, pixels / LOOKS_MARGIN
    looks = [
        landmarks.read(upright, Roi(middle + dx * side, middle + dy * side, side * scale, turn))[0]
        for dx, dy, scale, turn in LOOKS
    ]
    mean = np.stack(looks).astype(np.float64).mean(axis=0)
    x_y = around.to_picture((mean[:, :2] + 0.5) / pixels)
    return np.concatenate([x_y, mean[:, 2:] / pixels * around.side], axis=1).astype(np.float32)


def check_cheeks(cheeks: float, name: str) -> None:
    """Raises LipsyncError when a face is too small for its lips to be seen."""
    if cheeks < MIN_CHEEKS:
        raise LipsyncError(
            "The face in {name} is {cheeks:.0f} pixels wide between the cheeks, and {least} are "
            "needed; use a larger picture or one taken from nearer.",
            name=name,
            cheeks=cheeks,
            least=MIN_CHEEKS,
        )


def faint(points: np.ndarray, output: OutputSize, name: str) -> list[Message]:
    """A note when the face is large enough in the source but small in the output."""
    cheeks = landmarks.cheek_width(points)
    if cheeks >= FAINT_CHEEKS or output.height >= output.source_height:
        return []
    note = Message(
        "The face in {name} is only {cheeks:.0f} pixels wide in the output; crop it nearer or raise the size.",
        name=name,
        cheeks=float(cheeks),
    )
    return [note]


def quarter_turns(points: np.ndarray) -> int:
    """How often a picture must be turned left by 90 degrees for the face in it to be upright, 0..3."""
    x, y = (points[landmarks.LEFT_EYE_CORNER] - points[landmarks.RIGHT_EYE_CORNER])[:2]
    # A head that leans is left as it is; one that leans by more than about 67 degrees lies in a turned picture.
    angle = np.degrees(np.arctan2(y, x))
    return 0 if abs(angle) < 67 else round(angle / 90) % 4


def turn_landmarks(points: np.ndarray, turns: int, height: int, width: int) -> np.ndarray:
    """(..., 3) landmarks of a picture of that size after `turns` quarter turns to the left."""
    for _ in range(turns):
        points = np.stack([points[..., 1], width - 1 - points[..., 0], points[..., 2]], axis=-1)
        height, width = width, height
    return points
