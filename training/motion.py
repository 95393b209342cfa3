"""Train the rig's motion network: from the data folders to the safetensors file.

python -m training.motion --data ../shared/data --out checkpoints/rig_motion.safetensors
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from lipsync_core.audio.mel import RATE, mel_spectrogram
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.models.rig.motion import CAPTURED, REAL, SYNTHETIC, Motion, MotionNet, normalise
from training import articulation, coarticulation, follow, grid_s1, revoiced, synthetic
from training.blend import blend
from training.clip import Clip
from training.fit import Plan, fit
from training.source import Source, build

FPS = 25.0
PIECE = 6.0  # s into which long recordings are cut
HELD_OUT_RECORDING = 4  # of the captured curves


@dataclass(frozen=True)
class Amount:
    """How much of the data there is to learn from."""

    every: int = 1  # one in so many real clips
    voices: int = 2  # other voices that repeat each real clip
    spoken: int = 800  # utterances of synthetic talk
    real: int = 5  # changed copies of each real clip
    revoiced: int = 2  # of each clip in another voice
    captured: int = 15  # of each piece with captured curves
    synthetic: int = 2  # of each synthetic utterance
    held_out: int = 1  # one in so many of the clips that are held out for the figures


FULL = Amount()
SMALL = Amount(every=10, voices=1, spoken=24, real=1, revoiced=1, captured=1, synthetic=1, held_out=8)


def sources(data: Path, amount: Amount, seed: int) -> tuple[list[Source], list[Clip]]:
    """-> the teachers, and the real clips that are held out."""
    real, held_out = grid_s1.split(grid_s1.clips(data / "grid_s1"))
    real = real[:: amount.every]
    recordings = articulation.clips(data / "articulation")
    captured = articulation.pieces([c for i, c in enumerate(recordings) if i != HELD_OUT_RECORDING], PIECE)
    others = [clip for k in range(amount.voices) for clip in revoiced.clips(real, seed + 10 + k)]
    lips = coarticulation.learn(real, seed + 20)
    talk = synthetic.clips(amount.spoken, seed, lips)
    own = build("real", REAL, 0, real, grid_s1.REST, amount.real, (0.82, 1.35), seed, 0.8)
    made = [
        own,
        build("captured", CAPTURED, len(REAL), captured, (0, 0, 0, 0), amount.captured, (0.8, 1.25), seed + 1, 0.6),
        build("synthetic", SYNTHETIC, len(REAL) + len(CAPTURED), talk, lips.rest, amount.synthetic, (0.8, 1.25),
              seed + 2, 1.0),
    ]  # fmt: skip
    if others:
        theirs = build("revoiced", REAL, 0, others, grid_s1.REST, amount.revoiced, (0.82, 1.3), seed + 3, 0.6)
        made.append(replace(theirs, mean=own.mean, std=own.std))  # one head, one scale
    return made, held_out[:: amount.held_out]


def teachers_on(net: MotionNet, clips: list[Clip]) -> np.ndarray:
    """What every head says on natural speech: (n, HEADS)."""
    said = []
    with torch.inference_mode():
        for clip in clips:
            mel = mel_spectrogram(clip.samples)
            chunks = follow.chunks(mel, FPS, int(len(clip.samples) / RATE * FPS))
            said.append(net.teachers(torch.from_numpy(normalise(chunks, LevelMeter().update(mel))))[..., 0].numpy())
    return np.concatenate(said)


def train(data: Path, out: Path, plan: Plan, minutes: float | None = None, amount: Amount = FULL) -> dict[str, object]:
    """Train, write `out` in one move, and return figures on the clips that were held out."""
    began = time.monotonic()
    made, held_out = sources(data, amount, plan.seed)
    print(f"data ready after {time.monotonic() - began:.0f} s", file=sys.stderr)

    def report(step: int, loss: float) -> None:
        if step % 100 == 0:
            print(f"step {step} of {plan.steps}, loss {loss:.2f}, {time.monotonic() - began:.0f} s", file=sys.stderr)

    net, losses = fit(made, plan, report, minutes)
    blend(net, made, teachers_on(net, held_out))
    part = out.with_suffix(".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, part)
    part.replace(out)
    pairs = [(clip.samples, follow.at_frames(clip, FPS)) for clip in held_out]
    return {
        "steps": len(losses),
        "first_loss": round(float(np.mean(losses[: max(1, len(losses) // 10)])), 3),
        "last_loss": round(float(np.mean(losses[-max(1, len(losses) // 10) :])), 3),
        "grid_s1 held out": follow.against(Motion.load(out), pairs, FPS),
        "bytes": out.stat().st_size,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.motion", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds grid_s1, articulation")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/rig_motion.safetensors"))
    parser.add_argument("--steps", type=int, default=2800, help="of training; 0.3 to 0.6 s each on a core")
    parser.add_argument("--minutes", type=float, help="stop learning after this long, the schedule fitted to it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--small", action="store_true", help="a tenth of the data and 60 narrow steps, to try the chain"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    plan = small_plan(given.seed) if given.small else Plan(steps=given.steps, seed=given.seed)
    for folder in ("grid_s1", "articulation"):
        if not (given.data / folder).is_dir():
            parser.error(f"{given.data / folder} is no folder; docs/training.md says what has to lie there")
    result = train(given.data, given.out, plan, given.minutes, SMALL if given.small else FULL)
    print(json.dumps(result))


def small_plan(seed: int) -> Plan:
    """Enough to see that it learns, in half a minute."""
    return Plan(steps=60, batch=6, width=48, rate=4e-3, seed=seed)


if __name__ == "__main__":
    main()
