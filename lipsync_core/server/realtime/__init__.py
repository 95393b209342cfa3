"""/api/realtime: sound and pictures in one WebRTC stream, and what is said on it."""

from lipsync_core.server.realtime.routes import make_realtime

__all__ = ["make_realtime"]
