"""What a model tells of itself before it is loaded: its licence, and whether its files are there."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync_core import LipsyncError, Studio, checkpoints
from lipsync_core.doctor import models as examined
from lipsync_core.errors import NotReady
from lipsync_core.models import ModelInfo, model_info
from lipsync_core.ui import menus
from lipsync_core.ui.downloads import needed_by
from lipsync_core.ui.i18n import Words
from lipsync_core.ui.missing import lack

from .api_server import ApiServer

LICENCE = "research and personal use only"
_opened: list[str] | None = None


@pytest.fixture
def place(limits: Callable[..., None], tmp_path: Path) -> Path:
    """An empty folder of checkpoints."""
    limits(checkpoints_dir=tmp_path, downloads="nobody")
    return tmp_path


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """All files that are opened."""
    global _opened
    if _opened is None:
        _opened = []
        sys.addaudithook(lambda event, facts: _opened.append(str(facts[0])) if event == "open" else None)  # type: ignore[union-attr, func-returns-value]
    _opened.clear()
    yield _opened
    _opened.clear()


def put(name: str) -> Path:
    """A file of the right size, and nothing of its content."""
    entry = checkpoints.manifest()[name]
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    with entry.path.open("wb") as file:
        file.truncate(entry.bytes)
    return entry.path


def told(server: ApiServer) -> dict[str, dict]:
    with server.client() as client:
        return {one["name"]: one for one in client.get("/api/models").json()}


def test_the_licence_is_told_without_the_weights(server: ApiServer, place: Path) -> None:
    found = told(server)["wav2lip"]
    assert (found["ready"], found["commercial_use"]) == (False, False)
    assert LICENCE in found["licence"]
    assert found["checkpoints"] == ["wav2lip_gan", "wav2lip"]
    assert "fetch wav2lip_gan`" in found["how_to_get"]
    assert "wav2lip_gan or wav2lip" in found["how_to_get"]
    assert LICENCE in menus.model_line("wav2lip", Words())
    (doctors,) = [one for one in examined() if one["name"] == "wav2lip"]
    assert LICENCE in doctors["licence"]


def test_listing_opens_no_weights_and_speaking_tells_what_is_damaged(
    server: ApiServer, studio: Studio, place: Path, opened: list[str]
) -> None:
    weights = put("wav2lip_gan")
    opened.clear()
    found = told(server)["wav2lip"]
    assert (found["ready"], found["how_to_get"]) == (True, "")
    assert menus.model_menu(Words())[1] == ("wav2lip", "wav2lip")
    assert LICENCE in menus.model_line("wav2lip", Words())
    assert str(weights) not in opened
    with pytest.raises(LipsyncError, match="damaged or another file") as error:
        studio.model("wav2lip")
    assert not isinstance(error.value, NotReady)
    assert str(weights) in opened
    doctors = {one["name"]: one for one in examined()}
    assert (doctors["rig"]["ready"], doctors["wav2lip"]["ready"]) == (True, False)
    assert "damaged" in doctors["wav2lip"]["how_to_get"]


def test_either_file_suffices(place: Path) -> None:
    assert needed_by("wav2lip") == ["wav2lip_gan"]
    assert needed_by("rig") == []
    put("wav2lip")
    assert model_info("wav2lip").ready
    assert needed_by("wav2lip") == []
    (place / "wav2lip" / "wav2lip_gan.pth").write_bytes(b"a part of it")
    with pytest.raises(LipsyncError, match=r"wav2lip\.pth is damaged"):
        model_info("wav2lip").weights()


def test_a_file_of_ones_own_is_enough(place: Path, limits: Callable[..., None]) -> None:
    own = place / "own.pth"
    own.write_bytes(b"weights")
    limits(wav2lip_weights=own)
    assert (needed_by("wav2lip"), model_info("wav2lip").how_to_get) == ([], "")
    assert model_info("wav2lip").weights() == own


def test_without_any_file_the_error_names_what_brings_it(studio: Studio, place: Path) -> None:
    with pytest.raises(NotReady, match="fetch wav2lip_gan") as error:
        studio.model("wav2lip")
    assert error.value.checkpoints == ("wav2lip_gan",)
    with pytest.raises(NotReady, match="fetch kokoro") as error:
        studio.take("Hi.", voice="kokoro:af_heart", avatar="mei")
    assert error.value.checkpoints == ("kokoro", "kokoro_voices")


def test_the_shelf_tells_that_one_file_is_enough(place: Path, limits: Callable[..., None]) -> None:
    assert "python -m lipsync_core fetch" in lack("wav2lip", "", None, Words())
    limits(downloads="everybody")
    text = lack("wav2lip", "", None, Words())
    assert "press Download below" in text
    assert "wav2lip_gan, wav2lip: one of these is enough" in text
    assert lack("rig", "", None, Words()) == ""


def test_a_model_without_files_is_ready() -> None:
    assert ModelInfo("none", "MIT", commercial_use=True).ready
