"""How far a run is: what the page's status line is made of."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """stage: a key of the words. part: 0 to 1, None where nobody knows. Times in seconds.

    frames: made so far. rate: frames a second since the first. length: of the video so far. first: from the press of
    the button, waiting in line not included, to the first frame. skipped: frames that were not seen in time; undrawn:
    those of them that were not even drawn, so that the video repeats the ones before. times: seconds by stage, at the
    end.
    """

    stage: str
    part: float | None = None
    position: int = 0
    face: float | None = None
    speech: float | None = None
    frames: int = 0
    rate: float | None = None
    first: float | None = None
    length: float = 0.0
    skipped: int = 0
    undrawn: int = 0
    missed: int = 0
    limit: float = 0.0
    times: dict[str, float] = field(default_factory=dict)
    live: bool = True
    error: str = ""
