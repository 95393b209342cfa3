"""Encoders of aiortc at a bitrate that suits a face: its own 500 kbit/s look bad, and each change costs a key frame."""

import time
from fractions import Fraction
from typing import Any

import av
from aiortc import rtcrtpsender
from aiortc.codecs import get_encoder
from aiortc.codecs.base import Encoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av.frame import Frame

from lipsync_core.sinks.webrtc.rate import Rate

PIXELS = 512 * 512  # before the first picture is seen
H264_OPTIONS = {"preset": "superfast", "tune": "zerolatency", "level": "31"}  # aiortc leaves "medium": twice the work
H264_RATE = 30  # frames a second, to which its rate control counts


class Steady(Encoder):
    """What the encoders below share, in front of one of aiortc's: it asks `rate` how many bits a second to make."""

    codec: Any

    def __init__(self) -> None:
        super().__init__()
        self.rate = Rate(PIXELS)

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """One picture, as RTP payloads with their time."""
        assert isinstance(frame, av.VideoFrame)
        if self.codec is None:
            self.rate = Rate(frame.width * frame.height)
        self.prepare(frame)
        payloads, timestamp = super().encode(frame, force_keyframe)  # type: ignore[safe-super]  # aiortc's, behind this
        self.rate.count(sum(map(len, payloads)), time.monotonic())
        return payloads, timestamp

    def prepare(self, frame: av.VideoFrame) -> None:
        """Make `codec` ready for the rate; aiortc's own does it where this does nothing."""

    @property
    def target_bitrate(self) -> int:
        """Bits a second."""
        return self.rate.value

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.rate.estimate(bitrate, time.monotonic())


class SteadyVp8(Steady, Vp8Encoder):
    """VP8."""


class SteadyH264(Steady, H264Encoder):
    """H.264, in a profile that every browser decodes."""

    def prepare(self, frame: av.VideoFrame) -> None:
        """A codec of our own options, and another one when the rate changes."""
        if self.codec is not None and self.codec.bit_rate == self.rate.value:
            return
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
        codec.bit_rate = self.rate.value
        codec.framerate, codec.time_base = Fraction(H264_RATE), Fraction(1, H264_RATE)
        codec.options = H264_OPTIONS | {"maxrate": str(self.rate.value), "bufsize": str(self.rate.value)}
        codec.profile = "Baseline"
        self.codec = codec


def _encoder(codec: RTCRtpCodecParameters) -> Encoder:
    own = {"video/vp8": SteadyVp8, "video/h264": SteadyH264}.get(codec.mimeType.lower())
    return own() if own else get_encoder(codec)


def use_steady_encoders() -> None:
    """Let aiortc take these from now on; it has no other way to be told."""
    rtcrtpsender.get_encoder = _encoder
