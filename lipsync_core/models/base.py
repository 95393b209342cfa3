"""What a lip-sync model is: mel chunks and a prepared avatar in, frames out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lipsync_core.audio.normalization import Level
from lipsync_core.errors import LipsyncError
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.info import ModelInfo
from lipsync_core.settings import settings


@dataclass(frozen=True)
class MelChunks:
    """The sound around some frames of a take.

    values: (n, 80, columns) float32, mel -4..4, each chunk centred on the middle of its frame.
    level: how loud and of what colour the speech is, for all frames or for each.
    contacts: (n, 2) float32, 0 to 1: how surely the lips are sealed (p, b, m), and the lower lip is at the upper teeth
        (f, v), as the voice that speaks tells. 0 where nobody tells, as in a recording.
    """

    values: np.ndarray
    level: Level
    contacts: np.ndarray


@dataclass(frozen=True)
class Life:
    """Motion that does not come from speech: blinks, sway and breathing of a photo.

    seed: the same seed gives the same frames. idle: False holds everything but the mouth still.
    """

    seed: int = 0
    idle: bool = True


class Model(Protocol):
    """A third model is one folder with such a class, registered under its name; docs/models.md shows one.

    Its name, licence and files are told where it is registered, see ModelInfo: they are known before it is made.
    columns: width of the mel chunks it wants.
    """

    columns: int

    def prepare(self, avatar: Avatar) -> Any:
        """Compute what depends on the avatar alone; the state that `render` takes, in any number of threads.

        Raises LipsyncError where the avatar cannot be used.
        """
        ...

    def largest_batch(self, state: Any) -> int:
        """How many frames, 960 at most, the memory allows in one batch."""
        ...

    def render(self, state: Any, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life) -> Iterator[np.ndarray]:
        """Draw one batch of frames; each depends on its own chunk, level and index and on life, whatever the batch.

        frames: (n,) int64 indices in the take, at `fps` frames a second.
        Yields (m, H, W, 3) uint8 RGB at the avatar's size: the frames in order, in parts that take a CPU less than
        0.1 s where the model can be cut so, because a take can be stopped between two parts only.
        """
        ...


_MODELS: dict[str, tuple[ModelInfo, Callable[[], Model]]] = {}


def register(info: ModelInfo) -> Callable[[Callable[[], Model]], Callable[[], Model]]:
    """Make a model known, under the name in its info; the decorated class or function makes one."""

    def keep(make: Callable[[], Model]) -> Callable[[], Model]:
        _MODELS[info.name] = info, make
        return make

    return keep


def models() -> list[ModelInfo]:
    """What is known of all models, also those that are not ready, the default one first; loads none."""
    listed = [info for info, _ in _MODELS.values()]
    return sorted(listed, key=lambda info: info.name != settings().model)  # stable


def model_names() -> list[str]:
    """Names of all models, the default one first."""
    return [info.name for info in models()]


def model_info(name: str) -> ModelInfo:
    """What is known of a model by name. Raises LipsyncError for an unknown one."""
    return _named(name)[0]


def make_model(name: str) -> Model:
    """A model by name. Raises LipsyncError for an unknown one, or one whose files cannot be used: NotReady without."""
    return _named(name)[1]()


def _named(name: str) -> tuple[ModelInfo, Callable[[], Model]]:
    if name not in _MODELS:
        raise LipsyncError("There is no model named {name!r}; use {names: or }.", name=name, names=tuple(_MODELS))
    return _MODELS[name]


def clip_frame(avatar: Avatar, frames: np.ndarray, fps: float) -> np.ndarray:
    """(n,) indices in the take -> (n,) indices in the avatar: the clip forward and back, without a jump."""
    count = len(avatar.frames)
    if count == 1:
        return np.zeros(len(frames), np.int64)
    steps = np.floor((frames + 0.5) / fps * avatar.fps).astype(np.int64)
    place = steps % (2 * count - 2)
    return np.where(place < count, place, 2 * count - 2 - place)
