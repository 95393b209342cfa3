"""checkpoints/manifest.toml: the list of all entries."""

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from lipsync_core.checkpoints.entry import OWN_FOLDER, Checkpoint, ModelFile
from lipsync_core.checkpoints.sources import PartsSource, read_source
from lipsync_core.errors import LipsyncError, Message

HEX = {"sha256": 64, "md5": 32}  # digits
PICKLES = {".pth", ".pt", ".pkl", ".ckpt", ".bin"}  # files that may be read by torch.load: MD5 is no guard for them
OPEN = "unclear"  # `commercial`, where the sources of an entry leave it open


@lru_cache(maxsize=1)
def manifest() -> Mapping[str, Checkpoint]:
    """All entries by name, in the manifest's order."""
    return read_manifest((OWN_FOLDER / "manifest.toml").read_text(encoding="utf-8"))


def entry_named(name: str) -> Checkpoint:
    """The entry of that name. Raises LipsyncError, which names the known ones."""
    if name not in manifest():
        raise LipsyncError(
            "There is no checkpoint named {name!r}; choose one of {names}.", name=name, names=tuple(manifest())
        )
    return manifest()[name]


def read_manifest(text: str) -> dict[str, Checkpoint]:
    """Entries from TOML; raises ValueError where one of them could not be verified or would land elsewhere."""
    return {name: _entry(name, table) for name, table in tomllib.loads(text).items()}


def _entry(name: str, table: dict[str, Any]) -> Checkpoint:
    bundled = table.get("bundled", False)
    listed = table.pop("files", None) or [{key: table.pop(key) for key in ("file", "bytes", *HEX) if key in table}]
    files = tuple(ModelFile(**file, bundled=bundled) for file in listed)
    sources = tuple(read_source(source) for source in table.pop("sources", ()))
    commercial = table.pop("commercial")
    if commercial not in (True, False, OPEN):
        raise ValueError(f"{name}: commercial is true, false or {OPEN!r}, not {commercial!r}")
    words: dict[str, Any] = {key: Message(table.pop(key)) for key in ("about", "licence") if key in table}
    entry = Checkpoint(
        name=name, files=files, sources=sources, commercial=None if commercial == OPEN else commercial, **words, **table
    )
    for file in files:
        _check(name, file)
    if any(isinstance(source, PartsSource) for source in sources) and len(files) > 1:
        raise ValueError(f"{name}: parts make one file, and it has {len(files)}")
    return entry


def _check(name: str, file: ModelFile) -> None:
    place = PurePosixPath(file.file)
    if place.is_absolute() or ".." in place.parts or "\\" in file.file or any(p.startswith(".") for p in place.parts):
        raise ValueError(f"{name}: {file.file} does not lie in the checkpoints folder")
    if file.bundled:
        return
    if file.digest is None or not file.bytes:
        raise ValueError(f"{name}: {file.file} has no size or no hash")
    kind, value = file.digest
    if not re.fullmatch("[0-9a-f]*", value) or len(value) != HEX[kind]:
        raise ValueError(f"{name}: {value} is no {kind}")
    if kind == "md5" and place.suffix in PICKLES:
        raise ValueError(f"{name}: {file.file} may be a pickle, which MD5 does not guard; state its SHA-256")
