"""Real lips: speaker 1 of the GRID corpus (Cooke, Barker, Cunningham, Shao 2006), tracked at 25 fps."""

from pathlib import Path

import numpy as np

from training.clip import Clip, to_columns

FPS = 25.0
TOUCH, APART = 0.012, 0.028  # eye distances between the inner lips: certainly closed, certainly open
REST = (0.008, -0.0034, 1.0)  # the closed mouth before and after speech, as `clips` gives it
HELD_OUT = 9  # every ninth clip is for validation


def mouth(points: np.ndarray, landmarks: list[int]) -> np.ndarray:
    """(frames, points, 3) -> (frames, 2): inner-lip opening and mouth width over the eye distance."""

    def distance(a: int, b: int) -> np.ndarray:
        between: np.ndarray = np.linalg.norm(points[:, landmarks.index(a)] - points[:, landmarks.index(b)], axis=1)
        return between

    parts: np.ndarray = np.stack([distance(13, 14), distance(78, 308)], 1) / distance(33, 263)[:, None]
    return parts


def clips(folder: Path) -> list[Clip]:
    """Every clip with (open, width, press): width against the clip's median, press 1 where the lips touch."""
    import soundfile

    found = []
    for path in sorted(folder.glob("part*.npz")):
        part = np.load(path, allow_pickle=False)
        sound = soundfile.read(path.with_suffix(".flac"), dtype="float32")[0]
        track = mouth(part["points"].astype(np.float64), part["landmarks"].tolist())
        ends, cuts = np.cumsum(part["frames"]), np.cumsum(part["samples"])
        for name, n, end, samples, cut in zip(part["names"], part["frames"], ends, part["samples"], cuts, strict=True):
            lips = track[end - n : end]
            opening, width = lips[:, 0], lips[:, 1] - np.median(lips[:, 1])
            touch = np.clip((APART - opening) / (APART - TOUCH), 0, 1)
            values = np.stack([opening, width, touch], 1)
            found.append(Clip(str(name), sound[cut - samples : cut], to_columns(values, FPS, samples)))
    return found


def split(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    """-> (to train on, held out): whole clips."""
    return [c for i, c in enumerate(clips) if i % HELD_OUT != 4], clips[4::HELD_OUT]
