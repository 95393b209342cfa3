"""A face made ready to speak, and its frames on disk."""

from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, Protocol

import numpy as np

from lipsync_core.errors import Message

JPEG_QUALITY = 95  # with colour at full resolution: 40 dB, 4 ms to write or to read at 720p


class PhotoStore:
    """One frame, (H, W, 3) uint8 RGB. `keep` is held open while the store lives."""

    def __init__(self, image: np.ndarray, keep: object = None):
        self._image = image
        self._image.setflags(write=False)
        self._keep = keep

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> np.ndarray:
        if index not in (0, -1):
            raise IndexError(index)
        return self._image


class ClipStore:
    """JPEG frames one after the other in an open file, read when asked for, so that memory holds none of them.

    They are read rather than mapped, because mapped pages count as memory of the process. Threads may share a store.
    """

    def __init__(self, file: BinaryIO, spans: np.ndarray, keep: object = None):
        """spans: (n, 2) int64, where each frame begins and ends. The file is closed with the store."""
        self._file = file
        self._spans = spans
        self._keep = keep
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> np.ndarray:
        from simplejpeg import decode_jpeg  # here: photos need none

        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start, end = self._spans[index]
        with self._lock:
            self._file.seek(int(start))
            data = self._file.read(int(end - start))
        image: np.ndarray = decode_jpeg(data, colorspace="RGB")
        image.setflags(write=False)
        return image

    def __del__(self) -> None:
        self._file.close()


class ClipWriter:
    """Writes the file that a ClipStore reads, frame by frame."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._spans: list[tuple[int, int]] = []
        self._end = 0

    def append(self, image: np.ndarray) -> None:
        """(H, W, 3) uint8 RGB."""
        from simplejpeg import encode_jpeg

        data = encode_jpeg(np.ascontiguousarray(image), JPEG_QUALITY, colorspace="RGB", colorsubsampling="444")
        self._file.write(data)
        self._spans.append((self._end, self._end + len(data)))
        self._end += len(data)

    def repeat(self) -> None:
        """The last frame once more."""
        self._spans.append(self._spans[-1])

    @property
    def spans(self) -> np.ndarray:
        """(n, 2) int64, where each frame begins and ends."""
        return np.array(self._spans, np.int64).reshape(-1, 2)


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
