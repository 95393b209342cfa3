"""Decoding of video clips and animated pictures: upright RGB frames at a constant rate."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LipsyncError
from . import picture
from .source import Source

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Demuxers that read this one file and nothing else: playlists could name other files or addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpeg,mpegts,mpegvideo,avi,gif,flv,ogg,asf"
MAX_SECONDS = 60.0  # of a clip that are used
MAX_PIXELS = 4096 * 2304  # of a frame: 4K
MAX_SOURCE_FPS = 1000.0
MAX_FPS = 30.0  # of the frames that are kept: lips need no more
KEEP_EVERY_NTH_ABOVE = 20.0  # frames a second: a faster clip keeps every second, third... frame if that leaves so many
UNSAID_FPS = 25.0
CUT_OFF_SECONDS = 1.0  # missing at the end until that is worth a note

Moment = tuple[float, Callable[[], np.ndarray]]  # seconds from the clip's first frame, and how to get the picture


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before it is decoded.

    fps: of the frames that are kept, constant. seconds: that are used. notes: as in Avatar.
    """

    source: Source
    fps: float
    seconds: float
    notes: tuple[str, ...]
    animated_picture: bool

    @property
    def count(self) -> int:
        """Frames there will be, at most."""
        return max(1, round(self.seconds * self.fps))

    def frames(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB frames, each the one that is seen in the middle of its time.

        A frame that lasts longer comes as the same object again. Raises LipsyncError when nothing can be decoded.
        """
        name = self.source.name
        with self.source.open() as file:
            moments = _moments_of_picture(file, name) if self.animated_picture else _moments_of_video(file, name)
            index = 0
            for (_, get), (end, _) in pairwise(moments):
                image = None
                while index < self.count and (index + 0.5) / self.fps < end:
                    image = get() if image is None else image
                    yield image
                    index += 1
                if index == self.count:
                    return
        if index == 0:
            raise _unreadable(name)


def open_clip(source: Source) -> Clip | None:
    """A video clip or an animated picture; None for a still picture. Raises LipsyncError for anything else."""
    name = source.name
    with source.open() as file:
        opened = picture.open_picture(file, name)
        if opened is not None:
            if picture.frame_count(opened) < 2:
                return None
            _check_size(opened.width, opened.height, name)
            times = [time for time, _ in picture.read_animation(opened, name, MAX_SECONDS)]
            return _clip(source, (len(times) - 1) / times[-1], times[-1], 0.0, True)
    with source.open() as file, _open(file, name) as container:
        stream = _stream(container, name)
        _check_size(stream.codec_context.width, stream.codec_context.height, name)
        rate, seconds = _measure(container, stream)
        said = container.duration / 1_000_000 if container.duration else 0.0
        return _clip(source, rate, seconds, said, False)


def _measure(container: "InputContainer", stream: "VideoStream") -> tuple[float, float]:
    """Mean frames a second, and seconds up to a little more than are used, without decoding."""
    said = float(stream.average_rate or stream.guessed_rate or UNSAID_FPS)
    times: list[float] = []
    count = 0
    for packet in _packets(container, stream):
        count += packet.size > 0  # the last packet is an empty one
        if packet.pts is not None and packet.time_base and packet.size:
            times.append(float(packet.pts * packet.time_base))
            if times[-1] - times[0] > MAX_SECONDS + 1:  # one more, as packets come in decoding order
                break
        elif count > MAX_SECONDS * said:
            break
    span = max(times) - min(times) if len(times) == count > 1 else 0.0
    rate = (count - 1) / span if span > 0 else said  # some containers have no times, or not for each frame
    return rate, count / rate


def _clip(source: Source, rate: float, seconds: float, said: float, animated_picture: bool) -> Clip:
    """rate, seconds: as far as looked at; said: seconds that there should be in all, 0 if not known."""
    if seconds <= 0:
        raise _unreadable(source.name)
    if rate > MAX_SOURCE_FPS:
        raise LipsyncError(f"{source.name} has {rate:.0f} frames a second; convert it to 30.")
    notes = []
    if seconds > MAX_SECONDS + 1 / rate:
        notes.append(f"Only the first {MAX_SECONDS:g} seconds of {source.name} are used.")
    elif said > seconds + CUT_OFF_SECONDS:
        notes.append(
            f"{source.name} breaks off after {seconds:.1f} of {said:.1f} seconds; what there is of it is used."
        )
    return Clip(source, kept_fps(rate), min(seconds, MAX_SECONDS), tuple(notes), animated_picture)


def kept_fps(rate: float) -> float:
    """Frames a second kept of a clip with `rate`: all up to 30, else every second, third..., or 30 of them."""
    nth = ceil(rate / MAX_FPS - 1e-3)
    if nth <= 1:
        return rate
    return rate / nth if rate / nth >= KEEP_EVERY_NTH_ABOVE else MAX_FPS


def _moments_of_picture(file: io.BufferedReader | io.BytesIO, name: str) -> Iterator[Moment]:
    opened = picture.open_picture(file, name)
    if opened is None:
        raise _unreadable(name)
    for time, image in picture.read_animation(opened, name, MAX_SECONDS):
        yield time, partial(_same, image)


def _moments_of_video(file: io.BufferedReader | io.BytesIO, name: str) -> Iterator[Moment]:
    """The frames of a video, and its end with the last frame."""
    import av  # costs 0.1 s, and photos and remembered faces need none

    with _open(file, name) as container:
        stream = _stream(container, name)
        stream.thread_type = "AUTO"
        aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        step = 1 / float(stream.average_rate or stream.guessed_rate or UNSAID_FPS)
        first, time, get = None, 0.0, None
        for packet in _packets(container, stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # a damaged frame: the one before it lasts longer
                continue
            for frame in frames:
                _check_size(frame.width, frame.height, name)
                at = frame.time if frame.time is not None else time + step
                first = at if first is None else first
                time = max(time, at - first)
                get = partial(_rgb, frame, aspect)
                yield time, get
        if get is not None:
            yield time + step, get


def _packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """Up to the end of the file or its damage: what comes before is used."""
    import av

    with suppress(av.error.FFmpegError, OSError):
        yield from container.demux(stream)


def _same(image: np.ndarray) -> np.ndarray:
    return image


def _rgb(frame: "VideoFrame", aspect: Any) -> np.ndarray:
    """Upright, with square pixels."""
    if any(component.is_alpha for component in frame.format.components):
        image = picture.over_backdrop(frame.to_ndarray(format="rgba"))
    else:
        image = frame.to_ndarray(format="rgb24")
    if aspect and aspect != 1 and 0.2 < aspect < 5:
        import cv2  # here for the same reason as in network.py

        height, width = image.shape[:2]
        size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    # The display matrix says by how much a player turns the picture to the left.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _open(file: io.BufferedReader | io.BytesIO, name: str) -> "InputContainer":
    import av

    try:
        return av.open(file, "r", options={"format_whitelist": FORMATS}, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise LipsyncError(
            f"{name} is neither a picture nor a video that can be read; give a JPEG, PNG, WebP, MP4, WebM or MOV file."
        ) from error


def _stream(container: "InputContainer", name: str) -> "VideoStream":
    import av

    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise LipsyncError(f"{name} holds no moving picture; give a photo or a video with a face in it.")


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise LipsyncError(f"{name} is {width} x {height} pixels, and clips up to 4K can be used; make it smaller.")


def _unreadable(name: str) -> LipsyncError:
    return LipsyncError(f"{name} has no frame that can be read; save or download it again.")
