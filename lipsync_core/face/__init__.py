"""Photos and clips become Avatars: faces are found, the chosen one is measured, the result is remembered."""

from .avatar import Avatar, FrameStore
from .face import Face, detect_faces
from .load import load_avatar
from .source import default_avatars

__all__ = ["Avatar", "Face", "FrameStore", "default_avatars", "detect_faces", "load_avatar"]
