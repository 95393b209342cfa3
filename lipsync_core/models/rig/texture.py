"""A picture that is read between its pixels."""

import numpy as np
import torch
import torch.nn.functional as F

# Half-pel interpolation of ITU-T H.264, 8.4.2.2.1: sharp, and short enough not to ring visibly.
HALF_PEL = (1 / 32, -5 / 32, 20 / 32, 20 / 32, -5 / 32, 1 / 32)


class Texture:
    """(H, W, 3) uint8 RGB as a tensor.

    doubled: put a sharp interpolated pixel between any two. A picture that moves by parts of a pixel would otherwise
    be sharp in one frame and soft in the next, which shimmers.
    """

    def __init__(self, image: np.ndarray, device: torch.device, doubled: bool = False) -> None:
        self.size = (image.shape[0], image.shape[1])
        planes = torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float()
        self._planes = _double(_double(planes).transpose(2, 3)).transpose(2, 3).contiguous() if doubled else planes

    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8 RGB: the pixels, and where it is doubled, those between them."""
        return (self._planes[0] + 0.5).to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def sample(self, points: torch.Tensor) -> torch.Tensor:
        """(n, 2, h, w) x and y in pixels, (0, 0) the centre of the first -> (n, 3, h, w) colours 0..255."""
        height, width = self.size
        count, _, rows, columns = points.shape
        scale = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=points.device)
        grid = (points * scale[:, None, None] - 1).permute(0, 2, 3, 1)
        # One tall grid instead of a batch, because grid_sample copies a picture that is expanded to a batch.
        seen = F.grid_sample(
            self._planes, grid.reshape(1, count * rows, columns, 2), padding_mode="border", align_corners=True
        )
        return seen.reshape(3, count, rows, columns).transpose(0, 1)


def _double(planes: torch.Tensor) -> torch.Tensor:
    """(1, 3, h, w) -> (1, 3, 2 h - 1, w): the rows, and between each two a new one."""
    channels, height, width = planes.shape[1:]
    padded = F.pad(planes, (0, 0, 2, 2), mode="replicate")
    between = sum(weight * padded[:, :, k : k + height - 1] for k, weight in enumerate(HALF_PEL))
    result = torch.empty(1, channels, 2 * height - 1, width, device=planes.device)
    result[:, :, ::2] = planes
    result[:, :, 1::2] = torch.as_tensor(between).clamp(0, 255)
    return result
