"""Landmarks over time without their flicker."""

import numpy as np

SIGMA_SECONDS = 0.03  # of the Gaussian: lips keep their speed (r 0.9 and more with tracks of real speech), noise halves
JUMP = 0.35  # of the face's size from one frame to the next: a cut of the film, not a movement


def smooth(landmarks: np.ndarray, fps: float) -> np.ndarray:
    """(n, 468, 3) float32 landmarks, smoothed by a Gaussian in time, which delays nothing.

    Frames of NaN stay so, and nothing is mixed across them or across cuts.
    """
    smoothed = landmarks.copy()
    sigma = SIGMA_SECONDS * fps
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    for start, end in _stretches(landmarks):
        stretch = landmarks[start:end].astype(np.float64)
        total = np.zeros_like(stretch)
        weight = np.zeros((end - start, 1, 1))
        for shift in range(-reach, reach + 1):
            if abs(shift) < end - start:
                into = slice(max(0, -shift), end - start - max(0, shift))
                of = slice(max(0, shift), end - start - max(0, -shift))
                total[into] += weights[shift + reach] * stretch[of]
                weight[into] += weights[shift + reach]
        smoothed[start:end] = total / weight
    return smoothed


def _stretches(landmarks: np.ndarray) -> list[tuple[int, int]]:
    """Runs of frames in which one face moves without a gap or a jump: first frame and the one after the last."""
    found = np.isfinite(landmarks).all(axis=(1, 2))
    points = np.where(found[:, None, None], landmarks[..., :2], 0)
    size = np.ptp(points, axis=1).max(axis=1)
    step = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
    stretches = []
    start = None
    for index, here in enumerate(found):
        if start is not None and (not here or step[index - 1] > JUMP * size[index - 1]):
            stretches.append((start, index))
            start = None
        if here and start is None:
            start = index
    if start is not None:
        stretches.append((start, len(found)))
    return stretches
