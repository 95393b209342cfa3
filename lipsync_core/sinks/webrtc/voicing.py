"""Who speaks in a connection, and how."""

from dataclasses import dataclass

from lipsync_core.face import Avatar


@dataclass(frozen=True)
class Voicing:
    """What stays the same in a connection. The fields are those of `Studio.take`."""

    avatar: Avatar
    model: str = "rig"
    fps: float | None = None
    seed: int = 0
    idle: bool = True
    batch_size: int | None = None  # default that of the player
    queue_frames: int | None = None


@dataclass(frozen=True)
class Text:
    """Something to say. number: counts the texts of a connection, from 1."""

    number: int
    text: str
    language: str | None = None
    voice: str | None = None
    speed: float = 1.0
