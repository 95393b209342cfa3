"""A photo that lives: it sways, and its eyes blink."""

import cv2
import numpy as np

from lipsync_core.models.rig.eyelids import find_eyelids
from lipsync_core.models.rig.lattice import Box, box_around
from lipsync_core.models.rig.lid_skin import LidSkin
from lipsync_core.models.rig.neutral import Neutral
from lipsync_core.models.rig.pose import Pose
from lipsync_core.models.rig.sway import SwayMap
from lipsync_core.models.rig.texture import Texture

LEAST = 0.01  # of a blink that is drawn


class LivingPhoto:
    """texture: the photo, doubled. landmarks: (468, 3) pixels. mouth: what is left out, as it is drawn elsewhere."""

    def __init__(self, texture: Texture, landmarks: np.ndarray, pose: Pose, neutral: Neutral, mouth: Box) -> None:
        self._pixels, self._pose = texture.pixels(), pose
        self._sway = SwayMap(texture.size, pose, neutral)
        height, width = texture.size
        bottom, right = min(mouth.bottom, height), min(mouth.right, width)
        around = [
            (slice(0, mouth.top), slice(0, width)),
            (slice(bottom, height), slice(0, width)),
            (slice(mouth.top, bottom), slice(0, mouth.left)),
            (slice(mouth.top, bottom), slice(right, width)),
        ]
        self._around = [
            (rows, columns) for rows, columns in around if rows.start < rows.stop and columns.start < columns.stop
        ]
        self._eyelids = [
            (LidSkin(lid, pose, self._pixels), box_around(lid.box(), pose, texture.size))
            for lid in find_eyelids(landmarks, pose)
        ]

    def draw(self, out: np.ndarray, sway: np.ndarray) -> None:
        """Draw the swayed photo, but for the mouth, into (H, W, 3) uint8 RGB. sway: (6,) as in IdleMotion."""
        seen = self._sway.seen(sway)
        for part in self._around:
            out[part] = self._sample(seen[part])

    def blink(self, out: np.ndarray, sway: np.ndarray, amount: float) -> None:
        """Draw the lids over a drawn frame. amount: 0 open to 1 shut."""
        if amount <= LEAST:
            return
        seen = self._sway.seen(sway)
        for lid, box in self._eyelids:
            part = (slice(box.top, box.bottom), slice(box.left, box.right))
            eye = out[part].astype(np.float32)
            lid.draw(eye, self._pose.to_face(seen[part].astype(np.float64)), amount)
            out[part] = np.clip(eye + 0.5, 0, 255).astype(np.uint8)

    def _sample(self, points: np.ndarray) -> np.ndarray:
        """(h, w, 2) float32 pixels of the photo -> (h, w, 3) uint8, read from the doubled one."""
        seen = cv2.remap(  # type: ignore[call-overload]
            self._pixels, points * 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(seen)
