"""How well the network's motion follows a real mouth, measured as a viewer's tracker would, without rendering."""

from collections.abc import Iterable

import numpy as np

from lipsync_core.audio.mel import COLUMNS_PER_SECOND, RATE, SILENCE, chunk_start, mel_spectrogram
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.models.rig.motion import BY_OPENING, BY_PRESS, BY_PUCKER, COLUMNS, Motion
from training.clip import Clip

LAGS = range(-2, 3)  # frames
TREMOR = 8.0  # Hz; a mouth that speaks moves slower than this


def chunks(mel: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """(80, T) raw mel -> (frames, 80, COLUMNS): the chunk of each video frame, silence outside the sound."""
    padded = np.pad(mel, ((0, 0), (COLUMNS, 2 * COLUMNS)), constant_values=SILENCE)
    starts = [min(chunk_start(k, fps, COLUMNS), mel.shape[1] + COLUMNS) + COLUMNS for k in range(frames)]
    return np.stack([padded[:, s : s + COLUMNS] for s in starts])


def move(motion: Motion, samples: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """(n,) float32 at 16 kHz, one piece of a take -> (frames, 5)."""
    mel = mel_spectrogram(samples)
    return motion(chunks(mel, fps, frames), LevelMeter().update(mel))


def lips(motion: np.ndarray) -> np.ndarray:
    """(n, 5) -> (n, 2): the opening and the width that are drawn, after what the other channels do to them."""
    opening = motion[:, 0] * (1 - motion[:, 3])
    width = motion[:, 1] + BY_PUCKER * motion[:, 2] + BY_OPENING * opening + BY_PRESS * motion[:, 3]
    return np.stack([opening, width], 1)


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation, 0 where one of them does not move."""
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 5 and a.std() > 1e-6 and b.std() > 1e-6 else 0.0


def follow(said: np.ndarray, real: np.ndarray) -> tuple[float, float, int]:
    """Two (n, 2) tracks -> r of the opening, r of the width, and the lag in frames at which the opening fits best."""

    def shifted(lag: int) -> tuple[np.ndarray, np.ndarray]:
        n = min(len(said) - max(0, lag), len(real) - max(0, -lag))
        return said[max(0, lag) :][:n], real[max(0, -lag) :][:n]

    lag = max(LAGS, key=lambda k: pearson(*(x[:, 0] for x in shifted(k))))
    a, b = shifted(lag)
    return pearson(a[:, 0], b[:, 0]), pearson(a[:, 1], b[:, 1]), lag


def at_frames(clip: Clip, fps: float) -> np.ndarray:
    """A clip's open and width at the middle of each video frame: (frames, 2)."""
    middles = (np.arange(int(len(clip.samples) / RATE * fps)) + 0.5) / fps * COLUMNS_PER_SECOND
    return np.stack([np.interp(middles, np.arange(clip.track.shape[1]), row) for row in clip.track[:2]], 1)


def tremor(track: np.ndarray, fps: float) -> float:
    """(n,) -> share of its power above TREMOR."""
    power = np.abs(np.fft.rfft((track - track.mean()) * np.hanning(len(track)))) ** 2
    return float(power[np.fft.rfftfreq(len(track), 1 / fps) > TREMOR].sum() / (power.sum() + 1e-12))


def against(motion: Motion, pairs: Iterable[tuple[np.ndarray, np.ndarray]], fps: float) -> dict[str, float]:
    """Mean figures over (samples, (frames, 2) real lips)."""
    rows, tremors = [], []
    for samples, real in pairs:
        said = lips(move(motion, samples, fps, len(real)))
        rows.append(follow(said, real))
        tremors.append((tremor(said[:, 0], fps), tremor(real[:, 0], fps)))
    r_open, r_width, lag = np.mean(rows, 0)
    ours, theirs = np.mean(tremors, 0)
    return {
        "clips": len(rows),
        "r_open": round(float(r_open), 3),
        "r_width": round(float(r_width), 3),
        "lag_ms": round(1000 / fps * float(lag), 1),
        "tremor": round(float(ours), 3),
        "tremor_of_real_lips": round(float(theirs), 3),
    }
