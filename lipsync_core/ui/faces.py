"""The faces of the gallery: those that come with the program, and those a browser has used lately."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import cv2
import numpy as np

from lipsync_core import Avatar, LipsyncError
from lipsync_core.face import default_avatars
from lipsync_core.jobs.service import Service
from lipsync_core.jobs.ttl_store import TtlStore
from lipsync_core.jobs.uploads import MAX_NAME, check_avatar
from lipsync_core.settings import settings

PICTURE = 256  # pixels of the side of a picture in the gallery
MARGIN = 0.35  # around the face, as a part of its height
STILL = "first frame.jpg"  # beside the copy of an upload, whose name has no space
MOST = 6  # used ones that a gallery shows

Item = tuple[Any, str]


@dataclass(frozen=True)
class UsedFace:
    """path: a copy of the upload. picture: (PICTURE, PICTURE, 3) uint8 RGB. which: its number in the upload."""

    name: str
    path: Path
    picture: np.ndarray
    which: int = 0


class Faces:
    """All faces that can be chosen, by name or, where they are a visitor's own, by an id that cannot be guessed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._used: TtlStore[UsedFace] = TtlStore(settings().keep_seconds, settings().keep_files, _remove)

    def path(self, key: str) -> Path:
        """The file of a face. Raises LipsyncError where there is none: no other file can be named."""
        used = self._used.get(key)
        if used is not None:
            return used.path
        try:
            return default_avatars()[key]
        except KeyError:
            raise LipsyncError("This face is no longer kept here; choose another one, or upload it again.") from None

    def still(self, key: str) -> Path:
        """What a face looks like before it speaks, a picture. Raises LipsyncError as `path`."""
        path = self.path(key)
        return path if key in default_avatars() else path.parent / STILL

    def copy(self, upload: str) -> Path:
        """A copy of an upload, for as long as it is kept. Raises LipsyncError for one beyond the limits."""
        source = Path(upload)
        folder = Path(mkdtemp(prefix="face-", dir=self._service.folder.path))
        path = folder / (re.sub(r"[^\w.-]", "_", source.name).lstrip(".")[-MAX_NAME:] or "face")
        try:
            shutil.copyfile(source, path)
            check_avatar(path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return path

    def keep(self, path: Path, avatar: Avatar, which: int = 0) -> str:
        """Remember a copy that has turned out to be a face; its id."""
        cv2.imwrite(str(path.parent / STILL), cv2.cvtColor(np.asarray(avatar.frames[0]), cv2.COLOR_RGB2BGR))
        return self._used.add(UsedFace(Path(avatar.name).stem[:40], path, thumbnail(avatar), which))

    def which(self, key: str) -> int:
        """Which face of its picture a face is; 0, the largest, for those that come with the program."""
        used = self._used.get(key)
        return used.which if used is not None else 0

    def drop(self, path: Path) -> None:
        """Let go a copy that has not."""
        shutil.rmtree(path.parent, ignore_errors=True)

    def known(self, keys: Any) -> list[str]:
        """Those of a browser's remembered ids that are still kept; what comes from a browser may be anything."""
        listed = keys if isinstance(keys, list) else []
        return [key for key in listed[:MOST] if isinstance(key, str) and self._used.get(key)]

    def gallery(self, used: list[str]) -> list[Item]:
        """Pictures with names: the used ones first."""
        own = [(face.picture, face.name) for key in used if (face := self._used.get(key))]
        return [*own, *((str(file), name.capitalize()) for name, file in default_avatars().items())]

    def chosen(self, used: list[str], index: int) -> str:
        """The face at a place of the gallery."""
        keys = [*used, *default_avatars()]
        return keys[index] if 0 <= index < len(keys) else next(iter(default_avatars()))

    def place(self, used: list[str], key: str) -> int:
        """Where a face stands in the gallery."""
        keys = [*used, *default_avatars()]
        return keys.index(key) if key in keys else len(used)


def thumbnail(avatar: Avatar) -> np.ndarray:
    """A square around the face, (PICTURE, PICTURE, 3) uint8 RGB."""
    shown = int(np.argmax(~np.isnan(avatar.landmarks[:, 0, 0])))
    image, points = np.asarray(avatar.frames[shown]), avatar.landmarks[shown, :, :2]
    height, width = image.shape[:2]
    side = min(height, width, round(float(np.ptp(points[:, 1])) * (1 + 2 * MARGIN)))
    centre = (points.max(0) + points.min(0)) / 2
    left = int(np.clip(centre[0] - side / 2, 0, width - side))
    top = int(np.clip(centre[1] - side / 2, 0, height - side))
    return np.asarray(
        cv2.resize(image[top : top + side, left : left + side], (PICTURE, PICTURE), None, 0, 0, cv2.INTER_AREA)
    )


def _remove(face: UsedFace) -> None:
    shutil.rmtree(face.path.parent, ignore_errors=True)
