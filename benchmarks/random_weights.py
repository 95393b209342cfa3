"""Weights for wav2lip of the right shapes, which anyone can make again; what they draw is noise that follows the sound.

python -m benchmarks.random_weights random.pth    # from the folder of the program
"""

import math
import sys
import zlib

import torch

from lipsync_core.models.wav2lip.network import Generator


def random_weights() -> dict[str, torch.Tensor]:
    """A state dict of the network, each entry by a seed made of its name."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in Generator().state_dict().items()}
    return {name: _fill(name, shape) for name, shape in shapes.items()}


def _fill(name: str, shape: torch.Size) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if name.endswith("running_var"):
        return 0.5 + x
    if name.endswith(("running_mean", "bias")):
        return (x - 0.5) * 0.2
    if len(shape) == 1:
        return 0.8 + 0.4 * x
    return (x - 0.5) * 2 * math.sqrt(3 / math.prod(shape[1:]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Give the file to write: python -m benchmarks.random_weights random.pth")
    torch.save(random_weights(), sys.argv[1])
