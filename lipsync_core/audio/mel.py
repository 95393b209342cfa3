"""Mel spectrograms, in one piece or as a stream, and the mel chunk that belongs to a video frame.

The spectrogram is that of Wav2Lip (Prajwal et al., "A Lip Sync Expert Is All You Need", ACM MM 2020):
16 kHz, 800-sample window, 200-sample hop, 80 Slaney bands from 55 to 7600 Hz, pre-emphasis 0.97,
decibels mapped to -4..4.
"""

from functools import lru_cache

import numpy as np
import torch

RATE = 16000  # Hz
N_FFT = 800  # samples, 50 ms; also the window
HOP = 200  # samples, 12.5 ms
COLUMNS_PER_SECOND = RATE // HOP  # 80
BANDS = 80
F_MIN, F_MAX = 55.0, 7600.0  # Hz
PRE_EMPHASIS = 0.97
MIN_AMPLITUDE = 1e-5  # -100 dB
REFERENCE_DB = 20.0
SILENCE = -4.0  # value of every band where there is no sound


def _hz_to_slaney(hz: np.ndarray) -> np.ndarray:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    return np.where(hz < 1000.0, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1e-9) / 1000) / np.log(6.4))


def _slaney_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@lru_cache(maxsize=1)
def mel_filters() -> torch.Tensor:
    """(80, 401) float64: area-normalised triangles, equal to librosa.filters.mel, whose import costs seconds."""
    ends = _hz_to_slaney(np.array([F_MIN, F_MAX]))
    edges = _slaney_to_hz(np.linspace(ends[0], ends[1], BANDS + 2))
    bins = np.linspace(0, RATE / 2, N_FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return torch.tensor(np.maximum(0, np.minimum(rising, falling)) * area[:, None], dtype=torch.float64)


@lru_cache(maxsize=1)
def _window() -> torch.Tensor:
    return torch.hann_window(N_FFT, dtype=torch.float64)


def _columns(samples: torch.Tensor) -> torch.Tensor:
    """(n,) pre-emphasised samples -> (80, 1 + (n - 800) // 200): no padding at either end."""
    spectrum = torch.stft(samples, N_FFT, HOP, window=_window(), center=False, return_complex=True).abs()
    decibels = 20 * torch.log10(torch.clamp(mel_filters() @ spectrum, min=MIN_AMPLITUDE)) - REFERENCE_DB
    return torch.clamp(8 * (decibels + 100) / 100 - 4, -4, 4)


class MelStream:
    """Mel columns of sound that arrives in pieces, equal to those of the whole sound at once.

    Column j is centred on sample 200 * j; a column comes out as soon as the 400 samples after its centre are in.
    """

    def __init__(self) -> None:
        self._pending = torch.zeros(N_FFT // 2, dtype=torch.float64)  # zeros before the first sample, as librosa pads
        self._last = 0.0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 at 16 kHz, -1..1 -> (80, k) float32, the columns that are now complete."""
        if len(samples) == 0:
            return np.zeros((BANDS, 0), np.float32)
        x = torch.from_numpy(np.nan_to_num(np.asarray(samples, np.float64)))
        before = torch.cat([torch.tensor([self._last], dtype=torch.float64), x[:-1]])
        self._last = float(x[-1])
        self._pending = torch.cat([self._pending, x - PRE_EMPHASIS * before])
        return self._take()

    def flush(self) -> np.ndarray:
        """(80, k): the last columns, with silence after the end. The stream can be pushed to no more."""
        self._pending = torch.cat([self._pending, torch.zeros(N_FFT // 2, dtype=torch.float64)])
        return self._take()

    def _take(self) -> np.ndarray:
        count = max(0, (len(self._pending) - N_FFT) // HOP + 1)
        if count == 0:
            return np.zeros((BANDS, 0), np.float32)
        columns = _columns(self._pending[: N_FFT + (count - 1) * HOP])
        self._pending = self._pending[count * HOP :].clone()
        return columns.to(torch.float32).numpy()


def mel_spectrogram(samples: np.ndarray) -> np.ndarray:
    """(n,) float32 at 16 kHz, -1..1 -> (80, 1 + n // 200) float32 in -4..4."""
    stream = MelStream()
    return np.concatenate([stream.push(samples), stream.flush()], axis=1)


def chunk_start(frame: int, fps: float, columns: int) -> int:
    """First mel column of the `columns`-wide chunk centred on the middle of video frame `frame`.

    Column j stands at j / 80 s and frame k shows the middle of [k / fps, (k + 1) / fps). May be negative.
    """
    return int(np.floor((frame + 0.5) / fps * COLUMNS_PER_SECOND - (columns - 1) / 2 + 0.5))
