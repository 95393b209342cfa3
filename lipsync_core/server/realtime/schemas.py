"""What can be asked for, over HTTP and over a WebSocket."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lipsync_core.server.schemas import LiveOptions, Name, TakeRequest, Words
from lipsync_core.settings import settings

MOST_BATCH = 32  # frames, 1.3 s: what is drawn at once may be thrown away, and speech waits for it
MOST_SDP = 100_000  # characters; a browser's offer has about 6,000


class LiveRequest(TakeRequest):
    """Who is to be seen, and how, until the session ends."""

    text: Words | None = Field(None, description="What to say first; or nothing yet.")
    low_latency: Literal[True] | None = Field(None, description="A live session always has it.")
    batch_size: int | None = Field(None, ge=1, le=MOST_BATCH, description="Frames drawn at once; default 8.")


class OfferRequest(LiveRequest):
    """A WebRTC offer that wants to receive one video and one audio track, and who is to be seen.

    A data channel in it, of any label, gets the events. Where the audio track sends too, it is a microphone.
    """

    sdp: str = Field(max_length=MOST_SDP)
    type: str = Field("offer", pattern="^offer$")
    microphone: Literal["hear", "push"] = Field(
        "hear", description="What its sound is for: hear, the face listens to it; push, the face says it."
    )


class SocketRequest(LiveRequest):
    """The first message on a WebSocket: what it sends, and gets. What a take can ask for is for a new session only."""

    sample_rate: int = Field(24000, ge=4000, le=384_000, description="Hz, of the sound that is sent.")
    format: Literal["s16", "f32"] = Field("s16", description="Of a sample: 16 bits or float32, little-endian.")
    channels: int = Field(1, ge=1, le=8, description="Of the sound that is sent, interleaved.")
    frames: Literal["none", "jpeg", "mp4"] = Field("none", description="What comes back besides events.")
    quality: int | None = Field(None, ge=1, le=100, description="Of the JPEG pictures; default 85.")

    @property
    def asked(self) -> set[str]:
        """What was given of the options that only a new session has."""
        return self.model_fields_set & set(LiveRequest.model_fields)


class SayRequest(BaseModel):
    """More to say; what is left out is as in the offer."""

    model_config = ConfigDict(extra="forbid")

    text: Words
    language: Name | None = None
    voice: Name | None = None
    speed: float | None = Field(None, ge=0.5, le=2.0)


class SetRequest(LiveOptions):
    """What may change while a session runs; what is left out stays."""


class OfferAnswer(BaseModel):
    """What the other side needs: its own description and the name of the session."""

    sdp: str
    type: str
    session: str


class SayAnswer(BaseModel):
    """say: number of the text in this session, as in the events."""

    say: int


class InterruptAnswer(BaseModel):
    """Whether something was being said, or waited."""

    interrupted: bool


class IceServers(BaseModel):
    """As RTCPeerConnection wants it."""

    iceServers: list[dict[str, object]]

    @classmethod
    def of_settings(cls) -> "IceServers":
        """Those that a page should use."""
        return cls(iceServers=[dict(server) for server in settings().ice_servers])
