"""Where the network's mouth goes in a picture, and how it is made to fit there."""

import cv2
import numpy as np

from lipsync_core.models.wav2lip.architecture import SIDE
from lipsync_core.models.wav2lip.crop import FEATHER, find_area, find_mask, lower_face
from lipsync_core.models.wav2lip.window import Window

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
