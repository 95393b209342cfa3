"""A live session as the two tracks of a WebRTC connection, and its peer's microphone."""

from lipsync_core.sinks.webrtc.encoders import use_managed_encoders
from lipsync_core.sinks.webrtc.microphone import Microphone
from lipsync_core.sinks.webrtc.tracks import SessionTracks

__all__ = ["Microphone", "SessionTracks", "use_managed_encoders"]
