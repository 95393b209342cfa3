"""What the tests of downloads share: an empty checkpoints folder and a manifest of their own."""

import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.settings import settings

from .lying_server import LyingServer

CONTENT = random.Random(4).randbytes(2**20)
OTHER = random.Random(5).randbytes(len(CONTENT))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def host() -> Iterator[LyingServer]:
    with LyingServer() as running:
        yield running


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty checkpoints folder; the manifest is read from the folder above it."""
    folder = tmp_path / "check points"
    monkeypatch.setenv("LIPSYNC_CHECKPOINTS_DIR", str(folder))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setattr(sys.modules["lipsync_core.checkpoints.manifest"], "OWN_FOLDER", tmp_path)
    settings.cache_clear()
    checkpoints.manifest.cache_clear()
    yield folder
    settings.cache_clear()
    checkpoints.manifest.cache_clear()


@pytest.fixture
def listed(place: Path, host: LyingServer) -> Callable[..., None]:
    """Call with sources (paths of the server) to have an entry `model` that comes from there."""

    def write(*paths: str, sources: str = "", **fields: object) -> None:
        came = sources or ", ".join(f'{{ url = "{host.url}{path}" }}' for path in paths)
        facts = {"bytes": len(CONTENT), "sha256": SHA256, "licence": "MIT", "commercial": True, **fields}
        lines = [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
        text = '[model]\nfile = "models/model.onnx"\nabout = "a test"\n' + "\n".join(lines) + f"\nsources = [{came}]\n"
        (place.parent / "manifest.toml").write_text(text)
        checkpoints.manifest.cache_clear()

    return write


def visible(place: Path) -> list[str]:
    """All files but those that are named as unfinished."""
    return sorted(
        str(path.relative_to(place))
        for path in place.rglob("*")
        if path.is_file() and not path.relative_to(place).parts[0].startswith(".")
    )


def parts(place: Path) -> list[Path]:
    return list(place.rglob("*.part"))
