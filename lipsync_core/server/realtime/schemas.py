"""What can be asked for."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lipsync_core.server.schemas import Name, TakeRequest, Words
from lipsync_core.settings import settings

MOST_BATCH = 32  # frames, 1.3 s: sound comes with its pictures, so it waits for all of them
MOST_SDP = 100_000  # characters; a browser's offer has about 6,000


class Offer(TakeRequest):
    """A WebRTC offer that wants to receive one video and one audio track, and who is to be seen.

    A data channel in it, of any label, gets the events.
    """

    sdp: str = Field(max_length=MOST_SDP)
    type: str = Field("offer", pattern="^offer$")
    text: Words | None = Field(None, description="What to say first; or nothing yet.")
    low_latency: Literal[True] | None = Field(None, description="A connection always has it.")
    batch_size: int | None = Field(None, ge=1, le=MOST_BATCH, description="Frames drawn at once; default 4.")


class Say(BaseModel):
    """More to say; what is left out is as in the offer."""

    model_config = ConfigDict(extra="forbid")

    text: Words
    language: Name | None = None
    voice: Name | None = None
    speed: float | None = Field(None, ge=0.5, le=2.0)


class Answer(BaseModel):
    """What the other side needs: its own description and the name of the session."""

    sdp: str
    type: str
    session: str


class Said(BaseModel):
    """say: number of the text in this session, as the events tell it."""

    say: int


class Interrupted(BaseModel):
    """Whether something was being said, or waited."""

    interrupted: bool


class IceServers(BaseModel):
    """As RTCPeerConnection wants it."""

    iceServers: list[dict[str, object]]

    @classmethod
    def of_settings(cls) -> "IceServers":
        """Those that a page should use."""
        return cls(iceServers=[dict(server) for server in settings().ice_servers])
