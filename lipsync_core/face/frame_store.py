"""Where an avatar's frames lie: in memory for a photo, as JPEG pictures in a file for a clip."""

from threading import Lock
from typing import BinaryIO

import numpy as np

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

    def __init__(self, file: BinaryIO, offsets: np.ndarray, keep: object = None):
        """offsets: (n + 1,) int64, where each frame begins and the last one ends. The file is closed with the store."""
        self._file = file
        self._offsets = offsets
        self._keep = keep
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        from simplejpeg import decode_jpeg  # here: photos need none

        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start, end = self._offsets[index % len(self) :][:2]
        with self._lock:
            self._file.seek(int(start))
            data = self._file.read(int(end - start))
        image = decode_jpeg(data, colorspace="RGB")
        image.setflags(write=False)
        return image

    def __del__(self) -> None:
        self._file.close()


class ClipWriter:
    """Writes the file that a ClipStore reads, frame by frame.

    offsets: where each frame begins and the last one ends, so far.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self.offsets = [0]

    def append(self, image: np.ndarray) -> None:
        """(H, W, 3) uint8 RGB."""
        from simplejpeg import encode_jpeg

        data = encode_jpeg(np.ascontiguousarray(image), JPEG_QUALITY, colorspace="RGB", colorsubsampling="444")
        self._file.write(data)
        self.offsets.append(self.offsets[-1] + len(data))
