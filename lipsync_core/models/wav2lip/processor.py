"""What the network runs on, and with how many bits."""

import torch

from lipsync_core.errors import LipsyncError
from lipsync_core.settings import settings

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FRAME_BYTES = 64 * 2**20  # of a GPU's memory, what a frame of a group needs at most
# What torch says on a CPU; the last two are oneDNN's.
OUT_OF_MEMORY = (
    "can't allocate memory", "not enough memory", "out of memory", "bad allocation",
    "could not create a primitive", "could not execute a primitive",
)  # fmt: skip
LARGEST_GROUP = 32  # frames; a GPU is busy with fewer


def device() -> torch.device:
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
