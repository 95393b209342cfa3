"""Model files over HTTP: what there is, who may fetch it, and how far it is."""

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lipsync_core import checkpoints

from . import lying_server as server_that
from .api_server import ApiServer, until
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
    assert until(lambda: not [one for one in threading.enumerate() if one.name == "fetch"], 2)
    host.files["/model"] = (server_that.good, CONTENT)
    with server.client() as client:
        assert client.post("/api/checkpoints/model").status_code == 200
    assert host.begins() == [0, len(CONTENT) // 2]


@pytest.mark.parametrize(
    ("headers", "setting", "status"),
    [
        ({}, "local", 200),
        ({"Host": "talking.example.org"}, "local", 403),  # a tunnel to this machine, or a rebound name
        ({"X-Forwarded-For": "203.0.113.5"}, "local", 403),
        ({}, "nobody", 403),
        ({"Host": "talking.example.org", "X-Forwarded-For": "203.0.113.5"}, "everybody", 200),
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


def test_the_key_guards_it(
    server: ApiServer, place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(api_key="a key of ten signs")
    listed("/missing")
    with server.client() as client:
        assert client.get("/api/checkpoints").status_code == 401
        assert client.post("/api/checkpoints/model").status_code == 401
    assert host.asked == []
