"""Captured face curves: Mandarin speech from the training set of FACEGOOD Audio2Face (MIT), 30 fps."""

from pathlib import Path

import numpy as np

from lipsync_core.audio.mel import HOP, RATE
from training.clip import Clip, to_columns

FPS = 30.0
SHIFT = -0.028  # s; the curves come this much later than the real mouths of GRID do on the same sound


def clips(folder: Path) -> list[Clip]:
    """Every recording with (open, width, pucker, press)."""
    import soundfile

    names = (folder / "names.txt").read_text().split()
    found = []
    for path in sorted(folder.glob("speech*.npz")):
        weights = np.load(path, allow_pickle=False)["weights"].astype(np.float64)
        sound = soundfile.read(path.with_suffix(".flac"), dtype="float32")[0]

        def curve(*wanted: str, weights: np.ndarray = weights) -> np.ndarray:
            mean: np.ndarray = weights[:, [names.index(w) for w in wanted]].mean(1)
            return mean

        rounded = (
            curve("mouth_pucker_l", "mouth_pucker_r")
            + curve("mouth_funnel_dl", "mouth_funnel_dr", "mouth_funnel_ul", "mouth_funnel_ur")
            + curve("mouth_oo_c")
            + 0.5 * curve("mouth_oh_c")
        )
        lips = curve("mouth_lowerLipDepress_l", "mouth_lowerLipDepress_r") + curve(
            "mouth_upperLipRaise_l", "mouth_upperLipRaise_r"
        )
        suck = curve("mouth_suck_dl", "mouth_suck_dr", "mouth_suck_ul", "mouth_suck_ur")
        pressed = curve("mouth_press_l", "mouth_press_r") + suck
        opening = curve("mouth_stretch_c") + 0.6 * lips + 0.25 * rounded
        spread = curve("mouth_lipCornerPull_l", "mouth_lipCornerPull_r")
        width = 2 * spread + 0.5 * lips - rounded
        press = np.clip(pressed / 0.15, 0, 1)
        values = np.stack([opening * (1 - 0.7 * press), width, np.clip(rounded, 0, 1), press], 1)
        found.append(Clip(path.stem, sound, to_columns(values, FPS, len(sound), SHIFT)))
    return found


def pieces(clips: list[Clip], seconds: float) -> list[Clip]:
    """The recordings cut into clips of `seconds`."""
    samples = round(seconds * RATE)
    columns = samples // HOP
    return [
        Clip(clip.name, clip.samples[i * samples :][:samples], clip.track[:, i * columns :][:, : columns + 1])
        for clip in clips
        for i in range(len(clip.samples) // samples)
    ]
