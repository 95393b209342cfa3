"""Clients that start large work and leave: it ends, and until then its place is not given away."""

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

from lipsync_core import LipsyncError, Studio
from lipsync_core.face import load_avatar
from lipsync_core.face.detection import blaze_face
from lipsync_core.models import Life, MelChunks, ModelInfo, make_model, register

from .api_server import BODY, LONG, ApiServer, until
from .test_api_generate import CURL, PHOTO

FRAMES = 25  # of a group that is repeated


def faceless_clip(path: Path, width: int, height: int, seconds: int) -> Path:
    """A plain wall; one second of it is encoded, and its packets are repeated."""
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": str(FRAMES), "bf": "0"}
        stream = container.add_stream("libx264", rate=FRAMES, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FRAMES)
        wall = av.VideoFrame.from_ndarray(np.full((height, width, 3), (200, 30, 30), np.uint8)).reformat(
            format="yuv420p"
        )
        packets = []
        for index in range(FRAMES):
            wall.pts, wall.time_base = index, Fraction(1, FRAMES)
            packets += stream.encode(wall)
        packets += stream.encode()
        group = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for index, (data, key) in enumerate(group * seconds):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, FRAMES)
            packet.pts = packet.dts = index
            packet.is_keyframe = key
            container.mux(packet)
    return path


def begun(server: ApiServer, path: Path) -> http.client.HTTPConnection:
    """A client that has sent a face and waits for it to be prepared."""
    form = httpx.Request("POST", server.url, files={"avatar": (path.name, path.read_bytes())})
    client = http.client.HTTPConnection(server.url.removeprefix("http://"))
    client.request("POST", "/api/avatars", form.read(), {"Content-Type": form.headers["content-type"]})
    return client


def further(searched: int) -> bool:
    """Whether a face is being looked for."""
    return blaze_face.forwards > searched


def test_huge_clips_that_are_left_do_not_stop_the_server(
    studio: Studio, limits: Callable[..., None], tmp_path: Path
) -> None:
    limits(cache_dir=tmp_path / "cache")
    clips = [faceless_clip(tmp_path / f"{number}.mp4", 4096, 2304, 20 + number) for number in range(8)]
    with ApiServer(studio) as server, server.client() as other:
        for clip in clips:
            searched = blaze_face.forwards
            client = begun(server, clip)
            assert until(partial(further, searched), 10)
            client.close()
            assert until(lambda: not server.service.jobs.running, 3)
        answer = other.post("/api/avatars", files={"avatar": PHOTO.read_bytes()}, data={"size": "128"}, timeout=5)
        assert answer.status_code == 201
        assert until(lambda: server.is_idle() and not list(tmp_path.glob("cache/avatars/.new-*")), 2)


def animation(path: Path, frames: int) -> Path:
    pictures = [Image.fromarray(np.full((90, 160, 3), (200, 30, value), np.uint8)) for value in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    return path


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp", "png"])
def test_each_frame_asks_whether_it_is_still_wanted(tmp_path: Path, kind: str) -> None:
    """Also as long as no face was found."""
    path = tmp_path / f"wall.{kind}"
    made = faceless_clip(path, 160, 90, 2) if kind == "mp4" else animation(path, 2 * FRAMES)
    looks = 0

    def look(part: float) -> None:
        nonlocal looks
        looks += 1

    with pytest.raises(LipsyncError, match="No face was found"):
        load_avatar(made, progress=look, cache=False)
    assert looks >= (1 if kind == "mp4" else 2) * 2 * FRAMES  # an animated picture is decoded twice

    class Unwanted(Exception):
        pass

    def leave(part: float) -> None:
        raise Unwanted

    with pytest.raises(Unwanted):
        load_avatar(made, progress=leave, cache=False)


STOPPED = threading.Event()


@register(ModelInfo("cannot be stopped", "Apache-2.0", commercial_use=True))
class Unstoppable:
    """A rig that takes its time to prepare a face, whoever has left meanwhile."""

    def __init__(self) -> None:
        self._rig = make_model("rig")
        self.columns = self._rig.columns

    def prepare(self, avatar: Any) -> Any:
        STOPPED.wait(20)
        return self._rig.prepare(avatar)

    def largest_batch(self, state: Any) -> int:
        return 960

    def render(self, state: Any, mel: MelChunks, frames: np.ndarray, fps: float, life: Life) -> Iterator[np.ndarray]:
        return self._rig.render(state, mel, frames, fps, life)


def test_a_place_is_kept_until_the_work_of_a_client_that_left_has_ended(
    limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lipsync_core.jobs import executors

    limits(max_sessions=1)
    monkeypatch.setattr(executors, "STUCK_SECONDS", 0.2)
    STOPPED.clear()
    with ApiServer(Studio()) as server, server.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"
        order = {"text": "Hi.", "model": "cannot be stopped", **BODY}
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/generate", json=order, timeout=1)
        busy = client.get("/readyz")
        assert (busy.status_code, busy.json()["running"]) == (503, 1)
        assert until(lambda: client.get("/readyz").json()["status"] == "stuck", 3)
        assert client.get("/healthz").status_code == 200
        STOPPED.set()
        assert until(lambda: client.get("/readyz").status_code == 200, 3)
        assert until(server.is_idle, 1)


def writing() -> int:
    """How many files are written at the moment."""
    return sum(thread.name == "mp4" for thread in threading.enumerate())


def test_however_many_files_are_made_those_who_leave_end_theirs(studio: Studio, limits: Callable[..., None]) -> None:
    """And a limit of time ends those who stay: no render keeps another from the threads that end it."""
    limits(max_sessions=10, max_session_seconds=4)
    order = ["-F", f"text={LONG * 5}", "-F", "size=512", "-F", "voice=espeak:en-us"]
    with ApiServer(studio) as server, server.client() as client:
        command = [CURL, "-sS", "-o", "/dev/null", *order, f"{server.url}/api/generate"]
        leaving = [subprocess.Popen(command) for _ in range(9)]
        try:
            assert until(lambda: server.service.jobs.running == 9 and writing() >= 6, 20)
            for process in leaving[1:]:
                process.kill()
            assert until(lambda: server.service.jobs.running == 1, 2)
            cut = client.post("/api/generate", json={"text": LONG * 5, "size": 512, "voice": "espeak:en-us"})
            assert "longer than the 4 seconds" in cut.json()["detail"]
        finally:
            for process in leaving:
                process.kill()
                process.wait()
        assert until(server.is_idle, 3)
