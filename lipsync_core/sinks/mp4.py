"""Frames into an MP4 file (H.264 and AAC) while they are made."""

import os
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, BinaryIO

import cv2
import numpy as np

from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.frame import Frame, exact_rate
from lipsync_core.settings import settings
from lipsync_core.sinks.part_file import PartFile

CRF = 20  # x264's constant rate factor: 18 is hard to tell from the source, 28 is visibly poor
PRESET = "veryfast"
SECONDS_PER_KEY_FRAME = 2  # how exactly a player can seek
SECONDS_PER_LIVE_FRAGMENT = 0.2  # of what is played while it is written
AUDIO_BITS_PER_SECOND = 128_000
AUDIO_RATE = 48000  # Hz, whatever comes in: a player that plays the last AAC block to its end adds 21 ms at most
LIVE = {"tune": "zerolatency"}  # x264 holds no frame back, so that the first and the last byte come early
MARK_OF_ORIGIN = "Made with Lipsync Studio: picture and voice are synthetic"

# RGB to Y, Cb, Cr after ITU-R BT.709 in limited range (Y 16..235, Cb and Cr 16..240), the colours that every player
# assumes. OpenCV's own conversion is BT.601 and takes one chroma sample of four instead of their mean.
KR, KG, KB = 0.2126, 0.7152, 0.0722
BT709 = np.array(
    [
        [KR * 219 / 255, KG * 219 / 255, KB * 219 / 255, 16],
        [-KR / (1 - KB) * 112 / 255, -KG / (1 - KB) * 112 / 255, 112 / 255, 128],
        [112 / 255, -KG / (1 - KR) * 112 / 255, -KB / (1 - KR) * 112 / 255, 128],
    ],
    np.float32,
)
COLOUR_TAGS = {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1}  # BT.709, limited range


def yuv420(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (H * 3 / 2, W) uint8: the planes Y, Cb and Cr of yuv420p, one after the other."""
    height, width = image.shape[:2]
    ycc = cv2.transform(image, BT709)
    chroma = cv2.resize(ycc, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    planes = np.empty((height * 3 // 2, width), np.uint8)
    planes[:height] = ycc[..., 0]
    below = planes[height:].reshape(2, height // 2, width // 2)
    below[0], below[1] = chroma[..., 1], chroma[..., 2]
    return planes


class Mp4Writer:
    """Context manager that encodes frames in a thread of its own, so that encoding and frame making overlap.

    target: path of an .mp4 file, or a binary file object, which need not be seekable and is not closed.
    size: height and width of all frames in pixels, even.
    fps: frames a second; 23.976 and its like become the exact fraction.
    sample_rate: samples a second of the frames' audio.
    fragmented: write fragments, which can be played while they are written; a file object always gets them, short
        ones, as it is taken for somebody who watches live. Without,
        the index is at the front of the finished file, as every player and editor likes it.

    A file grows as TARGET.part and gets its name when it is complete. An exception inside the `with` block completes
    what there is as a valid shorter file; only where there is no frame yet, or a file of that name exists, that one
    is left as it was. `path` is the result, or None where there is none. What a killed process left is overwritten
    by the next render to the same target.

    Raises LipsyncError for a target that cannot be written: from the constructor, `write` or `close`.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        size: tuple[int, int],
        fps: float | Fraction,
        sample_rate: int,
        *,
        fragmented: bool = False,
        crf: int = CRF,
        preset: str = PRESET,
        title: str = "",
    ) -> None:
        if size[0] % 2 or size[1] % 2 or min(size) < 2:
            raise ValueError(f"height and width must be even, not {size}")
        self.path: Path | None = None
        self.frames = 0
        self._size = size
        self._sample_rate = sample_rate
        self._closed = self._discarded = False
        self._error: BaseException | None = None
        self._part = PartFile(target, ".mp4") if isinstance(target, str | os.PathLike) else None
        self._name = self._part.target.name if self._part else "The video stream"
        try:
            self._encoder = _Encoder(
                str(self._part.path) if self._part else target,
                size,
                fps,
                sample_rate,
                fragmented=fragmented or self._part is None,
                options={"crf": str(crf), "preset": preset} | ({} if self._part else LIVE),
                title=title,
            )
        except BaseException as error:
            self._remove()
            raise self._told(error) from error
        self._queue: Queue[Frame | None] = Queue(settings().queue_frames)
        self._thread = threading.Thread(target=self._work, name="mp4", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """Add the next frame; waits while too many are not encoded yet. Raises what went wrong in encoding."""
        if self._closed:
            raise ValueError("write to a closed Mp4Writer")
        if frame.image.shape != (*self._size, 3) or frame.image.dtype != np.uint8:
            raise ValueError(f"frame {frame.index} is {frame.image.shape}, not {(*self._size, 3)} uint8")
        if frame.sample_rate != self._sample_rate:
            raise ValueError(f"frame {frame.index} has {frame.sample_rate} samples a second, not {self._sample_rate}")
        if self._error:
            raise self._told(self._error) from self._error
        self._queue.put(frame)
        self.frames += 1

    def close(self) -> None:
        """Complete the file and put it in its place, over an older one of that name. May be called again."""
        self._finish(replace=True)
        if self.frames == 0 and not self._discarded:
            raise LipsyncError(
                "{name} was not written, because there was no frame to write; give some speech.", name=self._name
            )

    def discard(self) -> None:
        """Stop and leave nothing of this file; one that is complete already stays."""
        if not self._closed:
            self._discarded = True
            with suppress(Exception):  # nobody wants to know why it could not have been written
                self._finish(replace=False)

    def __enter__(self) -> "Mp4Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with suppress(Exception):  # the exception that is on its way is the one to tell
            self._finish(replace=False)

    def _finish(self, replace: bool) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._queue.put(None)
            self._thread.join()
            if self._error:
                raise self._error
            if self._part and self.frames and not self._discarded:
                self.path = self._part.keep(replace)
        except OSError as error:
            raise self._told(error) from error
        finally:
            self._error = None  # it and this frame would hold each other, and all that is written
            self._remove()

    def _remove(self) -> None:
        if self._part:
            self._part.remove()

    def _told(self, error: BaseException) -> BaseException:
        """The exception to raise for one of the encoder."""
        if not isinstance(error, OSError):
            return error
        return LipsyncError(
            "{name} cannot be written ({reason}); free some space or choose another place.",
            name=self._name,
            reason=Reason(error),
        )

    def _work(self) -> None:
        ended = False
        try:
            while (frame := self._queue.get()) is not None:
                if not self._discarded:
                    self._encoder.encode(frame)
            ended = True
            if self._discarded:
                self._encoder.abandon()
            else:
                self._encoder.close()
        except BaseException as error:  # raised again in the thread that writes
            self._error = error
            while not ended and self._queue.get() is not None:
                pass  # so that `write` does not wait for ever
            with suppress(Exception):
                self._encoder.abandon()


class _Encoder:
    """The streams of one MP4. Used by one thread at a time."""

    def __init__(
        self,
        file: Any,
        size: tuple[int, int],
        fps: float | Fraction,
        sample_rate: int,
        *,
        fragmented: bool,
        options: dict[str, str],
        title: str,
    ) -> None:
        import av  # here, because it loads FFmpeg, which a live preview does not need

        self._av = av
        self._rate = exact_rate(fps)
        self._sample_rate = sample_rate
        self._frames = self._samples = 0
        # delay_moov keeps the edit list that cuts off the silence with which AAC begins.
        flags = "+frag_keyframe+empty_moov+delay_moov+default_base_moof" if fragmented else "+faststart"
        containing = {"movflags": flags}
        if not isinstance(file, str):
            containing["frag_duration"] = str(round(SECONDS_PER_LIVE_FRAGMENT * 1e6))
        self._container = av.open(file, "w", format="mp4", container_options=containing)
        try:
            self._container.metadata["comment"] = MARK_OF_ORIGIN
            if title:
                self._container.metadata["title"] = title
            key_frames = str(max(1, round(self._rate * SECONDS_PER_KEY_FRAME)))
            # chromaloc 1: a chroma sample stands in the middle of its four pixels.
            options = {**options, "g": key_frames, "x264-params": "chromaloc=1"}
            self._video = self._container.add_stream("libx264", rate=self._rate, options=options)
            self._video.height, self._video.width = size
            self._video.pix_fmt = "yuv420p"
            self._video.time_base = 1 / self._rate
            for name, value in COLOUR_TAGS.items():
                setattr(self._video.codec_context, name, value)
            self._audio = self._container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
            self._audio.bit_rate = AUDIO_BITS_PER_SECOND
            self._container.start_encoding()
        except BaseException:
            self._container.close()
            raise

    def encode(self, frame: Frame) -> None:
        if len(frame.audio):
            samples = np.clip(np.nan_to_num(frame.audio.astype(np.float32)), -1, 1)
            sound = self._av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            sound.sample_rate = self._sample_rate
            sound.time_base = Fraction(1, self._sample_rate)
            sound.pts = self._samples
            self._samples += len(samples)
            self._container.mux(self._audio.encode(sound))
        picture = self._av.VideoFrame.from_ndarray(yuv420(frame.image), format="yuv420p")
        picture.time_base = 1 / self._rate
        picture.pts = self._frames
        self._frames += 1
        self._container.mux(self._video.encode(picture))

    def close(self) -> None:
        """Encode what the encoders still hold back, write the index and close the file."""
        if self._samples:
            self._container.mux(self._audio.encode(None))
        if self._frames:
            self._container.mux(self._video.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._container.close()
