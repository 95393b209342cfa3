"""Figures for a set of weights: how well the motion follows real lips, whether lips close, what a frame costs.

python -m training.evaluate --data ../shared/data
"""

import argparse
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from lipsync_core.audio.mel import RATE
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.models.rig.motion import CHANNELS, COLUMNS, GROUP, Motion
from lipsync_core.speech.speech import Phoneme
from training import articulation, grid_s1, revoiced, synthetic, voices
from training.clip import Clip
from training.follow import against, at_frames, lips, move
from training.motion import FPS, HELD_OUT_RECORDING
from training.voices import ESPEAK, PIPER

PIECE = 4.0  # s
SEED = 77
CLOSELY = 100.0  # fps at which short closures are looked for
SHUT = 0.02  # eye distances between the lips, less than what a tracker calls apart
BILABIAL, LABIODENTAL, WIDE, ROUND, SPREAD = "pbm", "fv", "aɑæɔɒ", "uw", "i"
_OPEN, WIDTH, PUCKER, PRESS, TUCK = range(len(CHANNELS))


def closures(
    motion: Motion, spoken: Iterable[tuple[np.ndarray, Sequence[Phoneme]]], fps: float = CLOSELY
) -> dict[str, float]:
    """Over (samples at 16 kHz, phonemes): what the mouth does in p, b, m, in f, v, and in some vowels.

    Shares of the phonemes within which the lips seal or tuck, and mean values at the middles of the others.
    """
    seen: dict[str, list[np.ndarray]] = {sounds: [] for sounds in (BILABIAL, LABIODENTAL, WIDE, ROUND, SPREAD)}
    for samples, phonemes in spoken:
        said = move(motion, samples, fps, int(len(samples) / RATE * fps))
        drawn = np.column_stack([said, lips(said)[:, 0]])
        for phoneme in phonemes:
            first, last = int(phoneme.start * fps), int(phoneme.end * fps)
            sounds = next((sounds for sounds in seen if phoneme.symbol[0] in sounds), None)
            if sounds and first < len(drawn):
                part = drawn[first : max(first + 1, last)]
                middle = part[len(part) // 2]
                seen[sounds].append(np.array([*middle, part[:, PRESS].max(), part[:, -1].min(), part[:, TUCK].max()]))
    table = {sounds: np.array(rows) for sounds, rows in seen.items() if rows}

    def share(sounds: str, column: int, least: float) -> float:
        return round(float((table[sounds][:, column] >= least).mean()), 3)

    def average(sounds: str, channel: int) -> float:
        return round(float(table[sounds][:, channel].mean()), 3)

    return {
        "p b m": len(table[BILABIAL]),
        "sealed": share(BILABIAL, -3, 0.7),
        "shut": round(1 - share(BILABIAL, -2, SHUT), 3),
        "f v tucked": share(LABIODENTAL, -1, 0.5),
        "f v sealed by mistake": share(LABIODENTAL, PRESS, 0.7),
        "a sealed by mistake": share(WIDE, PRESS, 0.7),
        "a open": average(WIDE, len(CHANNELS)),
        "u pucker": average(ROUND, PUCKER),
        "u width": average(ROUND, WIDTH),
        "i width": average(SPREAD, WIDTH),
        "i pucker": average(SPREAD, PUCKER),
    }


def cost(motion: Motion, groups: int = 25) -> float:
    """Milliseconds of one core a frame, in groups of GROUP."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        mel = np.random.default_rng(0).uniform(-4, 1, (GROUP, 80, COLUMNS)).astype(np.float32)
        level = LevelMeter().update(mel[0])
        motion(mel, level)
        start = time.process_time()
        for _ in range(groups):
            motion(mel, level)
        return (time.process_time() - start) / groups / GROUP * 1000
    finally:
        torch.set_num_threads(threads)


def figures(motion: Motion, data: Path, spoken: int = 30) -> dict[str, object]:
    """Everything the model card states, on what no training sees."""

    def judged(clips: list[Clip]) -> dict[str, float]:
        return against(motion, [(clip.samples, at_frames(clip, FPS)) for clip in clips], FPS)

    real = grid_s1.split(grid_s1.clips(data / "grid_s1"))[1]
    captured = articulation.clips(data / "articulation")[HELD_OUT_RECORDING]
    result: dict[str, object] = {
        "real lips": judged(real),
        "captured": judged(articulation.pieces([captured], PIECE)),
    }
    for engine in (ESPEAK, PIPER) if voices.neural() else (ESPEAK,):
        chance = random.Random(SEED)  # noqa: S311
        others = revoiced.utterances(real[::2], chance, engine, voices.HELD_OUT_TIMBRES)
        result[f"real lips, {engine} voice"] = judged([clip for clip, _ in others])
        result[f"closures, {engine}"] = closures(
            motion, synthetic.spoken(spoken, SEED, engine, voices.HELD_OUT_TIMBRES)
        )
    result["ms_per_frame"] = round(cost(motion), 2)
    return result


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds grid_s1 and articulation")
    parser.add_argument("--weights", type=Path, help="safetensors; default: the ones that come with the program")
    given = parser.parse_args()
    print(json.dumps(figures(Motion.load(given.weights), given.data), indent=1))


if __name__ == "__main__":
    main()
