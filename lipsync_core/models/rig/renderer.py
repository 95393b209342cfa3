"""Frames from motion: two layers cut at the lips, over the inside of the mouth, in one resampling of the picture."""

from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.face.avatar import Avatar
from lipsync_core.models.rig import basis, mouth_interior
from lipsync_core.models.rig.idle import IdleMotion, LivingPhoto, sway_fields
from lipsync_core.models.rig.motion import CHANNELS
from lipsync_core.models.rig.mouth_interior import Inside, own_teeth
from lipsync_core.models.rig.neutral import PARTED, Pose, find_neutral, fit_pose, lip_gap, own_opening, upright_pose
from lipsync_core.models.rig.warp import (
    FEATHER,
    STEP,
    Box,
    LayerWarp,
    Texture,
    box_around,
    cut_field,
    find_extent,
    fine,
)

OPEN, PRESS = CHANNELS.index("open"), CHANNELS.index("press")
SHADES = (0.34, 0.22)  # how dark the upper and the lower lip make what is just behind them
SHADE_DEPTH = 0.022  # face units, how far
FAR = -100.0  # coverage of a lip that is nowhere near


@dataclass(frozen=True, eq=False)
class _Place:
    """What depends on a frame of the avatar alone."""

    pose: Pose
    region: Box  # all that the mouth moves
    split: tuple[int, int]  # rows of the region where the lower layer begins and the upper one ends
    mouth: Box  # where the lips can part
    points: torch.Tensor  # (1, 2, h, w) face coordinates of the region's lattice
    sources: tuple[torch.Tensor, torch.Tensor]  # of the upper and lower layer, see LayerWarp.source_field
    inset: float  # face units by which the lips are cut inside their edge, where the picture shows them parted
    texture: Texture
    sways: torch.Tensor | None  # (6, 2, h, w) pixels by which each of the SWAYS moves the lattice, for a photo


class Renderer:
    """Everything that depends on the avatar alone, and the batched drawing of its frames."""

    def __init__(self, avatar: Avatar, device: torch.device | str = "cpu") -> None:
        self.avatar = avatar
        self.device = torch.device(device)
        found = np.flatnonzero(np.isfinite(avatar.landmarks[:, 0, 0]))
        # The mouth is learnt where it is most closed: there the lips' true outline shows.
        first = int(min(found, key=lambda i: own_opening(avatar.landmarks[i])))
        image, landmarks = avatar.frames[first], avatar.landmarks[first]
        pose = upright_pose(landmarks)
        points = pose.to_face(landmarks[:, :2].astype(np.float64))
        self.neutral, corrected = find_neutral(image, points, pose)
        self._first, self._first_pose = first, pose
        self._correction = corrected - points if avatar.is_photo else np.zeros_like(points)
        self._reference = points
        self.upper, self.lower = (
            LayerWarp(basis.make_layer(side, self.neutral), cut_field(self.neutral), self.device)
            for side in ("upper", "lower")
        )
        self._extent = find_extent(self.neutral, self.upper, self.lower)
        painted = mouth_interior.paint_interior(
            mouth_interior.face_light(image, landmarks), self.neutral, scale=float(np.clip(pose.scale * 1.5, 80, 600))
        )
        if avatar.is_photo:
            painted = own_teeth(painted, image, points, pose, self.neutral)
        self._inside = Inside(mouth_interior.fade_colours(painted, image, landmarks), self.device)
        self._living: LivingPhoto | None = None
        self._places: dict[int, _Place] = {}
        self._lock = Lock()
        if avatar.is_photo:
            place = self._place(first, image)
            self._living = LivingPhoto(place.texture, landmarks, pose, self.neutral, place.region)

    def _pose(self, frame: int) -> Pose:
        """Where the head is in a frame of the avatar that shows the face."""
        return self._first_pose if frame == self._first else fit_pose(self.avatar.landmarks[frame], self._reference)

    def _place(self, frame: int, image: np.ndarray) -> _Place:
        if frame in self._places:
            return self._places[frame]
        size = (image.shape[0], image.shape[1])
        pose = self._pose(frame)
        region = box_around(self._extent.moving, pose, size)
        starts = np.floor(pose.to_pixels(self._extent.lower_start)[:, 1].min() / STEP) * STEP
        ends = np.ceil(pose.to_pixels(self._extent.upper_end)[:, 1].max() / STEP) * STEP
        gap_ends = max(ends, np.ceil(pose.to_pixels(self._extent.parting)[:, 1].max() / STEP) * STEP)
        first, middle, last = (
            int(np.clip(row, region.top, region.bottom)) - region.top for row in (starts, ends, gap_ends)
        )
        band = Box(region.top + first, region.left, region.top + last, region.right)
        nodes = torch.from_numpy(pose.to_face(region.nodes())).float().permute(2, 0, 1)[None].to(self.device)
        landmarks = pose.to_face(self.avatar.landmarks[frame][:, :2].astype(np.float64)) + self._correction
        offsets = landmarks - self.neutral.rest
        place = _Place(
            pose, region, (first, middle), box_around(self._extent.parting, pose, size).inside(band), nodes,
            (self.upper.source_field(offsets)[None], self.lower.source_field(offsets)[None]),
            FEATHER * float(lip_gap(landmarks)[4] >= PARTED),
            Texture(image, self.device, doubled=self.avatar.is_photo), self._sways(region, pose, size),
        )  # fmt: skip
        if self.avatar.is_photo:  # a clip's would fill the memory
            with self._lock:
                self._places[frame] = place
        return place

    def _sways(self, region: Box, pose: Pose, size: tuple[int, int]) -> torch.Tensor | None:
        if not self.avatar.is_photo:
            return None
        fields = sway_fields(region.nodes(), size, pose, self.neutral)
        return torch.from_numpy(fields).permute(0, 3, 1, 2).contiguous().to(self.device)

    @torch.inference_mode()
    def draw(self, motion: np.ndarray, frames: np.ndarray, idle: IdleMotion | None = None) -> np.ndarray:
        """Draw the mouth into frames of the avatar.

        motion: (n, 5) float32, the CHANNELS. frames: (n,) which frames; all 0 for a photo. idle: of as many frames, for
        a photo. Returns (n, H, W, 3) uint8 RGB.
        """
        if self.avatar.is_photo:
            return self._draw(motion, 0, idle)
        return np.concatenate([self._draw(motion[n : n + 1], int(frame)) for n, frame in enumerate(frames)])

    def _draw(self, motion: np.ndarray, frame: int, idle: IdleMotion | None = None) -> np.ndarray:
        image = self.avatar.frames[frame]
        if not np.isfinite(self.avatar.landmarks[frame, 0, 0]):
            return np.repeat(image[None], len(motion), 0)
        place = self._place(frame, image)
        if idle is None or self._living is None:
            result = np.repeat(image[None], len(motion), 0)
            self._draw_mouth(result, place, motion, place.points.expand(len(motion), -1, -1, -1))
            return result
        result = np.empty((len(motion), *image.shape), np.uint8)
        for out, sway in zip(result, idle.sway, strict=True):
            self._living.draw(out, sway)
        self._draw_mouth(result, place, motion, self._swayed(place, idle.sway))
        for out, sway, blink in zip(result, idle.sway, idle.blink, strict=True):
            self._living.blink(out, sway, float(blink))
        return result

    def _swayed(self, place: _Place, amounts: np.ndarray) -> torch.Tensor:
        """(n, 2, h, w) face coordinates: which part of the photo is seen at each point of the region's lattice."""
        pixels = self._to_pixels(place.points, place.pose)
        weights = torch.from_numpy(amounts).to(self.device)
        for k, field in enumerate(place.sways if place.sways is not None else ()):  # one by one: the same in any batch
            pixels = pixels - weights[:, k, None, None, None] * field
        return self._to_face(pixels, place.pose)

    def _draw_mouth(self, result: np.ndarray, place: _Place, motion: np.ndarray, points: torch.Tensor) -> None:
        region, (first, middle) = place.region, place.split
        if region.empty:
            return
        amounts = self._amounts(motion)
        upper, above = self._layer(self.upper, place, 0, points[:, :, : middle // STEP + 1], amounts)
        lower, below = self._layer(self.lower, place, 1, points[:, :, first // STEP :], amounts)
        out = result[:, region.top : region.bottom, region.left : region.right]

        def put(colours: torch.Tensor, row: int, column: int = 0) -> None:
            part = out[:, row : row + colours.shape[2], column : column + colours.shape[3]]
            part[:] = _bytes(colours[:, :, : part.shape[1], : part.shape[2]])

        put(upper[:, :, :first], 0)
        upper, above = upper[:, :, first:], above[:, :, first:]
        share = above.clamp(0, 1)
        put(lower[:, :, : middle - first] + (upper - lower[:, :, : middle - first]) * share, first)
        put(lower[:, :, middle - first :], middle)
        box = place.mouth
        if box.empty:
            return
        down = slice(box.top - region.top - first, box.bottom - region.top - first)
        across = slice(box.left - region.left, box.right - region.left)
        lower, below, upper, above = (layer[:, :, down, across] for layer in (lower, below, upper, above))
        upper, above = (
            F.pad(layer, (0, 0, 0, lower.shape[2] - layer.shape[2]), value=value)
            for layer, value in ((upper, 0.0), (above, FAR))
        )
        share = above.clamp(0, 1)
        beneath = torch.minimum(below.clamp(0, 1), 1 - share)
        lattice = points[
            :, :, (box.top - region.top) // STEP : (box.bottom - region.top) // STEP + 1,
            across.start // STEP : across.stop // STEP + 1,
        ]  # fmt: skip
        inside = (
            self._inside.draw(fine(lattice), amounts[:, OPEN]) * _shade(above, SHADES[0]) * _shade(below, SHADES[1])
        )
        put(upper * share + lower * beneath + inside * (1 - share - beneath), first + down.start, across.start)

    def _layer(
        self, warp: LayerWarp, place: _Place, which: int, points: torch.Tensor, amounts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, h, w) colours, and (n, 1, h, w) how much of the layer is there, beyond 0..1 away from the cut."""
        source = place.sources[which].expand(len(points), -1, -1, -1)
        seen, cut = warp.trace(points, amounts, source)
        sign = (-1.0, 1.0)[which]
        inset = place.inset * (cut[:, 1:] <= 1.5 * FEATHER)
        coverage = 0.5 + (sign * cut[:, :1] - inset) / (2 * cut[:, 1:])
        spread = fine(torch.cat([self._to_pixels(seen, place.pose), coverage], 1))
        return place.texture.sample(spread[:, :2]), spread[:, 2:]

    def _amounts(self, motion: np.ndarray) -> torch.Tensor:
        """(n, 5) motion -> (n, 5) amounts of the basis: sealed lips are shut."""
        amounts = np.array(motion, np.float32)
        amounts[:, OPEN] *= 1 - amounts[:, PRESS]
        return torch.from_numpy(amounts).to(self.device)

    def _to_pixels(self, points: torch.Tensor, pose: Pose) -> torch.Tensor:
        """(n, 2, h, w) face coordinates -> pixels."""
        return _affine(points, pose.matrix, pose.offset)

    def _to_face(self, pixels: torch.Tensor, pose: Pose) -> torch.Tensor:
        inverse = np.linalg.inv(pose.matrix)
        return _affine(pixels, inverse, -inverse @ pose.offset)


def _affine(points: torch.Tensor, matrix: np.ndarray, offset: np.ndarray) -> torch.Tensor:
    x, y = points[:, 0], points[:, 1]
    (a, b), (c, d) = matrix.tolist()
    e, f = offset.tolist()
    return torch.stack([a * x + b * y + e, c * x + d * y + f], 1)


def _shade(coverage: torch.Tensor, darkest: float) -> torch.Tensor:
    """How much light reaches what lies behind a lip: less near its edge, where coverage is 0.5."""
    depth = ((0.5 - coverage) * (2 * FEATHER)).clamp(min=0)
    return 1 - darkest * torch.exp(depth * (-1 / SHADE_DEPTH))


def _bytes(colours: torch.Tensor) -> np.ndarray:
    """(n, 3, h, w) 0..255 -> (n, h, w, 3) uint8."""
    return (colours + 0.5).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
