"""Wav2Lip: the published network with its official weights, everything that depends on the face alone done once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from lipsync_core.audio import BANDS, SILENCE
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.model import Life, MelChunks, clip_frame, register
from lipsync_core.models.workers import in_order
from lipsync_core.settings import settings

from . import processor, weights
from .activity import activity
from .architecture import COLUMNS
from .chunks import HEARD, heard
from .decoder import Decoder
from .faces import Face, Faces
from .groups import Groups


@dataclass(frozen=True, eq=False)
class Wav2LipState:
    """An avatar made ready."""

    faces: Faces
    groups: Groups


@register("wav2lip")
class Wav2LipModel:
    """The mouth is drawn by the network at 96 x 96 pixels of the face and pasted into the picture.

    A photo is still but for its mouth, which rests as it is in the photo. A clip's mouth rests as the network has it.
    """

    name = "wav2lip"
    licence = "weights: research and personal use only (trained on LRS2)"
    commercial = False
    columns = HEARD

    def __init__(self, group: int | None = None) -> None:
        """group: frames drawn at once; by default what the device has room for."""
        device = processor.device()
        net = weights.load(weights.find())
        self._decoder = Decoder(net, device, processor.precision(device))
        self._group = group or processor.group_size(device)
        self._silence = self._decoder.listen(torch.full((1, BANDS, COLUMNS), SILENCE))

    def prepare(self, avatar: Avatar, life: Life) -> Wav2LipState:
        faces = Faces(avatar, self._decoder, settings().wav2lip_pads)
        if avatar.is_photo:
            assert faces[0] is not None  # here, so that the first frame does not wait for it
        return Wav2LipState(faces, Groups(self._decoder, self._group))

    def largest_batch(self, state: Wav2LipState) -> int:
        return 960  # drawn a group at a time, so memory does not grow with the batch

    def render(self, state: Wav2LipState, chunks: MelChunks, frames: np.ndarray, fps: float) -> Iterator[np.ndarray]:
        faces, groups = state.faces, state.groups
        avatar = faces.avatar
        shown = clip_frame(avatar, frames, fps)
        amounts = activity(chunks.values, chunks.level)
        mels = torch.from_numpy(heard(chunks.values, frames, fps, settings().wav2lip_official_chunks))

        def face_of(n: int) -> Face | None:
            """None where the frame stays as it is."""
            return None if avatar.is_photo and amounts[n] == 0 else faces[int(shown[n])]

        def said(which: list[int]) -> torch.Tensor:
            heard_ = self._decoder.listen(mels[which])
            if avatar.is_photo:
                return heard_
            share = torch.from_numpy(amounts[which]).to(heard_)[:, None, None, None]
            return self._silence + share * (heard_ - self._silence)

        def in_groups() -> Iterator[tuple[int, Face | None, np.ndarray | None]]:
            """The network's part here, where a GPU does it; what is done to the pictures is left to the workers."""
            for start in range(0, len(frames), groups.size):
                some = [(n, face_of(n)) for n in range(start, min(len(frames), start + groups.size))]
                moving = [(n, face) for n, face in some if face is not None]
                drawn = (
                    groups.draw(said([n for n, _ in moving]), [face.features for _, face in moving], faces.wanted)
                    if moving
                    else iter(())
                )
                for n, face in some:
                    yield n, face, None if face is None else next(drawn)

        def singly() -> Iterator[tuple[int, Face | None, np.ndarray | None]]:
            """All of it in the workers: each core draws a frame of its own."""
            for n in range(len(frames)):
                yield n, None, None

        def finish(part: tuple[int, Face | None, np.ndarray | None]) -> np.ndarray:
            n, face, drawn = part
            image = avatar.frames[int(shown[n])]
            if alone and (face := face_of(n)) is not None:
                drawn = next(groups.draw(said([n]), [face.features], faces.wanted))
            if face is None or drawn is None:
                return image[None]
            out = image.copy()
            face.place.paste(out, drawn, float(amounts[n]) if avatar.is_photo else 1.0, settings().wav2lip_sharpen)
            return out[None]

        alone = groups.size == 1
        yield from in_order(finish, singly() if alone else in_groups(), most=len(frames))
