"""WAV or bare PCM that comes in pieces of any size, as samples."""

import re
import struct
from typing import Any

import numpy as np

from lipsync_core.errors import LipsyncError

PCM_RATE = 24000  # Hz, of bare PCM whose content type names no other
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE  # format tags of WAV
_UNKNOWN_LENGTH = 0xFFFFFF00  # bytes; from here on a WAV that is streamed does not say how long it is
_MOST_HEADER_BYTES = 2**16
_KINDS: dict[tuple[int, int], np.dtype[Any]] = {(_PCM, 16): np.dtype("<i2"), (_FLOAT, 32): np.dtype("<f4")}
_PCM_TYPES = re.compile(r"(?i)audio/(x-)?(pcm|l16|raw|wav|wave|vnd.wave)\b|application/octet-stream\b|binary/|$")
_OTHER_SOUND = (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3")  # how files of other formats begin


def no_sound(server: str, kind: str) -> LipsyncError:
    """The error where a server gives something else."""
    return LipsyncError(
        "The speech server {server} answers {kind} instead of sound; it has to give WAV, or PCM of 16 bits.",
        server=server,
        kind=kind,
    )


class SoundReader:
    """Bytes in, (n,) float32 at `rate` out, mono. Raises LipsyncError, which names the server, for anything else.

    content_type: of the answer.
    """

    def __init__(self, server: str, content_type: str, rate: int) -> None:
        self._server, self._content_type, self._rate = server, content_type, rate
        self._bytes = b""
        self._kind: np.dtype[Any] | None = None  # known once the beginning has come
        self._channels = 1
        self._left: int | None = None  # bytes of sound still to come, where that is known
        self._resampler: Any = None

    def read(self, content: bytes, last: bool = False) -> np.ndarray:
        """The samples that are complete by now."""
        self._bytes += content
        if self._kind is None and not self._begins(last):
            return np.zeros(0, np.float32)
        assert self._kind is not None
        frame = self._kind.itemsize * self._channels
        size = len(self._bytes) if self._left is None else min(len(self._bytes), self._left)
        size -= size % frame
        samples = np.frombuffer(self._bytes[:size], self._kind).reshape(-1, self._channels)
        self._bytes = self._bytes[size:]
        if self._left is not None:
            self._left -= size
        scaled = samples / np.float32(32768) if self._kind.kind == "i" else np.nan_to_num(samples)
        mono: np.ndarray = np.clip(scaled.mean(axis=1, dtype=np.float32), -1, 1)
        return self._resampler.resample_chunk(mono, last=last) if self._resampler else mono

    def _begins(self, last: bool) -> bool:
        """Whether enough has come to know what it is."""
        if len(self._bytes) < 12 and not last:
            return False
        if self._bytes[:4] == b"RIFF" and self._bytes[8:12] == b"WAVE":
            return self._wav_begins(last)
        kind = self._content_type.partition(";")[0].strip()
        says_pcm = "pcm" in kind.lower() or "l16" in kind.lower()
        if not self._bytes:
            raise no_sound(self._server, "nothing")
        if not _PCM_TYPES.match(kind) or (not says_pcm and self._bytes.startswith(_OTHER_SOUND)):
            raise no_sound(self._server, kind or "another format")
        stated = re.search(r"rate=(\d{4,6})\b", self._content_type)
        self._set(np.dtype("<i2"), int(stated[1]) if stated else PCM_RATE)
        return True

    def _wav_begins(self, last: bool) -> bool:
        at = 12
        form: tuple[int, int, int, int] | None = None  # tag, channels, rate, bits
        while at + 8 <= len(self._bytes) and at < _MOST_HEADER_BYTES:
            name, size = struct.unpack_from("<4sI", self._bytes, at)
            body = at + 8
            if name == b"fmt " and body + size <= len(self._bytes) and size >= 16:
                tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", self._bytes, body)
                if tag == _EXTENSIBLE and size >= 26:
                    (tag,) = struct.unpack_from("<H", self._bytes, body + 24)
                form = tag, channels, rate, bits
            elif name == b"data" and form:
                tag, self._channels, rate, bits = form
                if (tag, bits) not in _KINDS or not 1 <= self._channels <= 8 or not 4000 <= rate <= 192000:
                    raise no_sound(self._server, f"WAV ({tag}, {bits} bits, {rate} Hz)")
                self._left = size if 0 < size < _UNKNOWN_LENGTH else None
                self._bytes = self._bytes[body:]
                self._set(_KINDS[tag, bits], rate)
                return True
            at = body + size + size % 2
        if last or len(self._bytes) > _MOST_HEADER_BYTES:
            raise no_sound(self._server, "a damaged WAV")
        return False

    def _set(self, kind: "np.dtype[Any]", rate: int) -> None:
        self._kind = kind
        if rate != self._rate:
            import soxr  # here, because most servers give the rate that is wanted

            self._resampler = soxr.ResampleStream(rate, self._rate, 1, dtype="float32", quality="HQ")
