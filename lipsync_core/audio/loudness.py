"""Even loudness: every voice and every sentence at one level, and no peak beyond full scale.

Loudness is that of ITU-R BS.1770-5: K-weighted, over blocks of 0.4 s, gated so that pauses do not count.
"""

from functools import lru_cache

import numpy as np

TARGET = -19.0  # LUFS of each piece of speech; mono, as loud as -16 LUFS from two speakers
CEILING = 0.89  # highest sample, -1 dB below full scale
MOST_GAIN = 30.0  # dB; a piece that needs more is noise rather than speech
STEP_SECONDS = 0.1
STEPS_A_BLOCK = 4  # a block is 0.4 s
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU below the mean of the blocks above the absolute gate
LOOK_SECONDS = 0.005  # how long before a peak, and after it, the limiter turns down


def gain(loudness: float) -> float:
    """The factor that brings speech of a loudness in LUFS to TARGET; 1 for silence."""
    return float(10 ** (min(TARGET - loudness, MOST_GAIN) / 20)) if loudness > ABSOLUTE_GATE else 1.0


def measure(samples: np.ndarray, rate: int) -> float:
    """Gated loudness of (n,) samples in LUFS; -inf for silence."""
    step = round(STEP_SECONDS * rate)
    steps = -(-len(samples) // step)
    spectra = np.fft.rfft(np.pad(samples, (0, steps * step - len(samples))).reshape(steps, step))
    energy = (spectra.real**2 + spectra.imag**2) @ _weights(rate)
    count = min(STEPS_A_BLOCK, steps)
    blocks = np.convolve(energy, np.ones(count), "valid") if steps else energy
    # A piece shorter than a block is as loud as it is while it lasts.
    power = blocks / min(count * step, max(1, len(samples)))
    for gate in (ABSOLUTE_GATE, RELATIVE_GATE):
        floor = gate if gate == ABSOLUTE_GATE else _lufs(power.mean()) + gate
        power = power[power > 10 ** ((floor + 0.691) / 10)]
        if not len(power):
            return -np.inf
    return _lufs(power.mean())


def limit(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n,) float32 whose peaks stay below CEILING, turned down smoothly around each peak; the rest is untouched."""
    peaks = np.abs(samples)
    if not len(samples) or peaks.max() <= CEILING:
        return samples
    needed = np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9))
    look = round(LOOK_SECONDS * rate)
    width = 2 * look + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 2 * look, constant_values=1.0), width)
    lowest = windows.min(axis=1)  # (n + 2 look,): the gain that every sample within reach can bear
    smooth = np.convolve(lowest, np.hanning(width + 2)[1:-1] / np.hanning(width + 2).sum(), "valid")
    return (samples * smooth).astype(np.float32)


def _lufs(power: float) -> float:
    return float(10 * np.log10(power) - 0.691) if power > 0 else -np.inf


@lru_cache(maxsize=8)
def _weights(rate: int) -> np.ndarray:
    """What each bin of a step's spectrum adds to its K-weighted energy, by Parseval's theorem."""
    step = round(STEP_SECONDS * rate)
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(step))
    return np.asarray(2 / step * np.abs(_shelf(z, rate) * _high_pass(z, rate)) ** 2)


def _shelf(z: np.ndarray, rate: int) -> np.ndarray:
    """First stage of BS.1770 for any rate; constants of its 48 kHz filter put back into analogue ones."""
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    over = 1 + k / q + k * k
    b = ((high + band * k / q + k * k) / over, 2 * (k * k - high) / over, (high - band * k / q + k * k) / over)
    a = (1.0, 2 * (k * k - 1) / over, (1 - k / q + k * k) / over)
    response: np.ndarray = (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return response


def _high_pass(z: np.ndarray, rate: int) -> np.ndarray:
    """Second stage of BS.1770."""
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    over = 1 + k / q + k * k
    response: np.ndarray = (1 - 2 * z + z * z) / (1 + 2 * (k * k - 1) / over * z + (1 - k / q + k * k) / over * z * z)
    return response
