"""Who may use the page: with a key only the form that asks for it is open, and no page of another site gets in."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .api_server import until
from .page_server import PageServer
from .reverse_proxy import ReverseProxy
from .test_page import downloaded, robotic, seconds_of, until_video

KEY = "a key of ten signs"
ROUTES = (
    "/", "/config", "/info", "/theme.css", "/assets/index.js", "/gradio_api/info", "/gradio_api/heartbeat/abc",
    "/gradio_api/queue/data?session_hash=abc", "/gradio_api/file=/etc/passwd", "/gradio_api/openapi.json",
    "/gradio_api/call/speak/abc", "/monitoring", "/login", "/robots.txt", "/page/sound/" + "0" * 32,
    "/metrics", "/docs", "/openapi.json", "/mjpeg_test", "/api/voices", "/nowhere", "//", "/healthz/", "/api/key/",
)  # fmt: skip
FOREIGN = ({"Origin": "https://example.org"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"})
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with PageServer(tmp_path_factory.mktemp("page"), LIPSYNC_API_KEY=KEY) as running:
        yield running


@pytest.fixture
def client(server: PageServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as opened:
        yield opened


def test_nothing_but_health_is_there_without_the_key(client: httpx.Client) -> None:
    for route in ROUTES:
        assert client.get(route).status_code == 401, route
    join = {"data": [], "fn_index": 0, "session_hash": "abc"}
    for route in ("/gradio_api/queue/join", "/gradio_api/run/speak", "/gradio_api/call/speak", "/gradio_api/cancel"):
        assert client.post(route, json=join).status_code == 401, route
    assert client.post("/gradio_api/upload", files={"files": b"x"}).status_code == 401
    assert client.options("/gradio_api/queue/join").status_code == 401
    for route in ("/healthz", "/readyz", "/api/key"):
        assert client.get(route).status_code == 200, route
    headers = {"X-API-Key": KEY}
    assert client.get("/config", headers=headers).json()["title"] == "Lipsync Studio"
    assert client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


def test_pages_of_other_sites_reach_no_route(client: httpx.Client) -> None:
    for headers in FOREIGN:
        uploaded = client.post("/gradio_api/upload", files={"files": b"x"}, headers={**headers, "X-API-Key": KEY})
        assert uploaded.status_code == 403, headers
        for route in ("/gradio_api/queue/join", "/gradio_api/run/speak"):
            refused = client.post(route, json={}, headers={**headers, "X-API-Key": KEY})
            assert refused.status_code == 403, (route, headers)
            assert not [name for name in refused.headers if name.startswith("access-control")]
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    assert client.options("/gradio_api/upload", headers=asked).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Referer": "https://example.org/"}
    assert client.get("/", headers={**link, "X-API-Key": KEY}).status_code == 200  # a link leads here
    assert client.get("/api/voices", headers={**link, "X-API-Key": KEY}).status_code == 403
    assert "frame-ancestors 'self'" in client.get("/", headers={"X-API-Key": KEY}).headers["content-security-policy"]


def test_the_form_speaks_the_languages_of_the_page(client: httpx.Client) -> None:
    for language, said in (("en-US,en", "asks for its key"), ("ru,en;q=0.5", "открывается ключом"), ("fr", "asks for")):
        form = client.get("/docs", headers={**HTML, "Accept-Language": language})
        assert form.status_code == 401
        assert said in form.text
        assert "http" not in form.text  # nothing comes from elsewhere
    for leads_to, place in (("docs", "../docs"), ("//example.org", "../"), ("https://example.org", "../"), ("", "../")):
        opened = client.post("/api/sign-in", data={"key": KEY, "next": leads_to})
        assert (opened.status_code, opened.headers["location"]) == (303, place)
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(opened.headers["set-cookie"].split("; "))
    assert client.get("/config").status_code == 200  # by the cookie


def test_a_program_speaks_with_the_key(server: PageServer) -> None:
    order = {"recording": None, "text": "Hi.", "voice": "espeak:en-us", "size": 256, "api_name": "/speak"}
    assert server.client(headers={"X-API-Key": KEY}).submit(**order).result(60)
    with pytest.raises(Exception, match="credentials"):
        server.client()


def test_a_socket_beside_the_page_opens_with_the_key(server: PageServer) -> None:
    url = f"{server.url.replace('http', 'ws')}/api/realtime/new/audio"
    with pytest.raises(InvalidStatus), connect(url, proxy=None):
        pass
    with pytest.raises(InvalidStatus), connect(url, proxy=None, origin="https://example.org"):
        pass
    with connect(url, proxy=None, additional_headers={"X-API-Key": KEY}) as socket:
        socket.send(json.dumps({"text": "Hi.", "voice": "espeak:en-us", "size": 128}))
        assert "finished" in [json.loads(socket.recv(20))["event"] for _ in range(5)]


def visit(browser: Any, url: str, path: str) -> None:
    """Sign in, speak, get the video, and see the other pages."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, locale="en-US")
    page.set_default_timeout(40000)
    page.goto(f"{url}/")
    page.fill("#key", "not this one")
    page.click("button")
    assert page.inner_text("[role=alert]") == "This is not the key."
    page.fill("#key", KEY)
    page.click("button")
    page.wait_for_selector("body.arrived")
    wrong: list[str] = []
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    robotic(page)
    page.fill("#text textarea", "Hello, my friend.")
    page.click("#speak")
    page.wait_for_function("() => lipsync.pictures > 5")
    until_video(page)
    assert seconds_of(downloaded(page)) > 0.5
    page.goto(f"{url}/mjpeg_test")
    page.wait_for_function("() => document.getElementById('voice').length > 2")
    assert page.is_hidden("#lock")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", path)
    page.close()
    assert wrong == []


@pytest.mark.slow
def test_a_visitor_signs_in_speaks_and_gets_the_video(browser: Any, server: PageServer) -> None:
    visit(browser, server.url, "/")


@pytest.mark.slow
def test_the_same_below_a_path_of_a_proxy(browser: Any, tmp_path: Path) -> None:
    with (
        PageServer(tmp_path, LIPSYNC_API_KEY=KEY, GRADIO_ROOT_PATH="/studio") as server,
        ReverseProxy(server.url) as proxy,
    ):
        visit(browser, proxy.url, "/studio")


@pytest.mark.slow
def test_whoever_never_ends_a_header_is_cut_off(server: PageServer, client: httpx.Client) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lipsync_core", "serve", "--port", str(port), "--no-warm-up"]
    alone = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        assert until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), 20)
        slow = [socket.create_connection(("127.0.0.1", one)) for one in (int(server.url.rpartition(":")[2]), port)]
        for one in slow:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: ")
            one.settimeout(0.1)
        ended, began = set(), time.monotonic()
        with client.stream("GET", "/gradio_api/heartbeat/abc", headers={"X-API-Key": KEY}) as beats:
            alive = beats.iter_raw()
            while len(ended) < 2 and time.monotonic() - began < 20:
                for one in set(slow) - ended:
                    try:
                        one.sendall(b"a")  # never silent for long
                        ended |= {one} if one.recv(100) == b"" else set()
                    except TimeoutError:
                        continue
                    except OSError:
                        ended.add(one)
            assert next(alive)  # whoever waits for an answer stays
        assert len(ended) == 2
    finally:
        alone.terminate()
        alone.wait(20)


def test_what_visitors_of_a_killed_server_left_goes_with_the_next(tmp_path: Path) -> None:
    place = tmp_path / "work"
    settings = {"LIPSYNC_WORK_DIR": str(place), "LIPSYNC_API_KEY": KEY}
    headers = {"X-API-Key": KEY}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    killed = PageServer(tmp_path / "first", **settings).__enter__()
    try:
        with httpx.Client(base_url=killed.url, headers=headers, timeout=20, trust_env=False) as client:
            client.post("/gradio_api/upload", files={"files": ("voice.wav", b"a sample of a voice")})
        client = killed.client(headers=headers)
        order = {"recording": None, "voice": "espeak:en-us", "size": 256, "api_name": "/speak"}
        client.submit(text="Hi.", **order).result(60)
        running = client.submit(text="This is said again. " * 50, **order)
        next(iter(running))
    finally:
        killed.process.kill()
        killed.process.wait()
    left = [file.name for file in place.rglob("*")]
    assert {"voice.wav", "lipsync-studio.mp4"} <= set(left)
    assert any(name.startswith("run-") for name in left)
    assert not [file for file in (tmp_path / "first").rglob("*") if file.is_file() and file.name != "log"]
    with PageServer(tmp_path / "second", **settings) as page:
        (own,) = place.iterdir()
        assert {file.name for file in own.rglob("*")}.isdisjoint({"voice.wav", "lipsync-studio.mp4"})
        assert httpx.get(f"{page.url}/readyz", trust_env=False).json()["status"] == "ready"
    assert list(place.iterdir()) == []
