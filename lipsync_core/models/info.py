"""What is known of a model without making it: its licence, and the files that it needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync_core import checkpoints
from lipsync_core.errors import Message, NotReady
from lipsync_core.settings import PREFIX, settings


@dataclass(frozen=True)
class ModelInfo:
    """Given when a model is registered; all else asks here, so that nothing is loaded to be listed.

    licence: of code and weights, in one line. commercial_use: whether that licence allows it; None where it is open.
    checkpoints: entries of the manifest, any one of which suffices. The first is the one that is used where all are
        there, and fetched where none is. An entry may have several files.
    uses_gpu: whether it draws on a GPU where there is one.
    setting: name of the field of Settings that may hold a file of one's own, used instead of them; "" without one.
    """

    name: str
    licence: str
    commercial_use: bool | None
    checkpoints: tuple[str, ...] = ()
    uses_gpu: bool = False
    setting: str = ""

    @property
    def ready(self) -> bool:
        """Whether its files are there, by their sizes; a damaged one is found out when the model is made."""
        there = any(checkpoints.is_there(name) for name in self.checkpoints)
        return there or not self.checkpoints or self._own is not None

    @property
    def lacking(self) -> tuple[str, ...]:
        """The entry to fetch; none where it is ready, or where files can only be put there by hand."""
        fetched = tuple(name for name in self.checkpoints if checkpoints.manifest()[name].sources)
        return () if self.ready else fetched[:1]

    @property
    def how_to_get(self) -> str:
        """What to do in one sentence; empty where it is ready."""
        return "" if self.ready else self._how

    def weights(self) -> Path:
        """The file of the setting, else that of the first checkpoint that is there, verified.

        Raises NotReady where there is none, LipsyncError where it is damaged. Hashing half a gigabyte takes a second.
        """
        if self._own is not None:
            return self._own
        whole = [name for name in self.checkpoints if checkpoints.is_there(name)]
        for name in whole or self.checkpoints:
            if checkpoints.manifest()[name].path.exists():
                return checkpoints.path(name)
        raise NotReady("{how}", how=self._how, checkpoints=self.lacking)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "ready": self.ready,
            "licence": self.licence,
            "commercial_use": self.commercial_use,
            "how_to_get": self.how_to_get,
            "checkpoints": list(self.checkpoints),
        }

    @property
    def _own(self) -> Path | None:
        return getattr(settings(), self.setting) if self.setting else None

    @property
    def _how(self) -> Message:
        entry = checkpoints.manifest()[self.checkpoints[0]]
        if not entry.sources:
            return Message("The model {name} needs a file: {how}.", name=self.name, how=entry.how)
        about = Message("{size:.0f} MB", size=entry.download_bytes / 1e6)
        if entry.commercial is False:
            about = Message("{size}, no commercial use", size=about)
        told: dict[str, Any] = {"name": self.name, "files": self.checkpoints, "about": about, "entry": entry.name}
        if not self.setting:
            return Message(
                "The model {name} needs the file {files: or } ({about}): run `python -m lipsync_core fetch {entry}`.",
                **told,
            )
        return Message(
            "The model {name} needs the file {files: or } ({about}): "
            "run `python -m lipsync_core fetch {entry}`, or set {setting} to a file of your own.",
            **told,
            setting=PREFIX + self.setting.upper(),
        )
