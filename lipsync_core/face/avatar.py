"""A prepared photo or video: its frames at output size and the landmarks of the chosen face."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipsync_core.errors import Message


class FrameStore(Protocol):
    """Frames that can be read in any order; frame i is (H, W, 3) uint8 RGB, read-only."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Avatar:
    """What a model needs of a face, made once per file and known again by its content.

    name: what the user called it (a default avatar's name or the file's name).
    key: hash of the file's content, the preparing code's version and the options; names the cache entry.
    frames: all frames at output size, even height and width; one for a photo.
    fps: frames a second of the clip; 0 for a photo.
    landmarks: (n, 468, 3) float32, x and y in pixels of `frames`, z in the same scale (smaller is nearer),
        smoothed over time; NaN in frames where the face was not found. (0, 0) is the centre of the first pixel.
    missed: number of frames without the face.
    notes: sentences about what was done to the source that its owner may not expect, such as a clip that was cut; each
        a Message.
    """

    name: str
    key: str
    frames: FrameStore
    fps: float
    landmarks: np.ndarray
    missed: int = 0
    notes: tuple[Message, ...] = ()

    @property
    def is_photo(self) -> bool:
        return len(self.frames) == 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every frame, in pixels."""
        height, width = self.frames[0].shape[:2]
        return height, width
