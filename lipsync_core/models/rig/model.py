"""The rig: the default model, with nothing to download."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from lipsync_core.errors import Message
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.base import Life, MelChunks, clip_frame, register
from lipsync_core.models.info import ModelInfo
from lipsync_core.models.rig.idle import Idle
from lipsync_core.models.rig.motion import CHANNELS, COLUMNS, GROUP, Motion
from lipsync_core.models.rig.renderer import Renderer
from lipsync_core.models.workers import in_order

PART_PIXELS = 1_600_000  # drawn by one core before it looks whether they are still wanted: less than 0.1 s
CONTACTS = [CHANNELS.index("press"), CHANNELS.index("tuck")]  # the channels that a voice's phonemes can be sure of
INFO = ModelInfo(
    name="rig",
    licence=Message("Apache-2.0; weights trained on GRID (CC BY 4.0) and FACEGOOD Audio2Face (MIT)"),
    commercial_use=True,
    checkpoints=("rig_motion",),
)


@lru_cache(maxsize=64)
def _idle(seed: int) -> Idle:
    return Idle(seed)


@register(INFO)
class RigModel:
    """A small network turns mel into mouth motion, and the motion drives a linear flow basis of the picture."""

    columns = COLUMNS

    def __init__(self) -> None:
        self._motion = Motion.load()

    def prepare(self, avatar: Avatar) -> Renderer:
        return Renderer(avatar)

    def largest_batch(self, state: Renderer) -> int:
        return 960  # drawn a few at a time, so memory does not grow with the batch

    def render(
        self, state: Renderer, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life
    ) -> Iterator[np.ndarray]:
        shown = clip_frame(state.avatar, frames, fps)
        own = _idle(life.seed) if life.idle and state.avatar.is_photo else None  # a clip moves by itself
        height, width = state.avatar.size
        step = max(1, min(GROUP, PART_PIXELS // (height * width)))

        def parts() -> Iterator[tuple[slice, np.ndarray]]:
            for start in range(0, len(frames), GROUP):
                group = slice(start, start + GROUP)
                motion = self._motion(chunks.values[group], chunks.level.part(group))
                motion[:, CONTACTS] = np.maximum(motion[:, CONTACTS], chunks.contacts[group])
                for first in range(0, len(motion), step):
                    some = motion[first : first + step]
                    yield slice(start + first, start + first + len(some)), some

        def draw(part: tuple[slice, np.ndarray]) -> np.ndarray:
            which, motion = part
            return state.draw(motion, shown[which], own.at(frames[which] / fps) if own else None)

        yield from in_order(draw, parts(), most=-(-len(frames) // step))
