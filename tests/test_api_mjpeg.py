"""/api/stream_mjpeg and the sound that belongs to it."""

import asyncio
import email.policy
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import simplejpeg

from lipsync_core.sinks.mjpeg import LatestPictures, Picture

from .api_server import BODY, LONG, ApiServer, until

TEXT = "Hello, my friend, how are you today?"


def parts(response: httpx.Response) -> Iterator[tuple[dict[str, str], bytes, float]]:
    """Headers, picture and time of arrival of each part; a part counts when the boundary after it is there."""
    data = b""
    for chunk in response.iter_raw():
        data += chunk
        while data.count(b"--frame") >= 2:
            _, part, rest = data.split(b"--frame", 2)
            data = b"--frame" + rest
            head, jpeg = part.lstrip(b"\r\n").split(b"\r\n\r\n", 1)
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            yield headers, jpeg[: int(headers["Content-Length"])], time.monotonic()


def test_pictures_come_when_they_are_due(server: ApiServer) -> None:
    with server.client() as client, client.stream("POST", "/api/stream_mjpeg", json={"text": TEXT, **BODY}) as response:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"].startswith("multipart/x-mixed-replace")
        assert len(response.headers["x-session-id"]) > 16
        got = list(parts(response))
    indices = [int(headers["X-Frame-Index"]) for headers, _, _ in got]
    assert indices == list(range(len(got)))
    images = np.stack([simplejpeg.decode_jpeg(jpeg) for _, jpeg, _ in got]).astype(np.float32)
    assert images.shape[1:] == (256, 256, 3)
    change = images.std(axis=0).mean(axis=2)
    assert change[128:192, 85:170].mean() > 2 * change[:40].mean()  # the mouth moves, the backdrop does not
    late = [when - got[0][2] - float(headers["X-Frame-Time"]) for headers, _, when in got]
    assert np.median(np.abs(late)) < 0.03
    assert until(server.is_idle, 1)


def test_without_pace_all_come_at_once(server: ApiServer) -> None:
    address = {"text": TEXT, **BODY, "pace": "false", "quality": "50", "queue_frames": "5"}
    start = time.monotonic()
    with server.client() as client, client.stream("GET", "/api/stream_mjpeg", params=address) as response:
        got = list(parts(response))
    assert [int(headers["X-Frame-Index"]) for headers, _, _ in got] == list(range(len(got)))
    assert time.monotonic() - start < len(got) / 25


def test_sound_and_pictures_keep_step(server: ApiServer) -> None:
    name = "a-name-of-mine"
    params = {"text": TEXT, **BODY, "session": name}
    with server.client() as client, client.stream("GET", "/api/stream_mjpeg", params=params) as response:
        assert response.headers["x-session-id"] == name
        pictures = parts(response)
        for _ in range(10):
            headers, _, _ = next(pictures)
        with server.client() as other:
            facts = other.get(f"/api/sessions/{name}").json()
            assert (facts["state"], facts["kind"]) == ("running", "mjpeg")
            assert client.get("/api/stream_mjpeg", params=params).status_code == 422  # the name is taken
            with other.stream("GET", f"/api/sessions/{name}/audio") as sound:
                begin = float(sound.headers["x-start-time"])
                assert -0.1 < begin - float(headers["X-Frame-Time"]) < 0.8  # where the pictures are by now
            with other.stream("GET", f"/api/sessions/{name}/audio", params={"start": 0}) as sound:
                wav = b"".join(sound.iter_bytes())
        *_, (headers, _, _) = pictures
        count = int(headers["X-Frame-Index"]) + 1
    samples = np.frombuffer(wav[44:], "<i2")
    assert wav[:4] == b"RIFF"
    assert len(samples) == count * 48000 // 25  # as long as the pictures
    assert np.abs(samples).max() > 3000
    with server.client() as client:
        assert client.get(f"/api/sessions/{name}").status_code == 404
    assert until(server.is_idle, 1)


def test_who_leaves_frees_the_session(server: ApiServer) -> None:
    with server.client() as client, client.stream("POST", "/api/stream_mjpeg", json={"text": LONG, **BODY}) as response:
        pictures = parts(response)  # kept, because dropping it would end the stream
        next(pictures)
        assert len(server.service.sessions) == 1
    assert until(server.is_idle, 1)


def test_a_session_can_be_ended(server: ApiServer) -> None:
    with server.client() as client, client.stream("POST", "/api/stream_mjpeg", json={"text": LONG, **BODY}) as response:
        pictures = parts(response)
        next(pictures)
        with server.client() as other:
            assert other.delete(f"/api/sessions/{response.headers['x-session-id']}").status_code == 204
        assert sum(1 for _ in pictures) < 60
    assert until(server.is_idle, 1)


def test_a_slow_client_gets_the_latest_picture() -> None:
    async def sent(between: range) -> list[int]:
        """Which pictures of two seconds a client gets that takes none while some of them become due."""
        latest, got = LatestPictures(), []
        for index in range(50):
            latest.put(Picture(index, index / 25, b""))
            while index not in between and latest.waiting:
                got.append(await latest.take())
        latest.end()
        assert await latest.take() is None
        assert latest.skipped == 50 - len(got)
        return [picture.index for picture in got if picture]

    assert asyncio.run(sent(range(10, 12))) == list(range(50))  # a hiccup
    got = asyncio.run(sent(range(10, 30)))
    assert 30 - got[10] <= 3  # no older than a hiccup
    assert got == [*range(10), *range(got[10], 50)]


def test_a_client_that_stands_still_costs_no_memory(server: ApiServer) -> None:
    body = {"text": LONG, "voice": "espeak:en-us", "size": 720, "quality": 100}
    with server.client() as client, client.stream("POST", "/api/stream_mjpeg", json=body) as response:
        name = response.headers["x-session-id"]
        # Nothing is read: once the buffers of the sockets are full, pictures are skipped rather than kept.
        with server.client() as other:
            assert until(lambda: other.get("/metrics").status_code == 200, 1)
            session = server.service.sessions.get(name)
            assert session is not None
            assert until(lambda: session.sound.now > 4, 8)
            sent = session.facts["sent"]
        assert sent < 4 * 25
    assert until(server.is_idle, 1)


@pytest.mark.parametrize("pace", [True, False])
def test_a_strict_reader_finds_the_end(server: ApiServer, pace: bool) -> None:
    with server.client() as client:
        answer = client.post("/api/stream_mjpeg", json={"text": "Hello.", **BODY, "pace": pace})
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.default)
    found = list(message.iter_parts())
    assert [int(part["X-Frame-Index"]) for part in found] == list(range(len(found)))
    assert len(found) > 10
    assert not message.defects  # such as an end that never came
    assert all(simplejpeg.is_jpeg(part.get_content()) for part in found)
