"""The size that an avatar is shown at, and pictures brought to it."""

from dataclasses import dataclass

import numpy as np

from lipsync_core.errors import LipsyncError

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
