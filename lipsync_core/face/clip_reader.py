"""Decoding of video clips and animated pictures: upright RGB frames at a constant rate."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lipsync_core.errors import LimitExceeded, LipsyncError, Message
from lipsync_core.face import picture
from lipsync_core.face.source import Source

if TYPE_CHECKING:
    from av.container import InputContainer
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
RATE_SLACK = 0.02  # of MAX_FPS: times are rounded in files, so that a rate of 60 may look like 60.1
BREAKS_OFF = "{name} breaks off after {seconds:.1f} seconds; what there is of it is used."
CUT_OFF_SECONDS = 1.0  # missing at the end until that is worth a note

Moment = tuple[float, Callable[[], np.ndarray]]  # seconds from the clip's first frame, and how to get the picture

Look = Callable[[], object]
Packet = TypeVar("Packet")  # of one kind of stream, or of any


def nothing() -> None:
    """Let the reading go on."""


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before it is decoded.

    source_fps: mean frames a second of the file. fps: of the frames that are kept, constant.
    seconds: that are used. notes: as in Avatar.
    """

    source: Source
    source_fps: float
    fps: float
    seconds: float
    notes: tuple[Message, ...]
    animated_picture: bool

    @property
    def count(self) -> int:
        """Frames there will be, at most."""
        return max(1, round(self.seconds * self.fps))

    def frames(self, look: Look = nothing) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB frames, each the one that is seen in the middle of its time.

        A frame that lasts longer comes as the same object again. look: is called at each frame that is decoded, also
        those that are left out; what it raises ends the decoding. Raises LipsyncError when nothing can be decoded.
        """
        name = self.source.name
        with self.source.open() as file:
            moments = self._moments(file, look)
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

    def _moments(self, file: io.BufferedReader | io.BytesIO, look: Look) -> Iterator[Moment]:
        if self.animated_picture:
            return _moments_of_picture(file, self.source.name, look)
        return _moments_of_video(file, self.source.name, 1 / self.source_fps, look)


def open_clip(source: Source, look: Look = nothing) -> Clip | None:
    """A video clip or an animated picture; None for a still picture. Raises LipsyncError for anything else.

    look: is called now and then, for an animated picture at each frame; what it raises ends the reading.
    """
    name = source.name
    with source.open() as file:
        watched = picture.Watched(file, lambda part: look())
        opened = picture.open_picture(watched, name)
        if opened is not None:
            count = picture.frame_count(opened)
            if watched.ended is not None:  # which Pillow and what counts take for damage
                raise watched.ended
            if count < 2:
                return None
            _check_size(opened.width, opened.height, name)
            times = [time for time, _ in picture.read_animation(opened, name, MAX_SECONDS, look)]
            if watched.ended is not None:
                raise watched.ended
            whole = picture.is_whole(file, opened)
            return _clip(source, (len(times) - 1) / times[-1], times[-1], whole, True)
    with source.open() as file, _open(file, name) as container:
        stream = _stream(container, name)
        _check_size(stream.codec_context.width, stream.codec_context.height, name)
        rate, seconds, read = _measure(container, stream, look)
        whole = read + CUT_OFF_SECONDS >= (container.duration or 0) / 1_000_000
        return _clip(source, rate, seconds, whole, False)


def _measure(container: "InputContainer", stream: "VideoStream", look: Look) -> tuple[float, float, float]:
    """Mean frames a second, seconds up to a little more than are used, and seconds up to the file's last packet."""
    said = float(stream.average_rate or stream.guessed_rate or UNSAID_FPS)
    times: list[float] = []
    count = 0
    start, end = float("inf"), 0.0
    for packet in _undamaged(container.demux()):
        look()
        time = float(packet.pts * packet.time_base) if packet.pts is not None and packet.time_base else None
        if time is not None:
            start, end = min(start, time), max(end, time)
        if packet.stream.index != stream.index or not packet.size:  # the last packet is an empty one
            continue
        count += 1
        if time is not None:
            times.append(time)
        if count > MAX_SECONDS * MAX_SOURCE_FPS or (end - start if times else count / said) > MAX_SECONDS + 1:
            break  # one second more, as packets come in decoding order
    span = max(times) - min(times) if len(times) == count > 1 else 0.0
    rate = (count - 1) / span if span > 0 else said  # some containers have no times, or not for each frame
    return rate, count / rate, max(0.0, end - min(start, end))


def _clip(source: Source, rate: float, seconds: float, whole: bool, animated_picture: bool) -> Clip:
    """rate, seconds: as far as looked at; whole: whether the file goes on as long as it says."""
    if seconds <= 0:
        raise _unreadable(source.name)
    if rate > MAX_SOURCE_FPS:
        raise LipsyncError("{name} has {rate:.0f} frames a second; convert it to 30.", name=source.name, rate=rate)
    notes = []
    if seconds > MAX_SECONDS + 1 / rate:
        notes.append(Message("Only the first {most:g} seconds of {name} are used.", most=MAX_SECONDS, name=source.name))
    elif not whole:
        notes.append(Message(BREAKS_OFF, name=source.name, seconds=seconds))
    return Clip(source, rate, kept_fps(rate), min(seconds, MAX_SECONDS), tuple(notes), animated_picture)


def kept_fps(rate: float) -> float:
    """Frames a second kept of a clip with `rate`: all up to 30, else every second, third..., or 30 of them."""
    nth = ceil(rate / MAX_FPS - RATE_SLACK)
    if nth <= 1:
        return rate
    return rate / nth if rate / nth >= KEEP_EVERY_NTH_ABOVE else MAX_FPS


def _moments_of_picture(file: io.BufferedReader | io.BytesIO, name: str, look: Look) -> Iterator[Moment]:
    opened = picture.open_picture(file, name)
    if opened is None:
        raise _unreadable(name)
    for time, image in picture.read_animation(opened, name, MAX_SECONDS, look):
        yield time, partial(_same, image)


def _moments_of_video(file: io.BufferedReader | io.BytesIO, name: str, step: float, look: Look) -> Iterator[Moment]:
    """The frames of a video, and its end with the last frame; step: seconds that a frame of unknown length lasts."""
    import av  # costs 0.1 s, and photos and remembered faces need none

    with _open(file, name) as container:
        stream = _stream(container, name)
        stream.thread_type = "AUTO"
        aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        first, time, get, display = None, 0.0, None, None
        for packet in _undamaged(container.demux(stream)):
            look()
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # a damaged frame: the one before it lasts longer
                continue
            for frame in frames:
                _check_size(frame.width, frame.height, name)
                at = frame.time if frame.time is not None else time + step
                first = at if first is None else first
                # Once for all frames: a frame whose side data was looked at stays in memory until the garbage
                # collector runs, as the two refer to each other.
                display = _display(frame) if display is None else display
                time = max(time, at - first)
                get = partial(_rgb, frame, aspect, *display)
                yield time, get
        if get is not None:
            yield time + step, get


def _undamaged(packets: Iterator[Packet]) -> Iterator[Packet]:
    """Up to the end of the file or its damage: what comes before is used."""
    import av

    with suppress(av.error.FFmpegError, OSError):
        yield from packets


def _same(image: np.ndarray) -> np.ndarray:
    return image


def _rgb(frame: "VideoFrame", aspect: Any, turns: int, mirrored: bool) -> np.ndarray:
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
    image = np.rot90(image, turns)
    return np.ascontiguousarray(image[:, ::-1] if mirrored else image)


def _display(frame: "VideoFrame") -> tuple[int, bool]:
    """Quarter turns to the left that a player makes, and whether it mirrors left and right after them."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    # x' = x * matrix[0, 0] + y * matrix[1, 0] and so on (ISO/IEC 14496-12, 6.2.2); only quarter turns occur.
    matrix = np.sign(np.frombuffer(memoryview(data), np.int32).reshape(3, 3)[:2, :2]).astype(np.float64)
    mirrored = bool(np.linalg.det(matrix) < 0)
    if mirrored:
        matrix[:, 0] *= -1
    return round(np.degrees(np.arctan2(-matrix[0, 1], matrix[0, 0])) / 90) % 4, mirrored


def _open(file: io.BufferedReader | io.BytesIO, name: str) -> "InputContainer":
    import av

    try:
        return av.open(file, "r", options={"format_whitelist": FORMATS}, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise LipsyncError(
            "{name} is neither a picture nor a video that can be read; give a JPEG, PNG, WebP, MP4, WebM or MOV file.",
            name=name,
        ) from error


def _stream(container: "InputContainer", name: str) -> "VideoStream":
    import av

    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise LipsyncError("{name} holds no moving picture; give a photo or a video with a face in it.", name=name)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise LimitExceeded(
            "{name} is {width} x {height} pixels, and clips up to 4K can be used; make it smaller.",
            name=name,
            width=width,
            height=height,
        )


def _unreadable(name: str) -> LipsyncError:
    return LipsyncError("{name} has no frame that can be read; save or download it again.", name=name)
