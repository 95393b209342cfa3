"""A photo that lives: what it does on its own, and how that is drawn."""

from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np

from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.rig.eyelids import LidSkin, find_eyelids
from lipsync_core.models.rig.neutral import Neutral, Pose
from lipsync_core.models.rig.warp import Box, Texture, box_around

SWAYS = ("x", "y", "roll", "yaw", "pitch", "breath")
AMPLITUDES = np.array([0.016, 0.010, 0.010, 0.014, 0.009, 0.010])  # eye distances, roll in radians
RATES = ((0.05, 0.10), (0.13, 0.21), (0.27, 0.38))  # Hz, low and high, of the three waves that make a sway
WEIGHTS = (0.55, 0.33, 0.12)
BREATHS = (0.22, 0.28)  # Hz
WAKE = 1.5  # seconds in which the motion sets in, so that the first frame is the photo itself

FIRST_BLINK = (1.0, 3.0)  # seconds
BETWEEN_BLINKS = (1.2, 8.0)  # seconds at least and at most; log-normal about 3.2 s between
CLOSING, SHUT, OPENING = 0.08, 0.05, 0.15  # seconds


@dataclass(frozen=True)
class IdleMotion:
    """sway: (n, 6) float32, the SWAYS in eye distances and radians. blink: (n,) float32, 0 open to 1 shut."""

    sway: np.ndarray
    blink: np.ndarray


class Idle:
    """The same seed gives the same life, whatever is asked for first."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng([seed % 2**63, 1])
        count = len(SWAYS) - 1
        self._rates = np.stack([chance.uniform(low, high, count) for low, high in RATES])
        self._phases = chance.uniform(0, 2 * np.pi, (len(RATES), count))
        self._breath = chance.uniform(*BREATHS)
        self._blinks = np.random.default_rng([seed % 2**63, 2])
        self._starts = [float(self._blinks.uniform(*FIRST_BLINK))]
        self._lock = Lock()

    def at(self, times: np.ndarray) -> IdleMotion:
        """times: (n,) seconds from the start of the take."""
        waves = np.sin(2 * np.pi * times[:, None, None] * self._rates + self._phases)
        sway = np.empty((len(times), len(SWAYS)))
        sway[:, :-1] = np.einsum("nwk,w->nk", waves, WEIGHTS)
        sway[:, 2] = 0.6 * sway[:, 2] + 0.4 * sway[:, 0]  # a head that moves aside also tilts
        # In by a slow rise, out by a quicker fall and a rest.
        turn = (times * self._breath) % 1.0
        sway[:, -1] = (
            np.where(turn < 0.45, np.sin(np.pi * turn / 0.9), np.cos(np.pi * (turn - 0.45) / 0.8).clip(0)) ** 2
        )
        sway *= AMPLITUDES * smoothstep(times / WAKE)[:, None]
        return IdleMotion(sway.astype(np.float32), self._lids(times))

    def _lids(self, times: np.ndarray) -> np.ndarray:
        starts = np.array(self._until(float(times.max(initial=0.0))))
        since = times[:, None] - starts
        shut = smoothstep(since / CLOSING) - smoothstep((since - CLOSING - SHUT) / OPENING)
        result: np.ndarray = np.clip(shut.max(1), 0, 1).astype(np.float32)
        return result

    def _until(self, time: float) -> list[float]:
        """Starts of all blinks up to a time, and of some after it."""
        with self._lock:
            while self._starts[-1] <= time:
                gap = float(np.clip(np.exp(self._blinks.normal(np.log(3.2), 0.55)), *BETWEEN_BLINKS))
                if self._blinks.random() < 0.12:
                    gap = CLOSING + SHUT + OPENING + 0.08  # a double blink
                self._starts.append(self._starts[-1] + gap)
            return list(self._starts)


HEAD = (1.15, 1.65)  # face units: half axes of the ellipse that moves as one, about HEAD_MIDDLE
HEAD_MIDDLE = np.array([0.0, -0.60])
HEAD_FADE = 1.1  # of the ellipse, how far the motion reaches beyond it
FACE = (0.95, 1.35)  # half axes of the part that stands out of the picture, about FACE_MIDDLE
FACE_MIDDLE = np.array([0.0, -0.30])
PIVOT = np.array([0.0, 1.9])  # where a head tilts
CHEST = (0.35, 1.30)  # face units below the chin: where breathing begins, and where it is all there
HEAD_BREATH = 0.4  # how far the head follows the chest
STEP = 8  # pixels between the points at which a picture's sway is computed
BORDER = 0.08  # of the picture's shorter side: nothing moves at its left, right and upper edge


def sway_fields(pixels: np.ndarray, size: tuple[int, int], pose: Pose, neutral: Neutral) -> np.ndarray:
    """Displacement in pixels for one unit of each of the SWAYS.

    pixels: (h, w, 2) where. size: height and width of the picture. Returns (6, h, w, 2) float32.
    """
    points = pose.to_face(pixels)
    beyond = np.hypot(*np.moveaxis((points - HEAD_MIDDLE) / HEAD, -1, 0)) - 1
    head = 1 - smoothstep(beyond / HEAD_FADE)
    bulge = np.clip(1 - (((points - FACE_MIDDLE) / FACE) ** 2).sum(-1), 0, 1) ** 2
    chest = smoothstep((points[..., 1] - neutral.rest[152, 1] - CHEST[0]) / (CHEST[1] - CHEST[0]))
    arm = points - PIVOT
    zero = np.zeros_like(head)
    fields = {
        "x": (head, zero),
        "y": (zero, head),
        "roll": (-arm[..., 1] * head, arm[..., 0] * head),
        "yaw": (bulge, zero),
        "pitch": (zero, bulge),
        "breath": (zero, -np.maximum(chest, HEAD_BREATH * head)),
    }
    height, width = size
    border = BORDER * min(height, width)
    edge = np.minimum.reduce([pixels[..., 0], width - 1 - pixels[..., 0], pixels[..., 1]])
    still = smoothstep(edge / border)
    moved = np.stack([np.stack(fields[name], -1) for name in SWAYS]) * still[..., None]
    result: np.ndarray = (moved @ pose.matrix.T).astype(np.float32)
    return result


class SwayMap:
    """The sway of one photo. size: its height and width."""

    def __init__(self, size: tuple[int, int], pose: Pose, neutral: Neutral) -> None:
        # Each point stands in the middle of STEP x STEP pixels, which is where cv2.resize takes it to be; a point more
        # on each side keeps its interpolation away from the picture's edge.
        rows, columns = (np.arange(-1, -(-side // STEP) + 1) * STEP + (STEP - 1) / 2 for side in size)
        self._size = size
        self._points = np.stack(np.meshgrid(columns, rows), -1).astype(np.float32)
        self._fields = sway_fields(self._points.astype(np.float64), size, pose, neutral)

    def seen(self, amounts: np.ndarray) -> np.ndarray:
        """(6,) float32, the SWAYS -> (H, W, 2) float32: which pixel of the photo is seen at each pixel."""
        coarse = self._points - np.tensordot(amounts, self._fields, 1)
        fine = cv2.resize(coarse, None, fx=STEP, fy=STEP, interpolation=cv2.INTER_LINEAR)
        return fine[STEP : STEP + self._size[0], STEP : STEP + self._size[1]]


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
