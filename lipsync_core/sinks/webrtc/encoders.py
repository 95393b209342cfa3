"""Encoders of aiortc at a bitrate that suits a face: its own 500 kbit/s look bad, and each change costs a key frame."""

import time
from fractions import Fraction

import av
from aiortc import rtcrtpsender
from aiortc.codecs import get_encoder
from aiortc.codecs.base import Encoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av.frame import Frame

from .rate import Rate

PIXELS = 512 * 512  # before the first picture is seen
H264_OPTIONS = {"preset": "superfast", "tune": "zerolatency", "level": "31"}  # aiortc leaves "medium": twice the work
H264_RATE = 30  # frames a second, to which its rate control counts


class SteadyVp8(Vp8Encoder):
    """VP8."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = Rate(PIXELS)

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """One picture, as RTP payloads with their time."""
        if self.codec is None:
            self.rate = _rate_of(frame)
        payloads, timestamp = super().encode(frame, force_keyframe)
        self.rate.count(sum(map(len, payloads)), time.monotonic())
        return payloads, timestamp

    @property
    def target_bitrate(self) -> int:
        """Bits a second."""
        return self.rate.value

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.rate.estimate(bitrate, time.monotonic())


class SteadyH264(H264Encoder):
    """H.264, in a profile that every browser decodes."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = Rate(PIXELS)

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """One picture, as RTP payloads with their time."""
        assert isinstance(frame, av.VideoFrame)
        if self.codec is None:
            self.rate = _rate_of(frame)
        if self.codec is None or self.codec.bit_rate != self.rate.value:
            self.codec = self._make(frame)
        payloads, timestamp = super().encode(frame, force_keyframe)
        self.rate.count(sum(map(len, payloads)), time.monotonic())
        return payloads, timestamp

    def _make(self, frame: av.VideoFrame) -> av.VideoCodecContext:
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
        codec.bit_rate = self.rate.value
        codec.framerate, codec.time_base = Fraction(H264_RATE), Fraction(1, H264_RATE)
        codec.options = H264_OPTIONS | {"maxrate": str(self.rate.value), "bufsize": str(self.rate.value)}
        codec.profile = "Baseline"
        return codec

    @property
    def target_bitrate(self) -> int:
        """Bits a second."""
        return self.rate.value

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.rate.estimate(bitrate, time.monotonic())


def _rate_of(frame: Frame) -> Rate:
    assert isinstance(frame, av.VideoFrame)
    return Rate(frame.width * frame.height)


def _encoder(codec: RTCRtpCodecParameters) -> Encoder:
    own = {"video/vp8": SteadyVp8, "video/h264": SteadyH264}.get(codec.mimeType.lower())
    return own() if own else get_encoder(codec)


def use_steady_encoders() -> None:
    """Let aiortc take these from now on; it has no other way to be told."""
    rtcrtpsender.get_encoder = _encoder
