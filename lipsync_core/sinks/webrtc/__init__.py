"""Frames as the two tracks of a WebRTC connection, on one clock, with a face that lives on between sentences."""

from lipsync_core.sinks.webrtc.agenda import Agenda
from lipsync_core.sinks.webrtc.clock import Clock
from lipsync_core.sinks.webrtc.encoders import use_steady_encoders
from lipsync_core.sinks.webrtc.player import Player
from lipsync_core.sinks.webrtc.reel import Reel
from lipsync_core.sinks.webrtc.tracks import PictureTrack, SoundTrack
from lipsync_core.sinks.webrtc.voicing import Voicing

__all__ = ["Agenda", "Clock", "PictureTrack", "Player", "Reel", "SoundTrack", "Voicing", "use_steady_encoders"]
