"""The training loop: windows from every source, each judged by its own heads."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.audio.mel import BANDS, SILENCE, mel_spectrogram
from lipsync_core.audio.normalization import Level, LevelMeter
from lipsync_core.models.rig.motion import COLUMNS, STRIDE, WIDTH, MotionNet, normalise
from training.augment import mask, noise, tract
from training.source import SEALS, Copy, Source

STEPS = 50  # of the trunk, judged at once: 1.25 s
LENGTH = COLUMNS + STRIDE * (STEPS - 1)  # mel columns that they see
QUIET_SHARE = 0.1  # of the windows: room tone alone
EMA = 0.997  # a step
SEAL_WEIGHT = 2.5  # seals are short and rare: a missed one counts as much as this many false ones


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn."""

    steps: int = 1500
    batch: int = 16  # windows a source and step
    rate: float = 2e-3
    weight_decay: float = 0.05
    width: int = WIDTH
    dropout: float = 0.15
    correlation: float = 0.3  # weight of 1 - r against the squared error
    seed: int = 0


def _room_tones(rng: np.random.Generator) -> list[np.ndarray]:
    return [mel_spectrogram((0.05 * noise(16000 * 4, rng)).astype(np.float32)) for _ in range(24)]


def _quiet(tones: list[np.ndarray], level: Level, rng: np.random.Generator) -> tuple[np.ndarray, Level]:
    """Noise at least 15 dB under the speech of `level`, or a take that is nothing but noise."""
    tone = tones[rng.integers(len(tones))]
    start = rng.integers(tone.shape[1] - LENGTH)
    tone = tone[:, start : start + LENGTH]
    quieter = tone - tone.mean() + level.means.mean() - rng.uniform(1.2, 3.5)
    mel = np.clip(quieter, SILENCE, -SILENCE).astype(np.float32)
    return mel, LevelMeter().update(mel) if rng.random() < 0.5 else level


def batch(
    source: Source, size: int, tones: list[np.ndarray], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """-> normalised mel (size, 80, LENGTH) and standardised targets (size, k, STEPS)."""
    mels, tracks = (
        np.empty((size, BANDS, LENGTH), np.float32),
        np.empty((size, len(source.channels), STEPS), np.float32),
    )
    for i in range(size):
        piece = source.copies[rng.integers(len(source.copies))]
        level = piece.levels[rng.integers(len(piece.levels))]
        if rng.random() < QUIET_SHARE:
            mel, level = _quiet(tones, level, rng)
            track = np.repeat(source.rest[:, None], STEPS, 1)
        else:
            mel, track = _window(piece, source.rest, rng)
        mels[i] = mask(normalise(mel, level) + rng.normal(0, 0.12, (BANDS, 1)), rng)
        tracks[i] = (track - source.mean[:, None]) / source.std[:, None]
    return torch.from_numpy(mels), torch.from_numpy(tracks)


def _window(piece: Copy, rest: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    spare = piece.mel.shape[1] - LENGTH
    start = int(rng.integers(0, spare + 1)) if spare >= 0 else 0
    mel = piece.mel[:, start : start + LENGTH].astype(np.float32)
    if rng.random() < 0.6:
        mel = tract(mel, float(np.exp(rng.uniform(-0.16, 0.16))))
    # the middle of a chunk of even width lies between two columns
    middle = start + COLUMNS // 2 - 1
    columns = piece.track[:, middle : middle + STRIDE * STEPS]
    if spare < 0:
        mel = np.pad(mel, ((0, 0), (0, -spare)), constant_values=SILENCE)
        after = np.repeat(rest[:, None], STRIDE * STEPS - columns.shape[1], 1)
        columns = np.concatenate([columns, after], 1)
    return mel, columns.reshape(len(rest), STEPS, STRIDE).mean(2)


def judge(said: torch.Tensor, wanted: torch.Tensor, source: Source, correlation: float) -> torch.Tensor:
    """Squared error and lost correlation of the shapes, cross entropy of the seals."""
    total = said.new_zeros(())
    for k, channel in enumerate(source.channels):
        a, b = said[:, k], wanted[:, k]
        if channel in SEALS:
            rare = torch.tensor(SEAL_WEIGHT)
            total = total + 0.5 * F.binary_cross_entropy_with_logits(a, b, pos_weight=rare)
            continue
        total = total + F.mse_loss(a, b)
        moving = b.std(1) > 0.2
        if correlation and moving.any():
            x, y = a[moving] - a[moving].mean(1, keepdim=True), b[moving] - b[moving].mean(1, keepdim=True)
            r = (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + 1e-3)
            total = total + correlation * (1 - r).mean()
    return total


def _one_cycle(done: float) -> float:
    """Share of the highest learning rate after `done` 0..1 of the training: up for a quarter, then down to nothing."""
    rising = 0.25
    if done < rising:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * done / rising))
    return 1e-3 + 0.999 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - rising) / (1 - rising))))


def fit(
    sources: list[Source],
    plan: Plan,
    report: Callable[[int, float], None] | None = None,
    minutes: float | None = None,
) -> tuple[MotionNet, list[float]]:
    """-> the network (a running average of its weights) and the loss of each step.

    With `minutes`, the steps done in that time count as all of plan.steps: the learning rate falls with the clock.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    net = MotionNet(plan.width, plan.dropout).train()
    average = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.weight_decay)
    tones = _room_tones(rng)
    losses = []
    began, step, done = time.monotonic(), 0, 0.0
    while done < 1:
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * _one_cycle(done)
        parts = [batch(s, max(1, round(plan.batch * s.share)), tones, rng) for s in sources]
        said = net.teachers(torch.cat([mel for mel, _ in parts]))
        loss = torch.zeros(())
        pieces = said.split([len(mel) for mel, _ in parts])
        for source, mine, (_, wanted) in zip(sources, pieces, parts, strict=True):
            loss = loss + judge(mine[:, source.heads], wanted, source, plan.correlation)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        kept = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, 1 - kept)
        losses.append(float(loss.detach()))
        if report is not None:
            report(step, losses[-1])
        step += 1
        done = step / plan.steps if minutes is None else (time.monotonic() - began) / (60 * minutes)
    return average, losses
