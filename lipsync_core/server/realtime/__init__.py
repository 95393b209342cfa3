"""/api/realtime: live sessions by WebRTC, and by a WebSocket that takes sound as it comes."""

from lipsync_core.server.realtime.routes import make_realtime

__all__ = ["make_realtime"]
