"""What the network runs on, with how many bits, and how many frames at once."""

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
import torch

from lipsync_core.errors import LipsyncError
from lipsync_core.models.wav2lip.decoder import Decoder, FaceFeatures, Graph, Window
from lipsync_core.settings import settings

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FRAME_BYTES = 64 * 2**20  # of a GPU's memory, what a frame of a group needs at most
# What torch says on a CPU; the last two are oneDNN's.
OUT_OF_MEMORY = (
    "can't allocate memory", "not enough memory", "out of memory", "bad allocation",
    "could not create a primitive", "could not execute a primitive",
)  # fmt: skip
LARGEST_GROUP = 32  # frames; a GPU is busy with fewer


def best_device() -> torch.device:
    """The GPU where there is one, as the settings allow. Raises LipsyncError for a GPU that is set and not there."""
    cuda = torch.cuda.is_available()
    if settings().device == "cuda" and not cuda:
        raise LipsyncError("LIPSYNC_DEVICE is cuda, but torch sees no GPU; use auto, or install a torch build for it.")
    return torch.device("cuda" if cuda and settings().device != "cpu" else "cpu")


def precision(place: torch.device) -> torch.dtype:
    """That of the settings; left to itself half precision on a GPU, and bfloat16 on a CPU that computes with it."""
    if settings().wav2lip_precision != "auto":
        return TYPES[settings().wav2lip_precision]
    if place.type == "cuda":
        return torch.float16
    return torch.bfloat16 if _has_bfloat16() else torch.float32


def _has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware; where torch does not tell, it is taken to have none."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


def group_size(place: torch.device) -> int:
    """How many frames are drawn at once: one for each core of a CPU, on a GPU a power of two that memory allows."""
    if place.type == "cpu":
        return 1
    free, _ = torch.cuda.mem_get_info(place)
    fitting = min(LARGEST_GROUP, max(1, free // 2 // FRAME_BYTES))
    return int(2 ** (int(fitting).bit_length() - 1))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory, on a GPU or a CPU, which have no exception in common."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


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
