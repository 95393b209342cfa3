"""Lipsync Studio: a face speaks a text or a recording, live and as a file.

`Studio.take` gives frames with their sound; `Mp4Writer` stores them. Everything is imported when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lipsync_core.core.options import TakeOptions
    from lipsync_core.core.studio import Studio
    from lipsync_core.core.take import Take
    from lipsync_core.errors import LipsyncError
    from lipsync_core.face import Avatar
    from lipsync_core.frame import Frame
    from lipsync_core.live.session import LiveSession
    from lipsync_core.sinks.mp4 import Mp4Writer
    from lipsync_core.speech import Speech

_HOME = {
    "Avatar": "face",
    "Frame": "frame",
    "LipsyncError": "errors",
    "LiveSession": "live.session",
    "Mp4Writer": "sinks.mp4",
    "Speech": "speech",
    "Studio": "core.studio",
    "Take": "core.take",
    "TakeOptions": "core.options",
}

# onnxruntime reads it when it is first imported, by whomever: else it keeps a device id in the home folder and looks up
# a host of its maker's.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Avatar", "Frame", "LipsyncError", "LiveSession", "Mp4Writer", "Speech", "Studio", "Take", "TakeOptions"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
