"""POST /api/generate, as programs use it."""

import gc
import http.client
import io
import json
import shutil
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest

from lipsync_core import Take

from .api_server import BODY, LONG, ApiServer, until

CURL = shutil.which("curl") or pytest.skip("needs curl", allow_module_level=True)
PHOTO = Path(__file__).parents[1] / "assets" / "avatars" / "mei.jpg"
EVENTS = {"Accept": "text/event-stream"}


def decode(video: bytes) -> tuple[list[np.ndarray], np.ndarray]:
    """Frames as RGB, and the sound."""
    with av.open(io.BytesIO(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(io.BytesIO(video)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return frames, sound


def check_talks(video: bytes) -> list[np.ndarray]:
    frames, sound = decode(video)
    stack = np.stack(frames).astype(np.float32)
    height, width = stack.shape[1:3]
    change = stack.std(axis=0).mean(axis=2)
    mouth = change[height // 2 : height * 3 // 4, width // 3 : width * 2 // 3].mean()
    assert mouth > 2 * change[: height // 6].mean()  # the mouth moves, and more than the backdrop
    assert np.abs(sound).max() > 0.1
    return frames


def recording() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 16000, 0, "NONE", ""))
        t = np.arange(16000) / 16000
        wav.writeframes((12000 * np.sin(700 * t) * (np.sin(20 * t) > 0)).astype("<i2").tobytes())
    return file.getvalue()


def events_of(response: httpx.Response) -> list[tuple[str, dict]]:
    found = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_text_becomes_a_video(server: ApiServer) -> None:
    with server.client() as client:
        response = client.post("/api/generate", json={"text": "Hello, my friend, how are you?", **BODY})
    assert response.status_code == 200
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["cache-control"] == "no-store"
    frames = check_talks(response.content)
    assert frames[0].shape == (256, 256, 3)
    assert until(server.is_idle, 1)


def test_a_recording_and_a_photo_in_a_form(server: ApiServer) -> None:
    files = {"audio": ("../../etc/x.wav", recording()), "avatar": ("me.jpg", PHOTO.read_bytes())}
    with server.client() as client:
        response = client.post("/api/generate", files=files, data={"size": "256", "face": "0", "idle": "false"})
    assert response.status_code == 200, response.text
    assert len(decode(response.content)[0]) == 25
    assert until(server.is_idle, 1)


def test_curl_gets_the_fragmented_video_while_it_is_made(server: ApiServer, tmp_path: Path) -> None:
    target = tmp_path / "talk.mp4"
    form = [f"-F{name}={value}" for name, value in {"text": "Hello, my friend, how are you?", **BODY}.items()]
    subprocess.run(
        [CURL, "-sS", "--fail", "-o", str(target), *form, f"{server.url}/api/generate?stream=true"], check=True
    )
    content = target.read_bytes()
    assert b"moof" in content
    check_talks(content)
    assert until(server.is_idle, 1)


def test_the_fragmented_video_begins_before_it_is_complete(server: ApiServer) -> None:
    body = {"text": LONG, **BODY}
    with server.client() as client, client.stream("POST", "/api/generate?stream=true", json=body) as response:
        chunks = response.iter_bytes()
        first = next(chunks)
        assert first[4:8] == b"ftyp"
        assert not server.is_idle()
    assert until(server.is_idle, 1)


def test_events_lead_to_the_file(server: ApiServer) -> None:
    with server.client() as client:
        body = {"text": "Hello there, my friend. " * 4, **BODY}
        response = client.post("/api/generate", json=body, headers=EVENTS)
        events = events_of(response)
        names = [name for name, _ in events]
        assert names[0] == "started"
        assert names[-1] == "finished"
        assert events[-1][1]["part"] == 1
        url = events[-1][1]["url"]
        check_talks(client.get(url).content)
        assert client.get(url, headers={"Range": "bytes=0-99"}).status_code == 206
        assert client.delete(url).status_code == 204
        assert client.get(url).status_code == 404
    assert until(server.is_idle, 1)


def test_a_client_that_leaves_frees_its_job(server: ApiServer) -> None:
    server.service.studio.warm_up(voice="espeak:en-us", size=512)  # which cannot be interrupted
    for path in ("/api/generate", "/api/generate?stream=true"):
        process = subprocess.Popen(
            [CURL, "-sS", "-o", "/dev/null", "-F", f"text={LONG}", "-F", "size=512", f"{server.url}{path}"]
        )
        assert until(lambda: server.service.jobs.running, 5)
        process.kill()
        process.wait()
        assert until(server.is_idle, 3)  # a face that is prepared at this moment for the model is waited for


def takes() -> set[int]:
    """All that something still holds."""
    return {id(one) for one in gc.get_objects() if type(one) is Take}


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
@pytest.mark.parametrize("path", ["/api/avatars", "/api/generate"])
def test_a_client_that_leaves_ends_the_look_at_its_picture(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path, path: str, accept: str
) -> None:
    limits(cache_dir=tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    wall = cv2.imencode(".png", np.tile(noise, (100, 100, 1)), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    form = httpx.Request("POST", server.url, files={"avatar": wall}, data={"text": "Hi."} if "gen" in path else {})
    client = http.client.HTTPConnection(server.url.removeprefix("http://"))
    client.request("POST", path, form.read(), {"Content-Type": form.headers["content-type"], "Accept": accept})
    assert until(lambda: list(tmp_path.glob("avatars/.new-*")), 20)
    client.close()
    assert until(lambda: server.is_idle() and not list(tmp_path.glob("avatars/.new-*")), 1)


@pytest.mark.parametrize("events", [False, True])
@pytest.mark.parametrize("path", ["/api/generate", "/api/generate?stream=true", "/api/stream_mjpeg"])
def test_a_client_that_leaves_takes_its_frames_along(server: ApiServer, path: str, events: bool) -> None:
    """Its face's file would stay open as long as its take is held by an error that nobody reads."""
    gc.collect()
    others = takes()  # of other tests
    gc.disable()
    try:
        for seconds in (0.01, 0.05, 0.3):  # while the take is opened, its first frame is made, and later
            sent = [CURL, "-s", "-o", "/dev/null", "--max-time", str(seconds), "-F", f"text={LONG}", "-F", "size=256"]
            accept = EVENTS["Accept"] if events else "*/*"
            subprocess.run([*sent, "-H", f"Accept: {accept}", f"{server.url}{path}"], check=False)
            assert until(server.is_idle, 2)
        assert until(lambda: takes() <= others, 1)
    finally:
        gc.enable()


def test_a_full_house_says_when_to_come_back(studio, limits) -> None:  # type: ignore[no-untyped-def]
    limits(max_sessions=1, max_waiting=1)
    with ApiServer(studio) as server, server.client() as client:
        told: list[tuple[str, dict]] = []

        def wait_in_line() -> None:
            with server.client() as other:
                told.extend(events_of(other.post("/api/generate", json={"text": "Hi.", **BODY}, headers=EVENTS)))

        with client.stream("POST", "/api/stream_mjpeg", json={"text": LONG, **BODY}) as first:
            pictures = first.iter_bytes()  # kept, because dropping it would end the stream
            next(pictures)
            thread = threading.Thread(target=wait_in_line)
            thread.start()
            assert until(lambda: server.service.jobs.waiting == 1, 5)
            refused = client.post("/api/generate", json={"text": "Hi.", **BODY})
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.json()["status"] == 429
        thread.join(20)
        assert told[0] == ("queued", {"position": 1})
        assert told[-1][0] == "finished"
        assert "lipsync_jobs_refused_total 1.0" in client.get("/metrics").text


def test_a_job_may_not_last_for_ever(studio, limits) -> None:  # type: ignore[no-untyped-def]
    limits(max_session_seconds=1)
    with ApiServer(studio) as server, server.client() as client:
        start = time.monotonic()
        response = client.post("/api/generate", json={"text": LONG * 5, "voice": "espeak:en-us", "size": 720})
        assert response.status_code == 422
        assert "longer than the 1 seconds" in response.json()["detail"]
        assert time.monotonic() - start < 6  # the whole of it takes minutes
        assert until(server.is_idle, 1)


@pytest.mark.parametrize("kind", ["generate", "stream_mjpeg"])
def test_errors_in_what_was_sent(server: ApiServer, kind: str) -> None:
    wrong = {
        "nothing to speak": {"text": "   "},
        "Either a text or a recording": {},
        "There is no voice": {"text": "Hi.", "voice": "nobody"},
        "There is no avatar": {"text": "Hi.", "avatar": "/etc/passwd"},
        "There is no avatar '../": {"text": "Hi.", "avatar": "../avatars/mei.jpg"},
        "There is no model": {"text": "Hi.", "model": "magic"},
        "No voice speaks": {"text": "Hi.", "language": "klingonese"},
        "batch_size": {"text": "Hi.", "batch_size": 5000},
        "bogus": {"text": "Hi.", "bogus": 1},
        "too large here": {"text": "Hi.", "size": 2000},
    }
    with server.client() as client:
        for part, body in wrong.items():
            response = client.post(f"/api/{kind}", json=body)
            assert response.status_code == 422, part
            assert response.headers["content-type"] == "application/problem+json"
            answer = response.json()
            assert part in answer["detail"]
            assert answer["status"] == 422
            assert "Traceback" not in response.text
        assert (
            client.post(f"/api/{kind}", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
        )
    assert until(server.is_idle, 1)


def test_uploads_are_measured_before_they_are_decoded(server: ApiServer, limits) -> None:  # type: ignore[no-untyped-def]
    with server.client() as client:
        limits(max_upload_seconds=1, max_upload_pixels=1000, max_upload_bytes="2M")
        long = recording()[:44] + recording()[44:] * 2
        answer = client.post("/api/generate", files={"audio": ("a.wav", fixed_length(long))})
        assert answer.status_code == 422
        assert "seconds long" in answer.json()["detail"]
        answer = client.post("/api/generate", files={"avatar": PHOTO.read_bytes()}, data={"text": "Hi."})
        assert "million pixels" in answer.json()["detail"]
        answer = client.post("/api/generate", files={"audio": b"x" * 6_000_000})
        assert answer.status_code == 413
        answer = client.post("/api/generate", files={"audio": b"not a sound"})
        assert answer.status_code == 422
        assert "no sound" in answer.json()["detail"]
    assert until(server.is_idle, 1)


def fixed_length(wav: bytes) -> bytes:
    size = len(wav)
    return wav[:4] + (size - 8).to_bytes(4, "little") + wav[8:40] + (size - 44).to_bytes(4, "little") + wav[44:]
