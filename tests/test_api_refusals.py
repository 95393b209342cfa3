"""What the API refuses, and that each refusal is one sentence of a problem, not a defect."""

import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import numpy as np
import pytest

from lipsync_core import Studio
from lipsync_core.models import base as models
from lipsync_core.models.rig.model import RigModel
from lipsync_core.server import middleware as security

from .api_server import BODY, LONG, ApiServer, until
from .test_api_generate import EVENTS, events_of, recording


def detail(response: httpx.Response, status: int) -> str:
    """What is wrong, in words."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert "Traceback" not in response.text
    assert told["detail"].endswith(".")
    return str(told["detail"])


@pytest.fixture
def client(server: ApiServer) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened
    assert until(server.is_idle, 1)


def test_a_wrong_address_or_method(client: httpx.Client) -> None:
    assert "There is no GET /api/nothing" in detail(client.get("/api/nothing"), 404)
    assert "no GET /api/files/../../etc/passwd.mp4" in detail(client.get("/api/files/..%2f..%2fetc%2fpasswd.mp4"), 404)
    detail(client.get("/docs/..%2fapi.py"), 404)
    refused = client.put("/api/stream_mjpeg")
    assert "use GET, POST" in detail(refused, 405)
    assert refused.headers["allow"] == "GET, POST"
    assert "use POST" in detail(client.get("/api/checkpoints/a/b"), 405)
    assert client.head("/api/generate").status_code == 405
    assert client.head("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"text": "\\ud800"}', 422, "surrogate"),
        (b'{"voice": "\\udfff", "text": "Hi."}', 422, "unicode"),
        (b'{"text": "\xff"}', 400, "not valid JSON"),
        (b"[" * 100_000, 400, "not valid JSON"),
        (b"[1]", 400, "must be a JSON object"),
        (b'{"text": "Hi.", "speed": NaN}', 422, "speed"),
        (b'{"text": "Hi.", "face": [NaN, 0.5]}', 422, "face"),
        (b'{"text": "Hi.", "face": NaN}', 422, "nan is no face; send a number such as 0 or a point such as 320,240."),
        (b'{"text": "Hi.", "face": [1, 2, 3]}', 422, "[1, 2, 3] is no face; send"),
        (b'{"text": "Hi.", "face": [1%s, 1]}' % (b"0" * 30), 422, "lies outside"),
        (b'{"text": "Hi.", "face": [1%s, 1]}' % (b"0" * 400), 422, "face"),
        (b'{"text": "Hi.", "seed": 1e400}', 422, "seed"),
        (b'{"text": "Hi.", "queue_frames": 301}', 422, "queue_frames"),
        (json.dumps({f"field {number}": 1 for number in range(100_000)}).encode(), 422, "and 99995 more"),
        (b'{"text": "' + b"a " * 2_000_000 + b'"}', 413, "shorter text"),
    ],
)
def test_odd_json(client: httpx.Client, body: bytes, status: int, said: str) -> None:
    json_type = {"Content-Type": "application/json"}
    for path in ("/api/generate", "/api/stream_mjpeg"):
        told = detail(client.post(path, content=body, headers=json_type), status)
        assert said in told
        assert len(told) < 1000


def test_odd_bodies(client: httpx.Client) -> None:
    def post(body: bytes, kind: str) -> httpx.Response:
        return client.post("/api/generate", content=body, headers={"Content-Type": kind})

    assert "text/plain is not read" in detail(post(b"Hi.", "text/plain"), 415)
    assert "text/plain is not read" in detail(post(b'{"text": "Hi."}', "text/plain; x=json"), 415)
    assert "speed" in detail(post(b'{"text": "Hi.", "speed": 9}', "application/problem+json; charset=utf-8"), 422)
    detail(post(b"x", "multipart/form-data"), 400)
    detail(post(b"x", "multipart/form-data; boundary=b"), 400)
    for path in ("/api/realtime/offer", "/api/key"):
        broken = client.post(path, content=b"{", headers={"Content-Type": "application/json"})
        assert "not valid JSON" in detail(broken, 400)
        assert "JSON object" in detail(client.post(path, json=[]), 400)
        large = client.post(path, json={"sdp": "x" * 3_000_000, "key": "x"})
        assert "bytes" in detail(large, 413)
    half = b'{"key": "\\ud800"}'
    detail(client.post("/api/key", content=half, headers={"Content-Type": "application/json"}), 422)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "[::1"}, 421),
        ({"Host": "[no address]:1"}, 421),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "http://[::1"}, 403),
    ],
)
def test_headers_that_hold_no_address(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    detail(client.get("/api/checkpoints", headers=headers), status)


def test_pictures_that_would_fill_the_memory(client: httpx.Client) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    refused = client.post("/api/generate", files={"avatar": ("a.png", bomb)}, data=BODY | {"text": "Hi."})
    assert "million pixels" in detail(refused, 422)


def test_playlists_open_no_files(client: httpx.Client) -> None:
    for name, content in (
        ("a.m3u8", b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n"),
        ("a.txt", b"ffconcat version 1.0\n"),
    ):
        for kind in ("audio", "avatar"):
            fields = {"text": "Hi."} if kind == "avatar" else {}
            detail(client.post("/api/generate", files={kind: (name, content)}, data=fields), 422)


def test_a_recording_that_hides_its_length(client: httpx.Client, limits: Callable[..., None]) -> None:
    limits(max_upload_seconds=1)
    wav = recording()
    endless = wav[:4] + b"\xff" * 4 + wav[8:40] + b"\xff" * 4 + wav[44:] * 3  # as a stream of unknown length
    refused = client.post("/api/generate", files={"audio": ("a.wav", endless)}, data={"size": "128"})
    assert "second" in detail(refused, 422)


def test_a_body_that_does_not_come(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "STALLED_SECONDS", 0.3)
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as opened:
        opened.sendall(b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        opened.sendall(b"Content-Length: 100\r\n\r\n{")
        answer = b""
        while chunk := opened.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


def test_a_body_that_trickles(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "STALLED_SECONDS", 0.5)
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as opened:
        opened.sendall(b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        opened.sendall(b"Content-Length: 100000\r\n\r\n")
        opened.settimeout(0.1)
        answer, began = b"", time.monotonic()
        while not answer and time.monotonic() - began < 5:
            opened.sendall(b" ")  # never silent for long
            with suppress(TimeoutError):
                answer = opened.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")


def wav(channels: int = 1, bits: int = 16, kind: int = 1) -> bytes:
    block = channels * bits // 8 & 0xFFFF
    head = (16, kind, channels, 48000, 48000 * block & 0xFFFFFFFF, block, bits)
    data = bytes(200_000)
    return (
        struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", *head, b"data", len(data)) + data
    )


@pytest.mark.parametrize("path", ["/api/generate", "/api/generate?stream=true", "/api/stream_mjpeg"])
@pytest.mark.parametrize(
    "sent",
    [wav(30_000), wav(0), wav(bits=0), wav(kind=17), wav()[:44], b"RIFF"],
    ids=["channels", "no-channel", "no-bits", "no-codec", "no-sample", "no-sound"],
)
def test_recordings_that_cannot_be_decoded(client: httpx.Client, path: str, sent: bytes) -> None:
    """Also where the answer is a stream: before it begins."""
    assert "a.wav" in detail(client.post(path, files={"audio": ("a.wav", sent)}, data={"size": "128"}), 422)


def test_a_part_of_a_file(client: httpx.Client) -> None:
    told = events_of(client.post("/api/generate", json={"text": "Hi.", **BODY}, headers=EVENTS))
    url, size = told[-1][1]["url"], told[-1][1]["bytes"]
    head = client.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert client.get(url, headers={"Range": f"bytes={size - 9}-"}).headers["content-length"] == "9"
    for wrong in (f"bytes={size}-", "bytes=5-2", "lines=1-2"):
        refused = client.get(url, headers={"Range": wrong})
        assert "range" in detail(refused, 416)
        assert refused.headers["content-range"] == f"bytes */{size}"
    client.delete(url)


def test_a_session_that_is_ended_while_it_waits(studio: Studio, limits: Callable[..., None]) -> None:
    import threading

    limits(max_sessions=1)
    with ApiServer(studio) as server, server.client() as client:
        answers: list[httpx.Response] = []

        def wait() -> None:
            with server.client() as other:
                order = {"text": "Hi.", "session": "that-waits", **BODY}
                answers.append(other.post("/api/stream_mjpeg", json=order))

        with client.stream("POST", "/api/stream_mjpeg", json={"text": LONG, **BODY}) as first:
            pictures = first.iter_bytes()  # kept, because dropping it would end the stream
            next(pictures)
            thread = threading.Thread(target=wait)
            thread.start()
            with server.client() as third:
                assert until(lambda: third.get("/api/sessions/that-waits").status_code == 200, 5)
                told = third.get("/api/sessions/that-waits").json()
                assert (told["state"], told["position"]) == ("waiting", 1)
                assert third.delete("/api/sessions/that-waits").status_code == 204
            thread.join(5)
        assert "ended before it began" in detail(answers[0], 410)
        assert until(server.is_idle, 1)


def test_what_is_asked_for_reaches_the_model(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Counting(RigModel):
        def render(self, state: Any, mel: Any, *more: Any) -> Iterator[np.ndarray]:
            sizes.append(len(mel.values))
            return super().render(state, mel, *more)

    monkeypatch.setitem(models._MODELS, "counting", (models.model_info("rig"), Counting))
    order = {"text": "Hello, my friend, how are you today?", "model": "counting", **BODY}

    def asked(path: str, **fields: object) -> list[int]:
        sizes.clear()
        assert client.post(path, json=order | fields).status_code == 200
        return list(sizes)

    assert asked("/api/stream_mjpeg", pace=False)[:4] == [1, 2, 4, 8]
    assert set(asked("/api/stream_mjpeg", pace=False, batch_size=7)[:3]) == {7}
    assert set(asked("/api/generate?stream=true", batch_size=5)[:3]) == {5}
    assert asked("/api/generate")[0] > 20
    assert asked("/api/generate", low_latency=True)[:3] == [1, 2, 4]
    coarse, fine = (
        len(client.post("/api/stream_mjpeg", json=order | {"pace": False, "quality": quality}).content)
        for quality in (30, 95)
    )
    assert coarse < 0.6 * fine
    json.loads(client.get("/openapi.json").text)


def test_a_short_queue_holds_the_frames_back(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    class Counting(RigModel):
        def render(self, state: Any, mel: Any, *more: Any) -> Iterator[np.ndarray]:
            drawn.append(len(mel.values))
            return super().render(state, mel, *more)

    monkeypatch.setitem(models._MODELS, "counting frames", (models.model_info("rig"), Counting))
    order = {"text": LONG, "model": "counting frames", "queue_frames": 3, "batch_size": 1, **BODY}
    with client.stream("POST", "/api/stream_mjpeg", json=order) as response:
        sent = 0
        for chunk in response.iter_raw():
            sent += chunk.count(b"X-Frame-Index")
            if sent >= 25:
                break
        assert 25 <= sent <= sum(drawn) < sent + 15  # one queue in the core, one before the client
