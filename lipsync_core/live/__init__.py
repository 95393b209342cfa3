"""A face that never stops being there: it says what it is given, in text, recordings or sound as it comes."""

from lipsync_core.live.events import Event
from lipsync_core.live.session import LiveSession, State

__all__ = ["Event", "LiveSession", "State"]
