"""How far a job is, for whoever shows it."""

import time
from dataclasses import dataclass, field

from lipsync_core import Frame

RATE_SECONDS = 0.2  # after which frames a second are told


@dataclass
class Progress:
    """Of a render or of a run of the page; what the page's status line is made of.

    stage: "waiting" in line, "looking" for the face, "preparing_speech", "drawing" or, seen live, "speaking", and
    "finishing" the file; at the end "finished", "stopped", "cut", "stopped_early", which leaves no file, or "failed".
    began: on the monotonic clock; waiting in line does not count. part: 0 to 1, None where nobody knows. position: in
    the line. frames, seconds: of the video so far. first_frame_seconds: from the start. frames_per_second: since the
    first one. skipped: frames that were not seen in time; undrawn: those of them that were not even drawn, so that the
    video repeats the ones before. missed_faces: see Take. times: seconds by what took them: face, speech, frames,
    file, waiting for what is due, and whole; what is not known yet is not there. limit: seconds after which it was
    cut. error: why it has failed, for people.
    """

    stage: str = "ready"
    began: float = field(default_factory=time.monotonic)
    part: float | None = None
    position: int = 0
    frames: int = 0
    seconds: float = 0.0
    first_frame_seconds: float | None = None
    frames_per_second: float | None = None
    skipped: int = 0
    undrawn: int = 0
    missed_faces: int = 0
    times: dict[str, float] = field(default_factory=dict)
    limit: float = 0.0
    error: str = ""

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def count(self, frame: Frame) -> None:
        """Add a frame of the video."""
        elapsed = self.elapsed
        if self.first_frame_seconds is None:
            self.first_frame_seconds = elapsed
        self.frames += 1
        self.seconds += len(frame.audio) / frame.sample_rate
        drawing = elapsed - self.first_frame_seconds
        self.frames_per_second = (self.frames - 1) / drawing if drawing > RATE_SECONDS else None
