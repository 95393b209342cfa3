"""Frames as the two tracks of a WebRTC connection, on one clock, with a face that lives on between sentences."""

from .agenda import Agenda
from .clock import Clock
from .encoders import use_steady_encoders
from .player import Player
from .reel import Reel
from .tracks import PictureTrack, SoundTrack
from .voicing import Voicing

__all__ = ["Agenda", "Clock", "PictureTrack", "Player", "Reel", "SoundTrack", "Voicing", "use_steady_encoders"]
