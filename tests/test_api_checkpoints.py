"""Model files over HTTP: what there is, who may fetch it, and how far it is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lipsync_core import checkpoints

from . import lying_server as server_that
from .api_server import ApiServer
from .checkpoints_place import CONTENT, host, listed, place
from .lying_server import LyingServer
from .test_api_generate import EVENTS, events_of

__all__ = ["host", "listed", "place"]  # fixtures

TERMS = {"licence": "for research", "commercial": False}


def one_of(client: httpx.Client) -> dict:
    (found,) = client.get("/api/checkpoints").json()
    return found


def test_a_file_is_fetched_and_used_at_once(
    server: ApiServer, place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model", **TERMS)
    with server.client() as client:
        before = one_of(client)
        assert (before["state"], before["must_accept"], before["may_fetch"]) == ("missing", True, True)
        assert (before["commercial_use"], before["bytes"]) == (False, len(CONTENT))
        refused = client.post("/api/checkpoints/model")
        assert refused.status_code == 409
        assert "for research" in refused.json()["detail"]
        assert host.asked == []
        events = events_of(client.post("/api/checkpoints/model", json={"accept_licence": True}, headers=EVENTS))
        assert events[-1] == ("finished", {"name": "model", "bytes": len(CONTENT), "state": "ready"})
        assert {name for name, _ in events[:-1]} <= {"progress"}
        after = one_of(client)
        assert (after["state"], after["must_accept"]) == ("ready", False)
        assert client.post("/api/checkpoints/model").json()["state"] == "ready"
        assert len(host.asked) == 1
        assert client.post("/api/checkpoints/..%2F..%2Fetc").status_code == 404
    assert checkpoints.path("model").read_bytes() == CONTENT


def test_what_goes_wrong_is_told(
    server: ApiServer, place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    listed("/missing")
    with server.client() as client:
        ((kind, problem),) = [
            one for one in events_of(client.post("/api/checkpoints/model", headers=EVENTS)) if one[0] != "progress"
        ]
        assert kind == "error"
        assert "404" in problem["detail"]
        assert client.post("/api/checkpoints/model").status_code == 422


def test_leaving_ends_the_download_and_progress_is_seen(
    server: ApiServer, place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(stall_seconds=30)
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    with server.client() as client, client.stream("POST", "/api/checkpoints/model", headers=EVENTS) as response:
        lines = response.iter_lines()
        assert any(f'"done": {len(CONTENT) // 2}' in line for line in lines)
    host.files["/model"] = (server_that.good, CONTENT)
    with server.client() as client:
        assert client.post("/api/checkpoints/model").status_code == 200
    assert host.begins() == [0, len(CONTENT) // 2]


@pytest.mark.parametrize(
    ("headers", "setting", "status"),
    [
        ({}, "local", 200),
        ({"Host": "studio.lan"}, "local", 403),  # a tunnel to this machine
        ({"X-Forwarded-For": "203.0.113.5"}, "local", 403),
        ({}, "nobody", 403),
        ({"Host": "studio.lan", "X-Forwarded-For": "203.0.113.5"}, "everybody", 200),
    ],
)
def test_who_may_fetch(
    server: ApiServer,
    place: Path,
    host: LyingServer,
    listed: Callable[..., None],
    limits: Callable[..., None],
    headers: dict[str, str],
    setting: str,
    status: int,
) -> None:
    limits(downloads=setting)
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    with server.client(headers=headers) as client:
        assert one_of(client)["may_fetch"] == (status == 200)
        assert client.post("/api/checkpoints/model").status_code == status
    assert (checkpoints.state("model") == "ready") == (status == 200)


@pytest.mark.parametrize("name", ["GRADIO_ROOT_PATH", "GRADIO_SHARE", "FORWARDED_ALLOW_IPS", "LIPSYNC_ALLOWED_HOSTS"])
def test_behind_a_proxy_nobody_is_local(
    server: ApiServer, limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """All who come through one come from this machine, and what it passes on can be made up."""
    with server.client() as client:
        assert any(entry["may_fetch"] for entry in client.get("/api/checkpoints").json())
        monkeypatch.setenv(name, "127.0.0.1")
        limits()
        assert not any(entry["may_fetch"] for entry in client.get("/api/checkpoints").json())
        limits(downloads="everybody")
        assert any(entry["may_fetch"] for entry in client.get("/api/checkpoints").json())
        limits(downloads="local", api_key="a key of ten signs")
        listed = client.get("/api/checkpoints", headers={"X-API-Key": "a key of ten signs"})
        assert any(entry["may_fetch"] for entry in listed.json())


def test_a_proxy_that_nobody_has_set_up_here_is_no_local_user(server: ApiServer) -> None:
    """It passes on no header, comes from this machine, and asks for this machine: nginx does so by default."""
    if not sys.platform.startswith("linux") or os.getuid():
        pytest.skip("needs Linux, and to be root to take the place of another user")
    asked = ["curl", "-s", f"{server.url}/api/checkpoints"]
    for user, allowed in ((0, True), (65534, False)):
        answer = subprocess.run(asked, user=user, capture_output=True, check=True, env={**os.environ, "HOME": "/"})
        assert any(entry["may_fetch"] for entry in json.loads(answer.stdout)) == allowed
    with server.client(headers={"Origin": "https://example.org", "Sec-Fetch-Site": "same-origin"}) as client:
        assert not any(entry["may_fetch"] for entry in client.get("/api/checkpoints").json())


def test_the_key_guards_it(
    server: ApiServer, place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(api_key="a key of ten signs")
    listed("/missing")
    with server.client() as client:
        assert client.get("/api/checkpoints").status_code == 401
        assert client.post("/api/checkpoints/model").status_code == 401
    assert host.asked == []
