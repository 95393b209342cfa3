"""The frames of an avatar as the network needs them: each is worked out once, as far as memory goes."""

from dataclasses import dataclass
from threading import Lock

import numpy as np

from lipsync_core.errors import LipsyncError
from lipsync_core.face.avatar import Avatar
from lipsync_core.models.wav2lip.blending import Place
from lipsync_core.models.wav2lip.crop import Pads, find_area, find_box, find_wanted, lower_face, see, to_network
from lipsync_core.models.wav2lip.decoder import Decoder, FaceFeatures
from lipsync_core.models.wav2lip.window import Window

KEPT_BYTES = 512 * 2**20  # of a clip's features


@dataclass(frozen=True, eq=False)
class Face:
    """A frame's place for the mouth, and what the network makes of its face."""

    place: Place
    features: FaceFeatures


class Faces:
    """The faces of an avatar by frame. wanted: the part of the 96 x 96 pixels that is drawn, one for all frames."""

    def __init__(self, avatar: Avatar, decoder: Decoder, pads: Pads, kept_bytes: int = KEPT_BYTES) -> None:
        self.avatar, self._decoder, self._kept_bytes = avatar, decoder, kept_bytes
        self._boxes = {
            int(index): find_box(avatar.landmarks[index], avatar.size, pads)
            for index in np.flatnonzero(np.isfinite(avatar.landmarks[:, 0, 0]))
        }
        if not self._boxes:
            raise LipsyncError(
                "{avatar} shows no face in any frame; choose another picture or clip.", avatar=avatar.name
            )
        wanted = [
            find_wanted(find_area(lower_face(avatar.landmarks[index]), box), box) for index, box in self._boxes.items()
        ]
        self.wanted = Window(
            min(window.top for window in wanted), max(window.bottom for window in wanted),
            min(window.left for window in wanted), max(window.right for window in wanted),
        )  # fmt: skip
        self._faces: dict[int, Face] = {}
        self._bytes = 0
        self._lock = Lock()

    def __getitem__(self, index: int) -> Face | None:
        """The face in a frame; None where there is none."""
        box = self._boxes.get(index)
        face = self._faces.get(index)
        if face is not None or box is None:
            return face
        image, landmarks = self.avatar.frames[index], self.avatar.landmarks[index]
        seen = see(image, box)
        face = Face(
            Place(image, landmarks, box, self.wanted, seen), self._decoder.encode(to_network(seen), self.wanted)
        )
        with self._lock:
            # What is kept stays: a clip goes forward and back, which throws the longest unused out just before its use.
            size = face.features.bytes + 7 * 4 * face.place.mask.size
            if self._bytes + size <= self._kept_bytes or not self._faces:
                self._faces[index] = face
                self._bytes += size
        return face
