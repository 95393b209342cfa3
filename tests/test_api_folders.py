"""Errors over HTTP: programs are told their kind, and where the files of the server lie is told to its log alone."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lipsync_core.errors import LipsyncError, Message, Reason, redacted
from lipsync_core.installation import ROOT

from .api_server import ApiServer

FACE = ROOT / "assets" / "avatars" / "mei.jpg"
ORDER = {"text": "Hi.", "avatar": "mei", "size": 128}


def test_a_cache_that_cannot_be_used_is_told_without_its_path(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    limits(cache_dir=tmp_path / "file" / "faces")
    with server.client() as client, FACE.open("rb") as file:
        *_, note = client.post("/api/avatars", files={"avatar": file}, data={"size": "128"}).json()["notes"]
    assert "The cache folder avatars cannot be used" in note
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
        assert "beside en_GB-mine-low.onnx" in own["how_to_get"]
        refused = client.post("/api/generate", json=ORDER | {"voice": "piper:en_GB-mine-low"})
        assert refused.status_code == 422
        assert "beside en_GB-mine-low.onnx" in refused.json()["detail"]
        assert str(tmp_path) not in refused.text


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        ({"text": " "}, "unusable"),
        ({"speed": "fast"}, "unusable"),
        ({"text": "a" * 200}, "too-large"),
        ({"size": 1100}, "too-large"),
        ({"voice": "kokoro:af_heart"}, "not-ready"),
    ],
)
def test_programs_are_told_the_kind_of_an_error(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path, order: dict[str, Any], kind: str
) -> None:
    limits(max_text_chars=100, checkpoints_dir=tmp_path)
    with server.client() as client:
        problem = client.post("/api/generate", json=ORDER | order).json()
        assert problem["type"] == f"urn:lipsync-studio:{kind}"
        said = client.post("/api/generate", json=ORDER | order, headers={"Accept": "text/event-stream"}).text
        assert json.loads(said.rpartition("data: ")[2] if "data: " in said else said)["type"] == problem["type"]


def test_a_licence_to_accept_is_a_kind_and_a_plain_status_is_none(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path
) -> None:
    limits(downloads="everybody", checkpoints_dir=tmp_path)
    with server.client() as client:
        refused = client.post("/api/checkpoints/wav2lip", json={})
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:lipsync-studio:licence-not-accepted"
        assert client.get("/api/nothing").json()["type"] == "about:blank"


def test_only_places_of_the_server_are_shortened(caplog: pytest.LogCaptureFixture) -> None:
    reason = Reason(RuntimeError("Load model from /srv/files/a.onnx failed,\nsee https://example.org/a/b.html."))
    how = Message("put it at {path}", path=Path("/srv/files/a.onnx"))
    error = LipsyncError("{name} is damaged ({reason}): {how}.", name="/my/a.onnx", reason=reason, how=how)
    with caplog.at_level(logging.WARNING):
        told = {redacted(error.message), redacted(error.message)}
    said = "Load model from a.onnx failed, see https://example.org/a/b.html"
    assert told == {f"/my/a.onnx is damaged ({said}): put it at a.onnx."}
    assert caplog.text.count(str(error)) == 1
    caplog.clear()
    kept = Message("There is no {name!r}; use {names: or }.", name="/srv/files", names=("mei", "ravi"))
    assert redacted(kept) == kept == "There is no '/srv/files'; use mei or ravi."
    assert redacted("GET /srv/files is not possible.") == "GET /srv/files is not possible."
    assert not caplog.text
