"""Speech from a recording instead of text: a file in any format that FFmpeg reads, or an array, as a stream."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lipsync_core.errors import LimitExceeded, LipsyncError, Reason
from lipsync_core.settings import settings
from lipsync_core.speech.speech import Speech

RATE = 48000  # Hz, of every block
BLOCK_SECONDS = 10.0  # the longest block
FIRST_BLOCK_SECONDS = 1.0  # short, so that the first frame is early; each further block is up to twice as long
QUIET_SECONDS = 0.02  # length of the quiet place at which a block is cut
ARRAY_SECONDS = 10  # how much of an array is converted at a time
READ_BYTES = 2**16  # how much FFmpeg reads at a time
RATES = range(1000, 768001)  # Hz, of an array
LOUDEST = 16.0  # a float array beyond this is not in -1..1 by mistake, such as int16 values stored as float

# Weights of a downmix to mono (ITU-R BS.775): the centre carries the dialogue. Any channel not listed is a surround.
CHANNEL_WEIGHTS = {"FL": 0.707, "FR": 0.707, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
SURROUND_WEIGHT = 0.5

Source = str | os.PathLike[str] | bytes | BinaryIO | tuple[Any, int]

log = logging.getLogger(__name__)


def read_recording(source: Source, *, block_seconds: float = BLOCK_SECONDS) -> Iterator[Speech]:
    """Blocks of a recording, one after the other without gap; memory does not grow with its length.

    source: path of a file with sound (a video too), its bytes, a binary file object, or (samples, sample rate):
        (n,) or (n, channels) or (channels, n), integers of any width or floats in -1..1.
    block_seconds: length of a block at most. Blocks are cut at quiet places; the first is a second or shorter.

    Yields Speech at 48 kHz, float32, mono, clipped to -1..1, without text; `joined` in all but the last.
    Raises LipsyncError, at the first block, for what is no sound, has none in it, or is beyond the limits of
    LIPSYNC_MAX_RECORDING_BYTES and LIPSYNC_MAX_RECORDING_SECONDS; at a later one if only decoding tells.
    """
    if isinstance(source, tuple):
        name, pieces = "The array", _array(*source)
    elif isinstance(source, str | os.PathLike):
        name, pieces = Path(source).name, _file(Path(source))
    elif isinstance(source, bytes | bytearray | memoryview):
        name, pieces = "The recording", _decoded("The recording", io.BytesIO(source))
    else:
        name = Path(str(getattr(source, "name", ""))).name or "The recording"
        pieces = _decoded(name, source)
    voiced = False
    for block in _cut(_limited(name, _resampled(pieces)), block_seconds):
        voiced = True
        yield block
    if not voiced:
        raise LipsyncError("{name} holds no sound, not one sample; choose a recording that has some.", name=name)


Samples = tuple[np.ndarray, int]  # (n,) float32 mono, sample rate in Hz


def _file(path: Path) -> Iterator[Samples]:
    if not path.exists():
        raise LipsyncError("{path} does not exist; check the name of the recording.", path=path)
    if not path.is_file():
        raise LipsyncError("{path} is not a file; give the name of a recording.", path=path)
    try:
        with path.open("rb") as file:
            yield from _decoded(path.name, file)
    except OSError as error:
        raise LipsyncError(
            "{path} cannot be read ({reason}); check its permissions.", path=path, reason=Reason(error)
        ) from error


def _decoded(name: str, file: BinaryIO) -> Iterator[Samples]:
    """Decode the first sound track."""
    import av  # here, because it loads FFmpeg, which speaking a text does not need

    _check_bytes(name, file)
    damaged = decoded = 0
    try:
        # A file object and no protocols: a playlist that comes as a recording cannot make FFmpeg open anything else.
        container = av.open(
            file, "r", buffer_size=READ_BYTES, options={"protocol_whitelist": "none"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise LipsyncError(
            "{name} is no sound or video that can be read, or is damaged; save it as WAV, MP3, M4A, OGG or FLAC.",
            name=name,
        ) from error
    with container:
        if not container.streams.audio:
            raise LipsyncError("{name} has no sound track; choose a recording that has one.", name=name)
        track = container.streams.audio[0]
        if container.duration:
            _check_seconds(name, container.duration / av.time_base)
        packets = container.demux(track)
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
            except (av.error.FFmpegError, ValueError):  # also where a header tells of what no decoder can be made for
                damaged += 1
                if damaged > 1000 and not decoded:
                    break
                continue
            if packet is None:
                break
            for frame in frames:
                decoded += 1
                yield _mono(name, frame), frame.sample_rate
    if damaged and not decoded:
        raise LipsyncError("The sound in {name} cannot be decoded; save it as WAV, MP3, M4A, OGG or FLAC.", name=name)
    if damaged:
        log.warning("%s is damaged: %d packets of sound were skipped", name, damaged)


def _check_bytes(name: str, file: BinaryIO) -> None:
    if not file.seekable():
        return
    here = file.tell()
    size = file.seek(0, os.SEEK_END) - here
    file.seek(here)
    limit = settings().max_recording_bytes
    if size == 0:
        raise LipsyncError("{name} is empty; choose a recording that has sound in it.", name=name)
    if size > limit:
        raise LimitExceeded(
            "{name} has {size:.0f} MB; up to {most:.0f} are read (LIPSYNC_MAX_RECORDING_BYTES).",
            name=name,
            size=size / 2**20,
            most=limit / 2**20,
        )


def _check_seconds(name: str, seconds: float) -> None:
    limit = settings().max_recording_seconds
    if seconds > limit:
        raise LimitExceeded(
            "{name} is longer than {minutes:.0f} minutes; cut it, or raise LIPSYNC_MAX_RECORDING_SECONDS.",
            name=name,
            minutes=limit / 60,
        )


def _mono(name: str, frame: Any) -> np.ndarray:
    """One decoded frame of FFmpeg, any sample format and channel layout -> (n,) float32."""
    try:
        samples = frame.to_ndarray()
    except (KeyError, ValueError) as error:
        raise LipsyncError(
            "{name} holds samples of an unusual kind ({format}); save it as WAV or FLAC.",
            name=name,
            format=frame.format.name,
        ) from error
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    names = [channel.name for channel in frame.layout.channels]
    return _downmix(_as_float(samples), names)


def _as_float(samples: np.ndarray) -> np.ndarray:
    """Integers of any width, or floats -> float32 in -1..1."""
    numbers: np.ndarray = samples.astype(np.float32)
    if samples.dtype == np.uint8:
        numbers = (numbers - 128) / 128
    elif np.issubdtype(samples.dtype, np.signedinteger):
        numbers /= float(np.iinfo(samples.dtype).max) + 1
    else:
        numbers = np.nan_to_num(numbers, posinf=1.0, neginf=-1.0)
    return numbers


def _downmix(channels: np.ndarray, names: list[str]) -> np.ndarray:
    """(channels, n) -> (n,)."""
    mixed: np.ndarray
    weights = np.array([CHANNEL_WEIGHTS.get(name, SURROUND_WEIGHT) for name in names], np.float32)
    if len(channels) > 2 and len(names) == len(channels) and weights.any():
        mixed = (weights / weights.sum()) @ channels
    else:
        mixed = channels.mean(axis=0)
    return mixed


def _array(samples: Any, rate: int) -> Iterator[Samples]:
    array = np.asarray(samples)
    if not (
        np.issubdtype(array.dtype, np.signedinteger) or array.dtype in (np.uint8, np.float16, np.float32, np.float64)
    ):
        raise LipsyncError("An array of {dtype} is no sound; give integers, or floats in -1..1.", dtype=array.dtype)
    if array.ndim not in (1, 2) or rate not in RATES:
        raise LipsyncError(
            "An array of shape {shape} at {rate} Hz is no sound; give (samples,) or (samples, "
            "channels) and a rate from {lowest} to {highest} Hz.",
            shape=str(array.shape),
            rate=rate,
            lowest=RATES.start,
            highest=RATES.stop - 1,
        )
    _check_seconds("The array", max(array.shape) / rate)
    if array.size == 0:
        return
    channels = array[None] if array.ndim == 1 else array if len(array) < array.shape[1] else array.T
    step = int(rate) * ARRAY_SECONDS
    for start in range(0, channels.shape[1], step):
        mono = _as_float(channels[:, start : start + step]).mean(axis=0)
        if np.abs(mono).max() > LOUDEST:
            raise LipsyncError("The array's floats go far beyond -1..1; divide them by the largest possible value.")
        yield mono, int(rate)


def _resampled(pieces: Iterator[Samples]) -> Iterator[np.ndarray]:
    """(n,) float32 at 48 kHz, clipped to -1..1. The rate may change on the way."""
    import soxr  # here, because most speech is not a recording

    stream, stream_rate = None, RATE
    for samples, rate in pieces:
        if rate != stream_rate:
            if stream:
                yield np.clip(stream.resample_chunk(np.zeros(0, np.float32), last=True), -1, 1)
            stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")
            stream_rate = rate
        yield np.clip(stream.resample_chunk(samples) if stream else samples, -1, 1)
    if stream:
        yield np.clip(stream.resample_chunk(np.zeros(0, np.float32), last=True), -1, 1)


def _limited(name: str, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same pieces, for files that do not tell their length."""
    total = 0
    for piece in pieces:
        total += len(piece)
        _check_seconds(name, total / RATE)
        yield piece


def _cut(pieces: Iterator[np.ndarray], block_seconds: float) -> Iterator[Speech]:
    """Blocks from pieces of any length; all but the last are `joined`."""
    limit = min(FIRST_BLOCK_SECONDS, block_seconds)
    pending: list[np.ndarray] = []
    waiting = 0
    for piece in pieces:
        if len(piece) == 0:
            continue
        pending.append(piece)
        waiting += len(piece)
        while waiting > round(limit * RATE):  # more than one block, so that the last one is known to be the last
            sound = np.concatenate(pending)
            at = _quiet_place(sound[: round(limit * RATE)])
            yield Speech(sound[:at], RATE, joined=True)
            pending, waiting = [sound[at:]], len(sound) - at
            limit = min(2 * limit, block_seconds)
    if waiting:
        yield Speech(np.concatenate(pending), RATE)


def _quiet_place(sound: np.ndarray) -> int:
    """Where in the second half of `sound` it is quietest, in samples."""
    window = round(QUIET_SECONDS * RATE)
    start = len(sound) // 2
    count = (len(sound) - start) // window
    if count == 0:
        return len(sound)
    power = np.square(sound[start : start + count * window]).reshape(count, window).sum(axis=1)
    # Of equally quiet places, as in digital silence, the latest: longer blocks are less work.
    quietest = count - 1 - int(np.argmin(power[::-1]))
    return start + quietest * window + window // 2
