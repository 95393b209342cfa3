"""Photos and clips become Avatars: faces are found, the chosen one is measured, the result is remembered."""

from lipsync_core.face.avatar import Avatar, FrameStore
from lipsync_core.face.landmarks import Face, detect_faces
from lipsync_core.face.load import load_avatar
from lipsync_core.face.source import default_avatars

__all__ = ["Avatar", "Face", "FrameStore", "default_avatars", "detect_faces", "load_avatar"]
