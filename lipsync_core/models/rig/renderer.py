"""Frames from motion: two layers cut at the lips, over the inside of the mouth, in one resampling of the picture."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.face.avatar import Avatar

from . import basis, interior
from .motion import CHANNELS
from .neutral import PARTED, find_neutral, lip_gap, own_opening
from .pose import Pose, fit_pose, upright_pose
from .warp import FEATHER, LayerWarp, cut_field

NODE = 4  # output pixels between the points whose source is solved for; between them it is interpolated
OPEN, WIDTH, PUCKER, PRESS, TUCK = range(len(CHANNELS))
TUCK_OPENING = 0.034  # eye distances: in f and v the upper teeth show between the lips


@dataclass(frozen=True)
class Region:
    """The output pixels that can change: rows top..top + height, columns left..left + width."""

    top: int
    left: int
    height: int
    width: int


def _region(pose: Pose, size: tuple[int, int]) -> Region:
    corners = np.array([(x, y) for x in (basis.LEFT, basis.RIGHT) for y in (basis.TOP, basis.BOTTOM)])
    pixels = pose.to_pixels(corners)
    low = np.clip(np.floor(pixels.min(0)), 0, [size[1] - 2, size[0] - 2]).astype(int)
    high = np.clip(np.ceil(pixels.max(0)) + 1, low + 2, [size[1], size[0]]).astype(int)
    return Region(int(low[1]), int(low[0]), int(high[1] - low[1]), int(high[0] - low[0]))


class Renderer:
    """Everything that depends on the avatar alone, and the batched drawing of its frames."""

    def __init__(self, avatar: Avatar, device: torch.device | str = "cpu") -> None:
        self.avatar = avatar
        self.device = torch.device(device)
        found = [i for i in range(len(avatar.frames)) if np.isfinite(avatar.landmarks[i]).all()]
        # The mouth is learnt where it is most closed: there the lips' true outline shows.
        first = min(found, key=lambda i: own_opening(avatar.landmarks[i]))
        pose = upright_pose(avatar.landmarks[first])
        points = pose.to_face(avatar.landmarks[first][:, :2].astype(np.float64))
        self.neutral, corrected = find_neutral(avatar.frames[first], points, pose)
        self._first, self._first_pose = first, pose
        self._correction = corrected - points if avatar.is_photo else np.zeros_like(points)
        self._reference = points
        self._parted = lip_gap(points)[4] >= PARTED
        cut = cut_field(self.neutral)
        self.upper = LayerWarp(basis.make_layer("upper", self.neutral), cut, self.device)
        self.lower = LayerWarp(basis.make_layer("lower", self.neutral), cut, self.device)
        self._paint(avatar.frames[first], avatar.landmarks[first], pose)

    def _paint(self, image: np.ndarray, landmarks: np.ndarray, pose: Pose) -> None:
        light = interior.face_light(image, landmarks)
        painted = interior.paint_interior(light, self.neutral, scale=float(np.clip(pose.scale * 1.5, 80, 600)))
        self._fixed = torch.from_numpy(painted.fixed)[None].to(self.device)
        self._jaw = torch.from_numpy(painted.jaw)[None].to(self.device)
        self._cavity = torch.from_numpy(painted.cavity)[None, :, None, None].to(self.device)

    def pose(self, frame: int) -> Pose | None:
        """Where the head is in a frame of the avatar; None where no face was found."""
        landmarks = self.avatar.landmarks[frame]
        if not np.isfinite(landmarks).all():
            return None
        return self._first_pose if frame == self._first else fit_pose(landmarks, self._reference)

    @torch.inference_mode()
    def draw(self, motion: np.ndarray, frame: int) -> np.ndarray:
        """Draw the mouth into one frame of the avatar, for several motions.

        motion: (n, 5) float32, the CHANNELS. Returns (n, H, W, 3) uint8 RGB.
        """
        image = self.avatar.frames[frame]
        result = np.repeat(image[None], len(motion), 0)
        pose = self.pose(frame)
        if pose is None:
            return result
        region = _region(pose, (image.shape[0], image.shape[1]))
        patch = self._draw_region(image, pose, frame, region, motion)
        rows = slice(region.top, region.top + region.height)
        result[:, rows, region.left : region.left + region.width] = patch
        return result

    def _draw_region(self, image: np.ndarray, pose: Pose, frame: int, region: Region, motion: np.ndarray) -> np.ndarray:
        count = len(motion)
        height, width = region.height, region.width
        nodes = (max(2, round(height / NODE)), max(2, round(width / NODE)))
        rows = torch.linspace(region.top, region.top + height - 1, nodes[0], dtype=torch.float64)
        columns = torch.linspace(region.left, region.left + width - 1, nodes[1], dtype=torch.float64)
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).numpy()
        points = torch.from_numpy(pose.to_face(pixels)).permute(2, 0, 1).float().to(self.device)[None]
        points = points.expand(count, -1, -1, -1)
        amounts = self._amounts(motion)
        landmarks = pose.to_face(self.avatar.landmarks[frame][:, :2].astype(np.float64)) + self._correction
        offsets = landmarks - self.neutral.rest
        texture = torch.from_numpy(np.array(image)).to(self.device).permute(2, 0, 1)[None].float()
        layers = []
        for warp, sign in ((self.upper, -1.0), (self.lower, 1.0)):
            source = warp.source_field(offsets)[None].expand(count, -1, -1, -1)
            seen, cut = warp.trace(points, amounts, source)
            inset = FEATHER * (cut[:, 1:] <= 1.5 * FEATHER) if self._parted else 0.0
            coverage = 0.5 + (sign * cut[:, :1] - inset) / (2 * cut[:, 1:])
            fine = F.interpolate(
                torch.cat([self._to_texture(seen, pose, image.shape), coverage], 1),
                (height, width), mode="bilinear", align_corners=True,
            )  # fmt: skip
            colour = F.grid_sample(
                texture.expand(count, -1, -1, -1), fine[:, :2].permute(0, 2, 3, 1), padding_mode="border",
                align_corners=True,
            )  # fmt: skip
            layers.append((colour, fine[:, 2:].clamp(0, 1)))
        (upper, above), (lower, below) = layers
        below = torch.minimum(below, 1 - above)
        gap = 1 - above - below
        inside = self._inside(points, amounts, gap, (height, width))
        mixed = upper * above + lower * below + inside * gap
        return (mixed + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def _amounts(self, motion: np.ndarray) -> torch.Tensor:
        """(n, 5) motion -> (n, 5) amounts of the basis: sealed lips are shut, f and v show the upper teeth."""
        amounts = np.array(motion, np.float32)
        amounts[:, OPEN] *= 1 - amounts[:, PRESS]
        return torch.from_numpy(amounts).to(self.device)

    def _to_texture(self, points: torch.Tensor, pose: Pose, shape: tuple[int, ...]) -> torch.Tensor:
        """(n, 2, h, w) face coordinates -> the same in grid_sample's -1..1 of the whole picture."""
        matrix = torch.from_numpy(pose.matrix).float().to(self.device)
        offset = torch.from_numpy(pose.offset).float().to(self.device)
        x = matrix[0, 0] * points[:, 0] + matrix[0, 1] * points[:, 1] + offset[0]
        y = matrix[1, 0] * points[:, 0] + matrix[1, 1] * points[:, 1] + offset[1]
        return torch.stack([x * (2 / (shape[1] - 1)) - 1, y * (2 / (shape[0] - 1)) - 1], 1)

    def _inside(
        self, points: torch.Tensor, amounts: torch.Tensor, gap: torch.Tensor, size: tuple[int, int]
    ) -> torch.Tensor:
        """(n, 3, h, w) teeth, tongue and cavity where the lips leave a gap."""
        fine = F.interpolate(points, size, mode="bilinear", align_corners=True)
        jaw = amounts[:, OPEN] * basis.CHIN_DROP
        result = self._cavity.expand(len(points), -1, *size)
        for texture, drop in ((self._jaw, jaw), (self._fixed, torch.zeros_like(jaw))):
            x = (fine[:, 0] - interior.LEFT) * (2 / (interior.RIGHT - interior.LEFT)) - 1
            y = (fine[:, 1] - drop[:, None, None] - interior.TOP) * (2 / (interior.BOTTOM - interior.TOP)) - 1
            layer = F.grid_sample(texture.expand(len(points), -1, -1, -1), torch.stack([x, y], -1), align_corners=False)
            result = result * (1 - layer[:, 3:]) + layer[:, :3] * layer[:, 3:]
        return result
