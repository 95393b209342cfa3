"""The network's frames, a group at a time."""

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
import torch

from lipsync_core.errors import LipsyncError
from lipsync_core.models.wav2lip.decoder import Decoder, FaceFeatures
from lipsync_core.models.wav2lip.graph import Graph
from lipsync_core.models.wav2lip.processor import is_out_of_memory
from lipsync_core.models.wav2lip.window import Window

NO_MEMORY = "There is not enough memory to draw with wav2lip; close other programs or set LIPSYNC_DEVICE=cpu."


class Groups:
    """Draws frames in groups of a fixed size, so that a frame does not depend on how many others are wanted with it.

    size: frames of a group; it is halved where memory does not suffice, and stays so.
    """

    def __init__(self, decoder: Decoder, size: int) -> None:
        self.decoder, self.size = decoder, size
        self._graph: Graph | None = None
        self._lock = Lock()

    def draw(self, said: torch.Tensor, faces: Sequence[FaceFeatures], wanted: Window) -> Iterator[np.ndarray]:
        """(n, 512, 1, 1), and a face for each -> n times (h, w, 3) float32 RGB, 0..255.

        Raises LipsyncError where there is not even memory for one frame.
        """
        start = 0
        while start < len(faces):
            size = self.size
            try:
                drawn = self._group(said[start : start + size], faces[start : start + size], wanted, size)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise LipsyncError(NO_MEMORY) from error
                self.size, self._graph = size // 2, None
                if self.decoder.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            yield from drawn
            start += size

    def _group(self, said: torch.Tensor, faces: Sequence[FaceFeatures], wanted: Window, size: int) -> np.ndarray:
        count = len(faces)
        if count < size:
            said = torch.cat([said, said[-1:].expand(size - count, -1, -1, -1)])
        face = faces[0]
        if any(other is not face for other in faces):
            parts = [other.added for other in (*faces, *[faces[-1]] * (size - count))]
            face = FaceFeatures(tuple(torch.cat(level) for level in zip(*parts, strict=True)))
            drawn = self.decoder.draw(said, face, wanted)
        elif self.decoder.device.type == "cuda":
            drawn = self._replayed(said, face, wanted)
        else:
            drawn = self.decoder.draw(said, face, wanted)
        colours = drawn[:count].flip(1).mul_(255).permute(0, 2, 3, 1)
        return colours.contiguous().cpu().numpy()

    def _replayed(self, said: torch.Tensor, face: FaceFeatures, wanted: Window) -> torch.Tensor:
        """A photo on a GPU: the same operations for each group, started as one."""
        with self._lock:
            if self._graph is None or not self._graph.fits(said, face, wanted):
                self._graph = Graph(self.decoder, said, face, wanted)
            return self._graph(said)
