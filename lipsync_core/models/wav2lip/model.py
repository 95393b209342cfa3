"""Wav2Lip: the published network with its official weights, everything that depends on the face alone done once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from lipsync_core.errors import LipsyncError, Message
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.base import Life, MelChunks, clip_frame, register
from lipsync_core.models.info import ModelInfo
from lipsync_core.models.wav2lip import network
from lipsync_core.models.wav2lip.decoder import Decoder
from lipsync_core.models.wav2lip.device import NO_MEMORY, Groups, best_device, group_size, is_out_of_memory, precision
from lipsync_core.models.wav2lip.faces import FaceCrop, FaceCrops
from lipsync_core.models.wav2lip.mel import HEARD, activity, heard
from lipsync_core.models.workers import in_order
from lipsync_core.settings import settings

INFO = ModelInfo(
    name="wav2lip",
    licence=Message("weights: research and personal use only (trained on LRS2)"),
    commercial_use=False,
    checkpoints=("wav2lip_gan", "wav2lip"),  # the one that draws sharper mouths first
    uses_gpu=True,
    setting="wav2lip_weights",
)


Part = tuple[
    int, FaceCrop | None, np.ndarray | None
]  # a frame of the batch, its face, its mouth if that is drawn already


class MouthBatch:
    """Each frame depends on its own chunk and index, and on the level, alone."""

    def __init__(self, faces: FaceCrops, groups: Groups, chunks: MelChunks, frames: np.ndarray, fps: float) -> None:
        """Arguments as of Model.render."""
        self._faces, self._groups, self._avatar = faces, groups, faces.avatar
        self._shown = clip_frame(self._avatar, frames, fps).tolist()
        self._activity = activity(chunks.values, chunks.level)
        self._mels = torch.from_numpy(heard(chunks.values, frames, fps, settings().wav2lip_official_chunks))

    def draw(self) -> Iterator[np.ndarray]:
        """(1, H, W, 3) uint8 RGB of each frame, in order."""
        count = len(self._shown)
        if self._groups.size > 1:
            yield from in_order(self._finish, self._in_groups(), most=count)
        else:
            yield from in_order(self._alone, iter(range(count)), most=count)

    def _alone(self, n: int) -> np.ndarray:
        """All of a frame in one worker: each core of a CPU draws another."""
        face = self._face(n)
        if face is None:
            return self._finish((n, None, None))
        drawn = next(self._groups.draw(self._said([n]), [face.features], self._faces.wanted))
        return self._finish((n, face, drawn))

    def _in_groups(self) -> Iterator[Part]:
        """The network's part, where a GPU does it; what is done to the pictures is left to the workers."""
        size = self._groups.size
        for start in range(0, len(self._shown), size):
            some = [(n, self._face(n)) for n in range(start, min(len(self._shown), start + size))]
            moving = [(n, face) for n, face in some if face is not None]
            drawn: Iterator[np.ndarray] = iter(())
            if moving:
                features = [face.features for _, face in moving]
                drawn = self._groups.draw(self._said([n for n, _ in moving]), features, self._faces.wanted)
            for n, face in some:
                yield n, face, None if face is None else next(drawn)

    def _finish(self, part: Part) -> np.ndarray:
        """Paste the mouth."""
        n, face, drawn = part
        image = self._avatar.frames[self._shown[n]]
        if face is None or drawn is None:
            return image[None]
        out = image.copy()
        amount = float(self._activity[n]) if self._avatar.is_photo else 1.0
        face.place.paste(out, drawn, amount, settings().wav2lip_sharpen)
        return out[None]

    def _face(self, n: int) -> FaceCrop | None:
        """None where the frame stays as it is: without a face, and a photo in silence."""
        return None if self._avatar.is_photo and self._activity[n] == 0 else self._faces[self._shown[n]]

    def _said(self, which: list[int]) -> torch.Tensor:
        """(n, 512, 1, 1): what some frames say; in a clip, which has no mouth at rest of its own, eased to silence."""
        decoder = self._groups.decoder
        said = decoder.listen(self._mels[which])
        if self._avatar.is_photo:
            return said
        share = torch.from_numpy(self._activity[which]).to(said)[:, None, None, None]
        return decoder.silence + share * (said - decoder.silence)


@dataclass(frozen=True, eq=False)
class Wav2LipState:
    """An avatar made ready."""

    faces: FaceCrops
    groups: Groups


@register(INFO)
class Wav2LipModel:
    """The mouth is drawn by the network at 96 x 96 pixels of the face and pasted into the picture.

    A photo is still but for its mouth, which rests as it is in the photo. A clip's mouth rests as the network has it.
    """

    columns = HEARD

    def __init__(self, group: int | None = None) -> None:
        """group: frames drawn at once; by default what the device has room for."""
        device = best_device()
        net = network.load(INFO.weights())
        try:
            self._decoder = Decoder(net, device, precision(device))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise LipsyncError(NO_MEMORY) from error
        self._group = group or group_size(device)

    def prepare(self, avatar: Avatar) -> Wav2LipState:
        faces = FaceCrops(avatar, self._decoder, settings().wav2lip_pads)
        if avatar.is_photo:
            assert faces[0] is not None  # here, so that the first frame does not wait for it
        return Wav2LipState(faces, Groups(self._decoder, self._group))

    def largest_batch(self, state: Wav2LipState) -> int:
        return 960  # drawn a group at a time, so memory does not grow with the batch

    def render(
        self, state: Wav2LipState, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life
    ) -> Iterator[np.ndarray]:
        return MouthBatch(state.faces, state.groups, chunks, frames, fps).draw()
