"""Wav2Lip: the published network with its official weights, everything that depends on the face alone done once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipsync_core.errors import LipsyncError
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.base import Life, MelChunks, register
from lipsync_core.models.wav2lip import processor, weights
from lipsync_core.models.wav2lip.batch import Batch
from lipsync_core.models.wav2lip.chunks import HEARD
from lipsync_core.models.wav2lip.decoder import Decoder
from lipsync_core.models.wav2lip.faces import Faces
from lipsync_core.models.wav2lip.info import INFO
from lipsync_core.models.wav2lip.micro_batching import NO_MEMORY, Groups
from lipsync_core.settings import settings


@dataclass(frozen=True, eq=False)
class Wav2LipState:
    """An avatar made ready."""

    faces: Faces
    groups: Groups


@register(INFO)
class Wav2LipModel:
    """The mouth is drawn by the network at 96 x 96 pixels of the face and pasted into the picture.

    A photo is still but for its mouth, which rests as it is in the photo. A clip's mouth rests as the network has it.
    """

    columns = HEARD

    def __init__(self, group: int | None = None) -> None:
        """group: frames drawn at once; by default what the device has room for."""
        device = processor.device()
        net = weights.load(INFO.weights())
        try:
            self._decoder = Decoder(net, device, processor.precision(device))
        except Exception as error:
            if not processor.is_out_of_memory(error):
                raise
            raise LipsyncError(NO_MEMORY) from error
        self._group = group or processor.group_size(device)

    def prepare(self, avatar: Avatar) -> Wav2LipState:
        faces = Faces(avatar, self._decoder, settings().wav2lip_pads)
        if avatar.is_photo:
            assert faces[0] is not None  # here, so that the first frame does not wait for it
        return Wav2LipState(faces, Groups(self._decoder, self._group))

    def largest_batch(self, state: Wav2LipState) -> int:
        return 960  # drawn a group at a time, so memory does not grow with the batch

    def render(
        self, state: Wav2LipState, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life
    ) -> Iterator[np.ndarray]:
        return Batch(state.faces, state.groups, chunks, frames, fps).draw()
