"""A video clip becomes a prepared face: found once, followed through all frames, smoothed over time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lipsync_core.errors import LipsyncError, Message
from lipsync_core.face import detection, landmarks
from lipsync_core.face.avatar import ClipStore, ClipWriter
from lipsync_core.face.clip_reader import BREAKS_OFF, CUT_OFF_SECONDS, Clip, Look
from lipsync_core.face.landmarks import Choice, Face, choose, faces_for, landmarks_of
from lipsync_core.face.photo import (
    TURNED,
    check_cheeks,
    faint,
    look_closely,
    output_size,
    quarter_turns,
    turn_landmarks,
)
from lipsync_core.face.prepared import FRAMES, Prepared
from lipsync_core.face.tracking import Tracker, smooth

GLANCE_SECONDS = 0.25  # between two quick looks for a first face, upright and not small
# A thorough search costs 0.1 to 1 s, so without a face its distances grow: 0, 0.5, 1, 1.5, 2, 2.5, 3.1... 57 s.
SEARCH_SECONDS, SEARCH_GROWTH = 0.5, 1.25
MISSING = np.full((landmarks.COUNT, 3), np.nan, np.float32)


@dataclass(frozen=True, eq=False)
class Start:
    """The frame in which the chosen face was first found: its number, the picture and the face, both upright.

    turns: quarter turns to the left that make the clip's frames upright.
    """

    index: int
    image: np.ndarray
    face: Face
    turns: int


def prepare_clip(
    clip: Clip, choice: Choice, size: int | None, progress: Callable[[float], object], folder: Path
) -> Prepared:
    """Find and follow the chosen face of a clip; the frames go into `folder`.

    progress is called with 0..1, at each decoded frame and before each part of one that is searched. Raises
    LipsyncError, also when no frame shows the face.
    """
    name, done = clip.source.name, 0.0

    def look() -> None:
        progress(done)

    start = _find(clip, choice, name, look)
    height, width = start.image.shape[:2]
    check_cheeks(landmarks.cheek_width(start.face.landmarks), name)
    output = output_size(height, width, size, name)
    points = []
    with (folder / FRAMES).open("wb") as file:
        writer = ClipWriter(file)
        tracker = Tracker(start.image, start.face.landmarks, clip.fps)
        before, found = None, None
        for index, image in enumerate(clip.frames(look)):
            done = index / clip.count
            look()
            if image is before:  # a frame that lasts longer
                writer.repeat()
            else:
                upright = np.ascontiguousarray(np.rot90(image, start.turns))
                if upright.shape != start.image.shape:
                    raise LipsyncError("{name} changes its size on the way; convert it to one size.", name=name)
                found = tracker.step(upright) if index >= start.index else None
                writer.append(output.resize(upright))
                before = image
            points.append(MISSING if found is None else output.to_output(found))
    first = output.to_output(start.face.landmarks)
    _follow_back(ClipStore((folder / FRAMES).open("rb"), writer.spans), first, start.index, clip.fps, points, look)
    track = smooth(np.stack(points), clip.fps)
    missed = int(np.isnan(track[:, 0, 0]).sum())
    notes = [*clip.notes, *faint(first, output, name)]
    if start.turns:
        notes.append(Message(TURNED[start.turns], name=name))
    if len(points) < clip.count - CUT_OFF_SECONDS * clip.fps:  # not seen without decoding
        notes.append(Message(BREAKS_OFF, name=name, seconds=len(points) / clip.fps))
    return Prepared(output.height, output.width, clip.fps, track, writer.spans, missed, tuple(notes))


def _find(clip: Clip, choice: Choice, name: str, look: Look) -> Start:
    next_glance, next_search = 0.0, 0.0
    refusal: LipsyncError | None = None
    width = height = 0
    for index, image in enumerate(clip.frames(look)):
        time = index / clip.fps
        height, width = image.shape[:2]
        if time >= next_search:
            faces = faces_for(image, choice, look)
            next_search = max(time + SEARCH_SECONDS, time * SEARCH_GROWTH)
        elif time >= next_glance:
            views = detection.parts(width, height, max(width, height))
            faces = landmarks_of(image, detection.detect(image, views, look))
        else:
            continue
        next_glance = time + GLANCE_SECONDS
        if not faces:
            continue
        try:
            face = choose(faces, choice, width, height, name)
        except LipsyncError as error:
            refusal = error  # the face that is meant may come later
            continue
        turns = quarter_turns(face.landmarks)
        upright = np.ascontiguousarray(np.rot90(image, turns))
        face = replace(face, landmarks=turn_landmarks(look_closely(image, face), turns, height, width))
        return Start(index, upright, face, turns)
    if refusal is not None:
        raise refusal
    choose([], choice, width, height, name)
    raise AssertionError("no face can be chosen of none")


def _follow_back(
    frames: ClipStore, face: np.ndarray, start: int, fps: float, points: list[np.ndarray], look: Look
) -> None:
    """Fill in the frames before `start`, in which the face may have been seen already."""
    if start == 0:
        return
    tracker = Tracker(frames[start], face, fps)
    for index in reversed(range(start)):
        look()
        found = tracker.step(frames[index])
        points[index] = MISSING if found is None else found
