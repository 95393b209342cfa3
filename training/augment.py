"""Other voices, rooms, microphones and lines, so that the network hears more than its few speakers."""

import numpy as np
import scipy.fft
import scipy.signal

from lipsync_core.audio.mel import BANDS, COLUMNS_PER_SECOND, RATE, mel_spectrogram
from training.clip import Clip


def noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) of white, pink or brown noise, sometimes with a slow swell."""
    size = scipy.fft.next_fast_len(n, real=True)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    noise: np.ndarray = np.fft.irfft(spectrum / np.maximum(frequency, 40.0) ** rng.uniform(0, 1.0), size)[:n]
    if rng.random() < 0.3:
        noise *= 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(0.2, 2) * np.arange(n) / RATE + rng.uniform(0, 6))
    noise /= noise.std() + 1e-9
    return noise


def _equalise(x: np.ndarray, rng: np.random.Generator, range_db: float) -> np.ndarray:
    size = scipy.fft.next_fast_len(len(x), real=True)
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    knots = np.array([0, 150, 400, 1000, 2200, 4000, 8000])
    gain = np.interp(frequency, knots, rng.uniform(-range_db, range_db, len(knots)))
    if rng.random() < 0.25:  # a telephone, a small speaker, a lossy codec
        gain -= np.clip((frequency - rng.uniform(3200, 6500)) / 30, 0, 60)
    if rng.random() < 0.25:
        gain -= np.clip((rng.uniform(80, 350) - frequency) / 8, 0, 40)
    return np.fft.irfft(np.fft.rfft(x, size) * 10 ** (gain / 20), size)[: len(x)]


def _reverberate(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    length = int(RATE * rng.uniform(0.1, 0.5))
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 6))
    tail /= np.sqrt((tail**2).sum())
    response = tail * rng.uniform(0.1, 0.6)
    response[0] += 1
    heard: np.ndarray = scipy.signal.fftconvolve(x, response)[: len(x)]
    return heard


def resample(clip: Clip, speed: float) -> Clip:
    """The clip played `speed` times as fast: pitch, formants and tempo move together."""
    import soxr

    samples = soxr.resample(clip.samples, RATE * speed, RATE, quality="MQ")
    columns = 1 + len(samples) * COLUMNS_PER_SECOND // RATE
    old = np.arange(clip.track.shape[1])
    track = np.stack([np.interp(np.arange(columns) * speed, old, row) for row in clip.track])
    return Clip(clip.name, samples.astype(np.float32), track.astype(np.float32))


def spoil(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32 -> the same as another microphone in another room would have heard it."""
    x = samples.astype(np.float64)
    if rng.random() < 0.8:
        x = _equalise(x, rng, 8.0)
    if rng.random() < 0.5:
        x = _reverberate(x, rng)
    loud = np.sqrt(np.mean(np.sort(x**2)[len(x) // 2 :])) + 1e-9
    if rng.random() < 0.3:  # a compressor
        x = np.sign(x) * loud * (np.abs(x) / loud) ** rng.uniform(0.6, 1.0)
    if rng.random() < 0.7:
        x = x + noise(len(x), rng) * loud * 10 ** (-rng.uniform(8, 45) / 20)
    scaled: np.ndarray = x / (np.abs(x).max() + 1e-9) * 10 ** (rng.uniform(-26, 0) / 20)
    return scaled.astype(np.float32)


def variant(clip: Clip, rng: np.random.Generator, speeds: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """-> mel (80, T) float16 and track (k, T) of one changed copy."""
    changed = resample(clip, float(np.exp(rng.uniform(np.log(speeds[0]), np.log(speeds[1])))))
    mel = mel_spectrogram(spoil(changed.samples, rng))
    return mel.astype(np.float16), changed.track[:, : mel.shape[1]]


def tract(mel: np.ndarray, warp: float) -> np.ndarray:
    """(80, T) with its bands stretched: a shorter or longer vocal tract at the same pitch and tempo."""
    bands = np.arange(BANDS)
    source = np.clip(np.where(bands < 8, bands, 8 + (bands - 8) * warp), 0, BANDS - 1)
    low = np.minimum(source.astype(int), BANDS - 2)
    part = (source - low)[:, None]
    stretched: np.ndarray = mel[low] * (1 - part) + mel[low + 1] * part
    return stretched


def mask(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(80, T) normalised, with a band or a moment missing (SpecAugment, Park et al. 2019)."""
    if rng.random() < 0.5:
        width, start = rng.integers(2, 14), rng.integers(0, BANDS - 14)
        mel[start : start + width] = rng.uniform(-2, 0)
    if rng.random() < 0.3:
        width, start = rng.integers(2, 8), rng.integers(0, mel.shape[1] - 8)
        mel[:, start : start + width] = rng.uniform(-3, 0)
    return mel
