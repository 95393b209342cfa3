"""What all tests share: the data that lies beside the checkout, where there is some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lipsync_core import Studio

    from .api_server import ApiServer


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real speech, faces and reference numbers; not part of the product."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the shared data folder beside the checkout")
    return folder


@pytest.fixture(scope="session")
def studio() -> Studio:
    """One studio for all tests of the API: what it has loaded stays."""
    from lipsync_core import Studio

    made = Studio()
    made.warm_up(voice="espeak:en-us")
    return made


@pytest.fixture(scope="module")
def server(studio: Studio) -> Iterator[ApiServer]:
    """A running server."""
    from .api_server import ApiServer

    with ApiServer(studio) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, in which sound may begin by itself."""
    from .chromium import chromium

    with chromium("--autoplay-policy=no-user-gesture-required") as running:
        yield running


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Call with settings, such as max_sessions=1, to have them for this test."""
    from lipsync_core.settings import settings

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"LIPSYNC_{name.upper()}", str(value))
        settings.cache_clear()

    yield change
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def unmeasured(limits: Callable[..., None], tmp_path: Path) -> None:
    """As on a machine whose doctor has not measured how fast the voices are."""
    limits(cache_dir=tmp_path / "cache")
