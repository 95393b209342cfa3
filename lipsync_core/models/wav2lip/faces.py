"""The face as the network wants it, and its mouth back in the picture."""

from dataclasses import dataclass
from math import ceil, floor
from threading import Lock

import cv2
import numpy as np
import torch

from lipsync_core.errors import LipsyncError
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.wav2lip.decoder import Decoder, FaceFeatures, Window
from lipsync_core.models.wav2lip.network import SIDE

FOREHEAD, CHIN = 10, 152  # FaceMesh landmarks
BROWS = (105, 334)  # their upper edges
# From ear to ear: down the jaw, and back over the cheeks and below the nose.
JAW = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
CHEEKS = (425, 327, 2, 98, 205)
LIPS = (61, 291, 0, 17)
JAW_REACH = (1.05, 1.15)  # times as far from the lips as the jaw, across and down: room for a chin that drops
FEATHER = 0.1  # of the box's height, over which the drawn mouth fades into the picture

Pads = tuple[int, int, int, int]


def find_box(landmarks: np.ndarray, size: tuple[int, int], pads: Pads) -> Window:
    """The box in a picture of a size (height, width) that the official script's face detector (S3FD) would give.

    That is from the middle of the forehead to the chin and from cheek to cheek, upright however the head is tilted.
    landmarks: (468, 3) pixels. pads: pixels that are added at the top, the bottom, the left and the right.
    """
    x, y = landmarks[:, 0], landmarks[:, 1]
    top = (float(y[FOREHEAD]) + float(y[list(BROWS)].mean())) / 2
    height, width = size
    return Window(
        max(0, min(height - 2, floor(top) - pads[0])),
        min(height, max(2, ceil(float(y.max())) + pads[1])),
        max(0, min(width - 2, floor(float(x.min())) - pads[2])),
        min(width, max(2, ceil(float(x.max())) + pads[3])),
    )


def see(image: np.ndarray, box: Window) -> np.ndarray:
    """(H, W, 3) uint8 -> (96, 96, 3) uint8: what is in the box."""
    part = image[box.part]
    smaller = min(part.shape[:2]) >= SIDE
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))


def to_network(face: np.ndarray) -> torch.Tensor:
    """(96, 96, 3) uint8 RGB -> (1, 6, 96, 96) float32: the face without its lower half, and all of it; BGR, 0..1."""
    whole = torch.from_numpy(np.ascontiguousarray(face[..., ::-1])).permute(2, 0, 1)[None].float() / 255
    upper = whole.clone()
    upper[:, :, SIDE // 2 :] = 0
    return torch.cat([upper, whole], 1)


def lower_face(landmarks: np.ndarray) -> np.ndarray:
    """(468, 3) pixels -> (k, 2): a polygon around all that speech moves, the nose and what is above it left out."""
    jaw, cheeks = landmarks[list(JAW), :2].astype(np.float64), landmarks[list(CHEEKS), :2].astype(np.float64)
    middle = landmarks[list(LIPS), :2].mean(0)
    return np.concatenate([middle + (jaw - middle) * JAW_REACH, cheeks])


def find_area(polygon: np.ndarray, box: Window) -> Window:
    """The pixels of the picture that may change: those around the polygon inside the box; at least one."""
    left, top = np.floor(polygon.min(0)).astype(int)
    right, bottom = np.ceil(polygon.max(0)).astype(int) + 1
    top, left = int(np.clip(top, box.top, box.bottom - 1)), int(np.clip(left, box.left, box.right - 1))
    return Window(
        top, int(np.clip(bottom, top + 1, box.bottom)), left, int(np.clip(right, left + 1, box.right))
    )  # fmt: skip


def find_wanted(area: Window, box: Window) -> Window:
    """The part of the network's 96 x 96 pixels that cubic interpolation reads to fill an area of the box."""

    def span(first: int, last: int, start: int, length: int) -> tuple[int, int]:
        low, high = ((place - start + 0.5) * SIDE / length - 0.5 for place in (first, last - 1))
        return max(0, floor(low) - 1), min(SIDE, floor(high) + 3)

    height, width = box.size
    return Window(*span(area.top, area.bottom, box.top, height), *span(area.left, area.right, box.left, width))


def find_mask(polygon: np.ndarray, area: Window, feather: float) -> np.ndarray:
    """(h, w, 1) float32 over the area: 1 inside the polygon, falling smoothly to 0 at its edge."""
    height, width = area.size
    filled = np.zeros((height + 2, width + 2), np.uint8)  # the area's own edge fades too
    points = np.round((polygon - (area.left - 1, area.top - 1)) * 16).astype(np.int32)
    cv2.fillPoly(filled, [points], 1, shift=4)
    filled[[0, -1]] = 0
    filled[:, [0, -1]] = 0
    distance = cv2.distanceTransform(filled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.asarray(smoothstep((distance - 0.5) / max(feather, 1.0)), np.float32)[..., None]


SEAM = 9.0  # of the 96 pixels: how far the colours along the seam reach into the face
UNLIKE = 25.0  # of 255: what differs so much from the seam's usual difference is drawn otherwise, not toned otherwise
LITTLE = np.float32(1e-3)  # weight of the seam's usual difference far from any seam
CHANGED = 12.0  # of 255: where the network changes the picture by more, the picture's own detail is not of use
SPREAD = 1.2  # of the 96 pixels, around a changed one
SHARPEST = 1.5  # times the contrast that enlarging leaves


class Place:
    """One frame of an avatar with all that pasting a mouth needs and that the sound does not change."""

    def __init__(self, image: np.ndarray, landmarks: np.ndarray, box: Window, wanted: Window, face: np.ndarray) -> None:
        """image: (H, W, 3) uint8 RGB. landmarks: (468, 3). face: (96, 96, 3) uint8 RGB, what `see` gives of the box.

        wanted: the part of the 96 x 96 pixels that the network draws.
        """
        polygon = lower_face(landmarks)
        self.area = find_area(polygon, box)
        height, width = box.size
        self.mask = find_mask(polygon, self.area, FEATHER * height)
        scale = np.array([SIDE / width, SIDE / height])
        self._to_wanted = np.array(
            [
                [scale[0], 0, (self.area.left - box.left + 0.5) * scale[0] - 0.5 - wanted.left],
                [0, scale[1], (self.area.top - box.top + 0.5) * scale[1] - 0.5 - wanted.top],
            ]
        )
        small = (polygon - (box.left, box.top) + 0.5) * scale - 0.5
        mask = find_mask(small, wanted, FEATHER * SIDE)[..., 0]
        self._seam = (mask * (1 - mask))[..., None]
        self._on_seam = self._seam[..., 0] > 0.1
        self._seen = face[wanted.part].astype(np.float32)
        self._source = image[self.area.part].astype(np.float32)
        enlarged = self._enlarge(self._seen, cv2.INTER_CUBIC)
        self._detail = self._source - enlarged
        self._blur = max(0.6, 0.6 / scale.max())  # pixels
        self._sharpness = self._own_sharpness(enlarged)

    def paste(self, out: np.ndarray, drawn: np.ndarray, amount: float, sharpen: float) -> None:
        """Put a mouth into a copy of the frame.

        out: (H, W, 3) uint8 RGB. drawn: (h, w, 3) float32 RGB, 0..255, the wanted part. amount: 0 to leave the
        picture as it is, to 1. sharpen: 0 to leave the mouth as soft as enlarging makes it, to 1 for the grain of the
        picture. Nothing outside the mask changes, nor does anything where the network draws what it has seen.
        """
        change = drawn - self._seen
        change -= self._tone(change)
        strength = cv2.GaussianBlur(np.abs(change).max(2), (0, 0), SPREAD)
        lost = self._enlarge(1 - np.exp(-((strength / CHANGED) ** 2)), cv2.INTER_LINEAR)[..., None]
        new = self._enlarge(change, cv2.INTER_CUBIC)
        new -= lost * self._detail
        if sharpen > 0 and self._sharpness > 0:
            soft = self._source + new
            soft -= cv2.GaussianBlur(soft, (0, 0), self._blur)
            new += (sharpen * self._sharpness) * lost * soft
        new *= self.mask * np.float32(amount)
        new += self._source
        out[self.area.part] = np.clip(np.rint(new), 0, 255).astype(np.uint8)

    def _tone(self, change: np.ndarray) -> np.ndarray:
        """(h, w, 3): how much brighter or redder the network draws the face along the seam, spread over the face."""
        if not self._on_seam.any():
            return np.zeros_like(change)
        usual = np.median(change[self._on_seam], axis=0)
        unlike = ((change - usual) ** 2).mean(2, keepdims=True) / UNLIKE**2
        weight = self._seam * np.exp(-unlike)
        seen = cv2.GaussianBlur(np.concatenate([(change - usual) * weight, weight + LITTLE], 2), (0, 0), SEAM)
        return np.asarray(usual + seen[..., :3] / seen[..., 3:], np.float32)

    def _enlarge(self, part: np.ndarray, interpolation: int) -> np.ndarray:
        """(h, w) or (h, w, 3) of the wanted pixels -> of the area's."""
        height, width = self.area.size
        flags = interpolation | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(part, self._to_wanted, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )

    def _own_sharpness(self, enlarged: np.ndarray) -> float:
        """By how much an enlarged face must be sharpened to have the contrast of the picture's own."""

        def contrast(picture: np.ndarray) -> float:
            fine = picture - cv2.GaussianBlur(picture, (0, 0), self._blur)
            return float(np.sqrt((fine * fine * self.mask).sum() / max(float(self.mask.sum()), 1.0)))

        return float(np.clip(contrast(self._source) / max(contrast(enlarged), 1e-3) - 1, 0, SHARPEST))


KEPT_BYTES = 512 * 2**20  # of a clip's features


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A frame's place for the mouth, and what the network makes of its face."""

    place: Place
    features: FaceFeatures


class FaceCrops:
    """The faces of an avatar by frame. wanted: the part of the 96 x 96 pixels that is drawn, one for all frames."""

    def __init__(self, avatar: Avatar, decoder: Decoder, pads: Pads, kept_bytes: int = KEPT_BYTES) -> None:
        self.avatar, self._decoder, self._kept_bytes = avatar, decoder, kept_bytes
        self._boxes = {
            int(index): find_box(avatar.landmarks[index], avatar.size, pads)
            for index in np.flatnonzero(np.isfinite(avatar.landmarks[:, 0, 0]))
        }
        if not self._boxes:
            raise LipsyncError(
                "{avatar} shows no face in any frame; choose another picture or clip.", avatar=avatar.name
            )
        wanted = [
            find_wanted(find_area(lower_face(avatar.landmarks[index]), box), box) for index, box in self._boxes.items()
        ]
        self.wanted = Window(
            min(window.top for window in wanted), max(window.bottom for window in wanted),
            min(window.left for window in wanted), max(window.right for window in wanted),
        )  # fmt: skip
        self._faces: dict[int, FaceCrop] = {}
        self._bytes = 0
        self._lock = Lock()

    def __getitem__(self, index: int) -> FaceCrop | None:
        """The face in a frame; None where there is none."""
        box = self._boxes.get(index)
        face = self._faces.get(index)
        if face is not None or box is None:
            return face
        image, landmarks = self.avatar.frames[index], self.avatar.landmarks[index]
        seen = see(image, box)
        face = FaceCrop(
            Place(image, landmarks, box, self.wanted, seen), self._decoder.encode(to_network(seen), self.wanted)
        )
        with self._lock:
            # What is kept stays: a clip goes forward and back, which throws the longest unused out just before its use.
            size = face.features.bytes + 7 * 4 * face.place.mask.size
            if self._bytes + size <= self._kept_bytes or not self._faces:
                self._faces[index] = face
                self._bytes += size
        return face
