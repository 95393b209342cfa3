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

from lipsync_core.sinks.webrtc.bitrate import Bitrate

PIXELS = 512 * 512  # before the first picture is seen
H264_OPTIONS = {"preset": "superfast", "tune": "zerolatency", "level": "31"}  # aiortc leaves "medium": twice the work
H264_FPS = 30  # frames a second, to which its rate control counts


class ManagedEncoder(Encoder):
    """What the encoders below share, in front of one of aiortc's: it asks `bitrate` how many bits a second to make."""

    codec: Any

    def __init__(self) -> None:
        super().__init__()
        self.bitrate = Bitrate(PIXELS)

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """One picture, as RTP payloads with their time."""
        assert isinstance(frame, av.VideoFrame)
        if self.codec is None:
            self.bitrate = Bitrate(frame.width * frame.height)
        self.prepare(frame)
        payloads, timestamp = super().encode(frame, force_keyframe)  # type: ignore[safe-super]  # aiortc's, behind this
        self.bitrate.count(sum(map(len, payloads)), time.monotonic())
        return payloads, timestamp

    def prepare(self, frame: av.VideoFrame) -> None:
        """Make `codec` ready for the rate; aiortc's own does it where this does nothing."""

    @property
    def target_bitrate(self) -> int:
        """Bits a second."""
        return self.bitrate.value

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.bitrate.estimate(bitrate, time.monotonic())


class ManagedVp8(ManagedEncoder, Vp8Encoder):
    """VP8."""


class ManagedH264(ManagedEncoder, H264Encoder):
    """H.264, in a profile that every browser decodes."""

    def prepare(self, frame: av.VideoFrame) -> None:
        """A codec of our own options, and another one when the rate changes."""
        if self.codec is not None and self.codec.bit_rate == self.bitrate.value:
            return
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuv420p"
        codec.bit_rate = self.bitrate.value
        codec.framerate, codec.time_base = Fraction(H264_FPS), Fraction(1, H264_FPS)
        codec.options = H264_OPTIONS | {"maxrate": str(self.bitrate.value), "bufsize": str(self.bitrate.value)}
        codec.profile = "Baseline"
        self.codec = codec


def _encoder(codec: RTCRtpCodecParameters) -> Encoder:
    own = {"video/vp8": ManagedVp8, "video/h264": ManagedH264}.get(codec.mimeType.lower())
    return own() if own else get_encoder(codec)


def use_managed_encoders() -> None:
    """Let aiortc use these from now on; it has no other way to choose them."""
    rtcrtpsender.get_encoder = _encoder  # type: ignore[attr-defined]  # imported there, not its own
