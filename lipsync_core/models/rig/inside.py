"""What is seen between parted lips, for any opening."""

import torch
import torch.nn.functional as F

from lipsync_core.models.rig import basis, interior
from lipsync_core.models.rig.interior import Interior


class Inside:
    """Teeth, tongue and cavity, ready to be drawn."""

    def __init__(self, painted: Interior, device: torch.device) -> None:
        # from the back to the front, each with the share of an opening by which it sinks
        self._layers = [
            (torch.from_numpy(layer)[None].to(device), share)
            for layer, share in (
                (painted.tongue, interior.TONGUE_DROP), (painted.jaw, basis.CHIN_DROP), (painted.fixed, 0.0),
            )
        ]  # fmt: skip
        self._cavity = torch.from_numpy(painted.cavity)[None, :, None, None].to(device)

    def draw(self, points: torch.Tensor, opening: torch.Tensor) -> torch.Tensor:
        """points: (n, 2, h, w) face coordinates. opening: (n,) face units. Returns (n, 3, h, w) colours 0..255."""
        count, _, height, width = points.shape
        x = (points[:, 0] - interior.LEFT) * (2 / (interior.RIGHT - interior.LEFT)) - 1
        result = self._cavity.expand(count, -1, height, width)
        for texture, share in self._layers:
            y = points[:, 1] - (opening * share)[:, None, None]
            y = (y - interior.TOP) * (2 / (interior.BOTTOM - interior.TOP)) - 1
            grid = torch.stack([x, y], -1).reshape(1, count * height, width, 2)
            seen = F.grid_sample(texture, grid, align_corners=False).reshape(4, count, height, width).transpose(0, 1)
            result = result + (seen[:, :3] - result) * seen[:, 3:]
        return result
