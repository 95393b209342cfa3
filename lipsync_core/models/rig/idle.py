"""What a living face does on its own: when it blinks, how the head sways, how it breathes. A matter of time alone."""

from dataclasses import dataclass
from threading import Lock

import numpy as np

from lipsync_core.models.interpolation import smoothstep

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
