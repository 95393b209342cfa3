"""The page as its visitors use it: `python app.py` in a process of its own, and clients that press the button."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import av
import cv2
import numpy as np
import pytest
from gradio_client import Client

import app
from lipsync_core.sinks.live_clock import LATE, LiveClock

ROOT = Path(__file__).resolve().parents[1]
VOICE = "espeak:en-us"
LONG = "This sentence is said again and again. " * 50


class Page:
    """A running page; `temporary` is where it puts its files."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.temporary = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "GRADIO_SERVER_PORT": str(port),
            "TMPDIR": str(folder),
            "GRADIO_TEMP_DIR": str(folder / "gradio"),
        }
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                env={**os.environ, **environment, **variables},
                stdout=log,
                stderr=log,
            )

    def client(self) -> Client:
        return Client(self.url, download_files=False, verbose=False)

    def wait(self) -> None:
        for _ in range(300):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urlopen(self.url, timeout=5):  # noqa: S310 - a server of this test's own
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    def takes(self) -> list[Path]:
        """The folders of takes that are running."""
        return list(self.temporary.glob("lipsync-page-*"))

    def until_no_take(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.takes() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.takes()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    running = Page(tmp_path_factory.mktemp("page"))
    try:
        running.wait()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(10)


def seconds_of(path: str) -> float:
    with av.open(path) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        return sum(1 for _ in container.decode(video=0)) / 25


@pytest.mark.slow
def test_a_visitor_sees_frames_and_gets_the_video(page: Page) -> None:
    job = page.client().submit("Hello, world. How are you?", "", VOICE, api_name="/speak")
    _, video = job.result(60)
    urls = [shown["url"] for shown, _ in job.outputs()[:-1] if isinstance(shown, dict) and "url" in shown]
    assert len(urls) > 3
    jpeg = np.frombuffer(base64.b64decode(urls[0].removeprefix("data:image/jpeg;base64,")), np.uint8)
    assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (720, 720, 3)
    path = video.get("video", video)["path"]
    assert 1.5 < seconds_of(path) < 5
    assert page.until_no_take(1)
    kept = {file.suffix for file in page.temporary.rglob("*") if file.is_file() and file != page.log}
    assert kept == {".jpg", ".mp4"}  # the gallery and the video: no file for a frame
    assert sum(1 for _ in page.temporary.rglob("*.jpg")) == len(app.default_avatars())


@pytest.mark.slow
def test_visitors_at_once_each_get_their_own(page: Page) -> None:
    texts = ["One.", "One, two, three, four, five, six.", "Раз, два, три."]
    jobs = [page.client().submit(text, "", "", api_name="/speak") for text in texts]
    videos = [job.result(90)[1] for job in jobs]
    lengths = [seconds_of(video.get("video", video)["path"]) for video in videos]
    assert lengths[0] < lengths[1]
    assert len(set(lengths)) == 3


def test_an_error_is_told_in_its_sentence(page: Page) -> None:
    with pytest.raises(Exception, match="has nothing to speak; give at least one letter"):
        page.client().predict("  ", "", "", api_name="/speak")
    with pytest.raises(Exception, match="speaks Russian, not German"):
        page.client().predict("Hallo.", "de", "espeak:ru", api_name="/speak")
    assert "Traceback" not in page.log.read_text()


@pytest.mark.slow
def test_a_visitor_who_stops_or_leaves_ends_the_take(page: Page) -> None:
    client = page.client()
    job = client.submit(LONG, "", VOICE, api_name="/speak")
    while len(job.outputs()) < 3:
        time.sleep(0.05)
    assert len(page.takes()) == 1
    job.cancel()
    assert page.until_no_take(5)


def test_a_generator_that_is_closed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = set(threading.enumerate())
    running = app.speak(LONG, "", VOICE, "mei", SimpleNamespace(client=None), lambda *_, **__: None)
    image, video = next(running)
    assert (image.shape, video) == ((720, 720, 3), None)
    assert len(list(tmp_path.iterdir())) == 1
    start = time.monotonic()
    running.close()
    assert time.monotonic() - start < 1
    assert list(tmp_path.iterdir()) == []
    assert set(threading.enumerate()) <= before


def test_voices_follow_the_language() -> None:
    ids = [value for _, value in app.voices_of("ru").choices]
    assert ids[:2] == ["", "espeak:ru"]
    assert all("ru" in value for value in ids[1:])
    assert len(app.voices_of("").choices) > 100


def test_live_frames_keep_the_time() -> None:
    clock, start = LiveClock(), time.monotonic()
    assert all(clock.wait(k * 0.04) for k in range(6))
    assert time.monotonic() - start == pytest.approx(0.2, abs=0.1)
    assert clock.skipped == 0


def test_late_frames_are_skipped_but_never_all() -> None:
    clock = LiveClock()
    assert clock.wait(0)
    time.sleep(0.04 + 2 * LATE)
    assert not clock.wait(0.04)  # late
    assert clock.wait(0.04 + 3 * LATE)  # in time again
    shown = 0
    for k in range(40):  # made at half the speed
        time.sleep(0.04)
        shown += clock.wait(1 + k * 0.02)
    assert 1 <= shown < 40
    assert clock.skipped == 41 - shown


def test_the_api_is_served_on_the_same_port(page: Page) -> None:
    with urlopen(f"{page.url}/healthz", timeout=20) as answer:  # noqa: S310
        assert answer.status == 200
    with urlopen(f"{page.url}/mjpeg_test", timeout=20) as answer:  # noqa: S310
        assert b"<html" in answer.read().lower()
    wanted = Request(  # noqa: S310
        f"{page.url}/api/generate",
        json.dumps({"text": "Hi!", "voice": VOICE, "avatar": "mei", "size": 128}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(wanted, timeout=60) as answer, av.open(io.BytesIO(answer.read())) as video:  # noqa: S310
        assert (video.streams.video[0].width, video.streams.video[0].height) == (128, 128)
        assert len(list(video.decode(video=0))) > 5


def test_page_and_api_share_one_limit(tmp_path: Path) -> None:
    running = Page(tmp_path, LIPSYNC_MAX_SESSIONS="1", LIPSYNC_MAX_WAITING="0")
    try:
        running.wait()
        job = running.client().submit(LONG, "", VOICE, api_name="/speak")
        next(iter(job))
        wanted = Request(  # noqa: S310
            f"{running.url}/api/generate", b'{"text": "Hi!"}', {"Content-Type": "application/json"}
        )
        with pytest.raises(HTTPError) as refused:
            urlopen(wanted, timeout=60)  # noqa: S310
        assert refused.value.code == 429
        assert int(refused.value.headers["Retry-After"]) >= 1
        job.cancel()
    finally:
        running.process.terminate()
        running.process.wait(10)
