"""Where the files of the server lie is told to its log, not to its clients."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_core.installation import ROOT
from lipsync_core.jobs.folders import without_folders

from .api_server import ApiServer

FACE = ROOT / "assets" / "avatars" / "mei.jpg"


def test_a_cache_that_cannot_be_used_is_told_without_its_path(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    limits(cache_dir=tmp_path / "file" / "faces")
    with server.client() as client, FACE.open("rb") as file:
        *_, note = client.post("/api/avatars", files={"avatar": file}, data={"size": "128"}).json()["notes"]
    assert "The cache folder faces/avatars cannot be used" in note
    assert str(tmp_path) not in note
    assert str(tmp_path / "file" / "faces" / "avatars") in caplog.text


def test_lists_and_errors_name_no_folder(server: ApiServer, limits: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "piper").mkdir()
    (tmp_path / "piper" / "en_GB-mine-low.onnx").write_bytes(b"")
    limits(checkpoints_dir=tmp_path)
    with server.client() as client:
        for path in ("/api/checkpoints", "/api/voices", "/api/models"):
            assert str(tmp_path) not in client.get(path).text, path
        (own,) = [one for one in client.get("/api/voices").json() if one["id"] == "piper:en_GB-mine-low"]
        assert f"beside {tmp_path.name}/piper/en_GB-mine-low.onnx" in own["how_to_get"]
        order = {"text": "Hi.", "avatar": "mei", "size": 128, "voice": "piper:en_GB-mine-low"}
        refused = client.post("/api/generate", json=order)
        assert refused.status_code == 422
        assert str(tmp_path) not in refused.text


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("/srv/files/a.pth is damaged.", "files/a.pth is damaged."),
        (f"Look at {ROOT}: it is gone.", f"Look at {ROOT.name}: it is gone."),
        ("/srv/files2/a.pth is damaged.", "/srv/files2/a.pth is damaged."),
        (f"There is no GET /x{ROOT} here.", f"There is no GET /x{ROOT} here."),
    ],
)
def test_only_places_of_the_server_are_shortened(
    sentence: str, told: str, limits: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    limits(checkpoints_dir=Path("/srv/files"))
    with caplog.at_level(logging.WARNING):
        assert without_folders(sentence) == told
    assert (sentence in caplog.text) == (told != sentence)
