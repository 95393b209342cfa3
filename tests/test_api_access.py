"""Who may use the API, what can be chosen, and the state of the server."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lipsync_core import Studio
from lipsync_core.jobs.queue import Busy, JobQueue
from lipsync_core.jobs.work_folder import WorkFolder
from lipsync_core.server import middleware

from .api_server import BODY, LONG, ApiServer, until
from .test_api_generate import EVENTS, PHOTO, events_of

KEY = "a key of ten signs"


def test_what_can_be_chosen(server: ApiServer) -> None:
    with server.client() as client:
        languages = client.get("/api/languages").json()
        assert {one["code"]: one["ready"] for one in languages}["ru"]
        assert client.get("/api/voices", params={"language": "ru"}).json()[0]["language"] == "ru"
        assert client.get("/api/voices", params={"language": "nonsense"}).status_code == 422
        faces = client.get("/api/avatars").json()
        assert client.get(faces[0]["picture"]).headers["content-type"] == "image/jpeg"
        assert client.get("/api/avatars/..%2F..%2FREADME/picture").status_code == 404
        model = client.get("/api/models").json()[0]
        assert (model["name"], model["ready"]) == ("rig", True)


def test_a_face_prepared_ahead(server: ApiServer) -> None:
    with server.client() as client:
        files = {"avatar": ("mei.jpg", PHOTO.read_bytes())}
        answer = client.post("/api/avatars", files=files, data={"size": "192"})
        assert answer.status_code == 201
        face = answer.json()
        assert (face["width"], face["height"], face["frames"]) == (192, 192, 1)
        events = events_of(client.post("/api/avatars", files=files, data={"size": "192"}, headers=EVENTS))
        assert events[-1][0] == "finished"
        fields = {"text": "Hi.", "voice": "espeak:en-us", "avatar": face["id"], "pace": False}
        assert client.post("/api/stream_mjpeg", json=fields).status_code == 200
        assert "leave those two out" in client.post("/api/stream_mjpeg", json={**fields, "size": 99}).text
        wrong = client.post("/api/avatars", files={"avatar": b"no picture"}, data={"size": "192"})
        assert wrong.status_code == 422
        assert client.post("/api/avatars", json={}).status_code == 422
    assert until(server.is_idle, 1)


def test_alive_and_described(server: ApiServer) -> None:
    with server.client() as client:
        assert client.get("/healthz").json()["status"] == "ok"
        figures = client.get("/metrics").text
        assert "lipsync_jobs_running 0.0" in figures
        assert "lipsync_frames_skipped_total" in figures
        paths = client.get("/openapi.json").json()["paths"]
        assert {"/api/generate", "/api/stream_mjpeg", "/api/sessions/{name}/audio", "/api/avatars"} <= set(paths)
        assert client.get("/docs").status_code == 200
        assert client.get("/api/nothing").headers["content-type"] == "application/problem+json"
        assert client.get("/mjpeg_test").headers["content-type"].startswith("text/html")


def test_other_origins_are_shut_out(server: ApiServer, limits) -> None:  # type: ignore[no-untyped-def]
    with server.client() as client:
        same = {"Origin": server.url}
        assert client.get("/api/voices", headers=same).status_code == 200
        for other in (
            {"Origin": "https://example.org"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "cross-site", "Referer": "https://example.org/page"},
        ):
            refused = client.get("/api/voices", headers=other)
            assert refused.status_code == 403, other
            assert "access-control-allow-origin" not in refused.headers
        limits(allowed_origins="https://example.org")
        allowed = client.options("/api/generate", headers={"Origin": "https://example.org"})
        assert allowed.headers["access-control-allow-origin"] == "https://example.org"
        assert "POST" in allowed.headers["access-control-allow-methods"]
        assert client.get("/api/voices", headers={"Origin": "https://example.org"}).status_code == 200
        assert client.get("/api/voices", headers={"Origin": "https://example.com"}).status_code == 403


def test_a_key_guards_the_api(server: ApiServer, limits) -> None:  # type: ignore[no-untyped-def]
    limits(api_key=KEY)
    with server.client() as client:
        refused = client.get("/api/voices")
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get("/healthz").status_code == 200
        for headers in ({"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}):
            assert client.get("/api/voices", headers=headers).status_code == 200
        assert client.get("/api/voices", headers={"X-API-Key": "another key"}).status_code == 401
        assert client.post("/api/key", json={"key": "another key"}).status_code == 401
        assert client.get("/api/key").json() == {"needed": True, "known": False}
        given = client.post("/api/key", json={"key": KEY})
        assert given.status_code == 204
        assert "HttpOnly" in given.headers["set-cookie"]
        assert KEY not in given.headers["set-cookie"]
        assert client.get("/api/voices").status_code == 200  # by the cookie
        assert client.get("/api/key").json() == {"needed": True, "known": True}


def test_wrong_keys_make_their_address_wait(studio: Studio, limits: Callable[..., None]) -> None:
    limits(api_key=KEY)
    with ApiServer(studio) as server, server.client() as client, server.client() as signed_in:
        assert signed_in.post("/api/key", json={"key": KEY}).status_code == 204
        asked = {  # all the ways to try a key
            "header": lambda key: client.get("/api/voices", headers={"X-API-Key": key}),
            "state": lambda key: client.get("/api/key", headers={"Authorization": f"Bearer {key}"}),
            "json": lambda key: client.post("/api/key", json={"key": key}),
            "form": lambda key: client.post("/api/sign-in", data={"key": key}),
        }
        for number in range(30):
            answer = asked[list(asked)[number % 4]](f"wrong key {number}")
            if answer.status_code == 429:
                break
        assert number < 6
        for name, ask in asked.items():
            locked = ask(KEY)  # is not even looked at
            assert (locked.status_code, name) == (429, name)
            assert 1 <= int(locked.headers["retry-after"]) <= 60
        assert signed_in.get("/api/voices").status_code == 200
        assert client.get("/api/voices").status_code == 401  # no key is no wrong key
        assert until(lambda: asked["json"]("another").status_code == 401, 5)
        assert asked["json"](KEY).headers["retry-after"] == "2"  # each wrong one doubles it
        assert until(lambda: asked["json"](KEY).status_code == 204, 6)
        assert asked["json"]("wrong again").status_code == 401  # the right one begins anew


@pytest.mark.parametrize(
    ("host", "allowed", "key", "status"),
    [
        ("localhost:7860", "", "", 200),
        ("[::1]:7860", "", "", 200),
        ("192.168.1.5", "", "", 200),
        ("studio", "", "", 200),
        ("studio.local", "", "", 200),
        ("rebound.example.org", "", "", 421),  # a page of that site, whose name was made to lead here
        ("127.0.0.1.example.org", "", "", 421),
        ("studio.example.org", "studio.example.org", "", 200),
        ("rebound.example.org", "studio.example.org", KEY, 421),
        ("rebound.example.org", "", KEY, 200),
    ],
)
def test_names_of_the_server(
    server: ApiServer, limits: Callable[..., None], host: str, allowed: str, key: str, status: int
) -> None:
    limits(allowed_hosts=allowed, api_key=key)
    with server.client(headers={"Host": host, "X-API-Key": key}) as client:
        assert client.get("/api/voices").status_code == status
        assert client.get("/healthz").status_code == 200


def test_a_picture_on_another_page_starts_nothing(server: ApiServer) -> None:
    """Over plain HTTP a browser says no more than where the picture is shown."""
    with server.client(headers={"Referer": "http://example.org/page"}) as client:
        assert client.get("/api/stream_mjpeg", params={"text": "Hi."}).status_code == 403
        assert client.get("/docs").status_code == 200  # a link


def test_a_socket_needs_the_key_too(studio: Studio, limits: Callable[..., None]) -> None:
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.testclient import TestClient
    from starlette.websockets import WebSocket, WebSocketDisconnect

    from lipsync_core.server.keys import Attempts
    from lipsync_core.server.middleware import Guard

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    limits(api_key=KEY)
    client = TestClient(Guard(Starlette(routes=[WebSocketRoute("/talk", talk)]), Attempts()))
    for headers in ({}, {"X-API-Key": KEY, "Origin": "https://example.org"}):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/talk", headers=headers):
            pass
    with client.websocket_connect("/talk", headers={"X-API-Key": KEY}) as socket:
        assert socket.receive_text() == "hello"


def test_the_line_is_fair() -> None:
    jobs, told = JobQueue(1, 3), []
    first = jobs.enter("a")
    again = jobs.enter("a", lambda position: told.append(position))
    other = jobs.enter("b")
    assert (first.position, again.position, other.position) == (0, 2, 1)
    third = jobs.enter("c")
    with pytest.raises(Busy, match="try again in") as full:
        jobs.enter("d")
    assert full.value.retry_after >= 1
    first.leave()
    first.leave()
    assert again.wait(0)  # of those who wait, it came first, and its owner has no job any more
    assert (again.position, other.position, third.position) == (0, 1, 2)
    for ticket in (again, third, other):
        ticket.leave()
    assert (jobs.running, jobs.waiting) == (0, 0)
    assert told == [1, 2, 3, 0]


def test_the_command_serves_and_ends(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "LIPSYNC_WORK_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "lipsync_core", "serve", "--port", str(port), "--no-warm-up"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        assert until(lambda: is_there(url), 20)
        fields = {"text": LONG, **BODY}
        with httpx.stream("POST", f"{url}/api/stream_mjpeg", json=fields, timeout=20, trust_env=False) as response:
            chunks = response.iter_raw()
            next(chunks)
            process.send_signal(signal.SIGTERM)  # ends in spite of the open stream
            process.wait(8)
            response.close()
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_goes_with_the_next(tmp_path: Path, limits: Callable[..., None]) -> None:
    limits(work_dir=tmp_path)
    script = (
        "import sys; from lipsync_core.jobs.work_folder import WorkFolder as W; w = W(); print(w.path, flush=True); "
        "sys.stdin.read()"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        killed, alive = (Path(child.stdout.readline().strip()) for child in children if child.stdout)
        (killed / "job-1").mkdir()
        (tmp_path / "lipsync-work-of-others").symlink_to(Path(__file__).parent)
        children[0].kill()
        children[0].wait()
        own = WorkFolder()
        assert own.path.is_dir()
        assert not killed.exists()
        assert alive.is_dir()
        own.remove()
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert Path(__file__).is_file()


def is_there(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_prefix_of_a_proxy_opens_no_door(studio, limits) -> None:  # type: ignore[no-untyped-def]
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    from lipsync_core.server import make_api

    limits(api_key=KEY)
    client = TestClient(Starlette(routes=[Mount("/studio", make_api(studio))]))
    assert client.get("/studio/api/voices").status_code == 401
    assert client.get("/studio/healthz").status_code == 200


def test_the_name_of_a_shared_link(
    server: ApiServer, limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client(headers={"Host": "abc123.gradio.live"}) as client:
        assert client.get("/api/voices").status_code == 421
        monkeypatch.setenv("GRADIO_SHARE", "True")
        assert client.get("/api/voices").status_code == 200
        assert not any(entry["may_fetch"] for entry in client.get("/api/checkpoints").json())
        limits(api_key=KEY)
        assert client.get("/api/voices").status_code == 401


def test_the_api_beside_the_page(studio, limits, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import gradio as gr

    from lipsync_core.server import launch_options, make_api

    with gr.Blocks() as page:
        gr.Markdown("Hello")
    _, url, _ = page.launch(
        app_kwargs=launch_options(make_api(studio)), prevent_thread_lock=True, quiet=True, ssr_mode=False
    )
    try:
        with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
            assert "gradio" in client.get("/").text
            assert client.get("/healthz").json()["status"] == "ok"
            assert "/api/generate" in client.get("/openapi.json").json()["paths"]
            assert client.post("/api/generate", json={"text": "Hi.", **BODY}).content[4:8] == b"ftyp"
            refused = client.post("/api/generate", json={"text": "Hi.", "voice": "nobody"})
            assert refused.headers["content-type"] == "application/problem+json"
            assert client.get("/api/voices", headers={"Origin": "https://example.org"}).status_code == 403
            with client.stream("POST", "/api/stream_mjpeg", json={"text": "Hi.", **BODY}) as response:
                first = next(response.iter_raw())
            assert first.startswith(b"--frame")
            json.loads(client.get("/config").text)  # the page's own
            for closed in ("process_recording", "vibe-edit/", "proxy=https://example.org"):
                assert client.post(f"/gradio_api/{closed}").status_code in (404, 405)
        monkeypatch.setattr(middleware, "STALLED_SECONDS", 0.3)
        with socket.create_connection(("127.0.0.1", int(url.strip("/").rpartition(":")[2])), 5) as opened:
            opened.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n")
            opened.sendall(b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n")
            assert opened.recv(100).startswith(b"HTTP/1.1 408 ")
    finally:
        page.close()
