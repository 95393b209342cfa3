"""Sound in, events and frames out, over a WebSocket: a real server, and a client that decodes what comes."""

import asyncio
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import pytest
import simplejpeg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lipsync_core import Studio
from lipsync_core.speech import speak

from .api_server import ApiServer, until
from .test_live import INFO as FALLING
from .test_webrtc import is_free
from .webrtc_viewer import Viewer

HEAD = struct.Struct("<B3xIdII")
FACE = {"avatar": "mei", "size": 128, "voice": "espeak:en-us"}
RATE = 22050
LONG = "And so it goes on and on, because nobody has said that it should ever come to an end. " * 5


@dataclass(frozen=True)
class Seen:
    """jpeg: empty where it was left out. sound: (m,) int16."""

    index: int
    time: float
    jpeg: bytes
    sound: np.ndarray


class Client:
    """Collects what comes. key: of the session. by: how to connect. header: the first message."""

    def __init__(self, server: ApiServer, key: str = "new", by: dict[str, Any] | None = None, **header: Any) -> None:
        self._open = ExitStack()
        url = server.url.replace("http:", "ws:")
        how: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None, **(by or {})}
        self.socket = self._open.enter_context(connect(f"{url}/api/realtime/{key}/audio", **how))
        self.events: list[dict[str, Any]] = []
        self.frames: list[Seen] = []
        self.mp4 = b""
        self.plain = header.get("frames") == "mp4"
        self.send(**header)

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def until(self, event: str, count: int = 1, seconds: float = 20) -> dict[str, Any]:
        """Read until the count-th event of a name has come."""
        return self.read(lambda: len(self.named(event)) >= count, seconds) or self.named(event)[-1]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    def read(self, enough: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not enough():
            message = self.socket.recv(max(0.01, deadline - time.monotonic()))
            if isinstance(message, str):
                self.events.append(json.loads(message))
            elif self.plain:
                self.mp4 += message
            else:
                kind, index, moment, picture, sound = HEAD.unpack_from(message)
                assert (kind, len(message)) == (1, HEAD.size + picture + sound)
                jpeg, pcm = message[HEAD.size : HEAD.size + picture], message[HEAD.size + picture :]
                self.frames.append(Seen(index, moment, jpeg, np.frombuffer(pcm, "<i2")))

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate([frame.sound for frame in self.frames]).astype(np.float32) / 32767

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """About two seconds of speech, (n,) int16 at RATE."""
    samples = np.concatenate([one.samples for one in speak("Good morning! How are you today?", voice="espeak:en-us")])
    return (samples * 32767).astype("<i2")


@pytest.fixture(autouse=True)
def nothing_is_left(server: ApiServer) -> Iterator[None]:
    yield
    assert until(lambda: is_free(server), 5), [thread.name for thread in threading.enumerate()]


def blocks(samples: np.ndarray, seconds: float = 0.1) -> list[bytes]:
    size = round(seconds * RATE) * samples.itemsize
    data = samples.tobytes()
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_sound_that_is_pushed_comes_back_with_its_face(server: ApiServer, voice: np.ndarray) -> None:
    with Client(server, sample_rate=RATE, frames="jpeg", **FACE) as client:
        opened = client.until("opened")
        assert (opened["fps"], opened["width"], opened["height"], opened["sample_rate"]) == (25, 128, 128, 48000)
        for block in blocks(voice):
            client.socket.send(block)
        client.send(type="flush")
        client.until("finished")
        assert [event["event"] for event in client.events] == ["opened", "started", "finished"]
        start, end = (round(client.named(name)[0]["time"] * 48000) for name in ("started", "finished"))

        assert [frame.index for frame in client.frames] == list(range(len(client.frames)))
        assert client.frames[10].time == pytest.approx(0.4)
        heard = client.sound[start : end + 1][:: 48000 // 16000]
        said = np.interp(np.arange(len(heard)) / 16000, np.arange(len(voice)) / RATE, voice / 32767)
        assert np.corrcoef(heard, said)[0, 1] > 0.9
        pictures = {frame.index: simplejpeg.decode_jpeg(frame.jpeg) for frame in client.frames if frame.jpeg}
        assert all(picture.shape == (128, 128, 3) for picture in pictures.values())
        mouths = {index: picture[64:115, 40:90].astype(float) for index, picture in pictures.items()}
        rest = mouths[min(mouths)]
        opened_by = [np.abs(mouth - rest).mean() for n, mouth in mouths.items() if start < n * 1920 < end]
        assert max(opened_by) > 3


def test_a_text_is_said_and_cleared_and_options_are_changed(server: ApiServer) -> None:
    with Client(server, text="Hello.", **FACE) as client:
        client.until("finished")
        client.send(type="say", text=LONG)
        client.send(type="say", text="Never said.")
        client.until("word", 5)
        client.send(type="clear")
        stop = client.until("interrupted")
        assert (stop["say"], stop["dropped"]) == (2, [3])
        assert [one["say"] for one in client.named("accepted")] == [2, 3]

        client.send(type="set", voice="espeak:ru")
        client.send(type="say", text="Раз, два.")
        client.until("finished", 2)
        assert client.frames == []  # none were asked for
        wrong = {
            "There is no message of type 'sing'": {"type": "sing"},
            "nothing to speak": {"type": "say", "text": " "},
            "size: Extra inputs": {"type": "set", "size": 99},
            "speed": {"type": "set", "speed": 99},
        }
        for n, (said, message) in enumerate(wrong.items(), 1):
            client.send(**message)
            assert said in client.until("error", n)["detail"]
        client.socket.send(b"odd")
        assert "3 bytes are no whole samples" in client.until("error", 5)["detail"]
        client.socket.send("[]")
        assert "not a JSON object" in client.until("error", 6)["detail"]
        client.send(type="say", text="Да.")
        client.until("finished", 3)


def test_sound_of_another_person_is_not_said(server: ApiServer, voice: np.ndarray) -> None:
    with Client(server, sample_rate=RATE, frames="jpeg", **FACE) as client:
        client.send(type="hear")
        for block in blocks(voice):
            client.socket.send(block)
        client.send(type="push")
        client.socket.send(voice[:RATE].tobytes())
        client.send(type="flush")
        start = round(client.until("started")["time"] * 25)
        client.until("finished")
        assert len(client.named("started")) == 1
        assert not any(frame.sound.any() for frame in client.frames[:start])


def test_floats_of_two_channels_are_taken(server: ApiServer, voice: np.ndarray) -> None:
    with Client(server, sample_rate=RATE, format="f32", channels=2, frames="jpeg", **FACE) as client:
        client.socket.send(np.repeat(voice[:RATE].astype("<f4") / 32768, 2).tobytes())
        client.send(type="flush")
        client.until("finished")
        assert np.abs(client.sound).max() == pytest.approx(np.abs(voice[:RATE]).max() / 32767, rel=0.2)


def test_an_mp4_that_grows(server: ApiServer) -> None:
    with Client(server, frames="mp4", text="Hello there.", **FACE) as client:
        client.until("finished")
        size = len(client.mp4)
        client.read(lambda: len(client.mp4) > size + 2000)  # what was encoded by then has come
    with av.open(io.BytesIO(client.mp4)) as container:
        pictures = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
        container.seek(0)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(pictures) > 20
    assert max(np.abs(one - pictures[0])[64:115, 40:90].mean() for one in pictures) > 3
    assert np.abs(sound).max() > 0.1


def test_it_speaks_by_an_open_connection(server: ApiServer, voice: np.ndarray) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**FACE)

            def push() -> None:
                with Client(server, viewer.session, sample_rate=RATE) as client:
                    assert client.until("opened")["session"] == viewer.session
                    for block in blocks(voice):
                        client.socket.send(block)
                    client.send(type="flush")
                    client.until("finished")

            await asyncio.to_thread(push)
            await viewer.until(lambda: viewer.told("finished"))
            assert viewer.loudness(viewer.told("started")[0]["time"], viewer.told("finished")[0]["time"]) > 0.1
            heard = len(viewer.sounds)
            await viewer.until(lambda: len(viewer.sounds) > heard + 25)  # the session is not the socket's to end

            def wrong() -> None:
                with Client(server, viewer.session, avatar="mei") as client:
                    assert "avatar cannot be chosen" in client.until("error")["detail"]
                with Client(server, viewer.session, frames="jpeg") as client:
                    assert "frames cannot be chosen" in client.until("error")["detail"]

            await asyncio.to_thread(wrong)
            with await asyncio.to_thread(Client, server, viewer.session) as ending:
                assert (await viewer.http.delete(f"/{viewer.session}")).status_code == 204
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.to_thread(ending.until, "never")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1000

    asyncio.run(watch())


def test_whoever_does_not_read_loses_pictures_and_no_sound(server: ApiServer) -> None:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    options = FACE | {"size": 720, "quality": 100, "frames": "jpeg", "text": LONG}
    with Client(server, by={"sock": narrow}, **options) as client:
        session = client.until("opened")["session"]
        with server.client() as http:
            assert until(lambda: http.get(f"/api/sessions/{session}").json().get("skipped", 0) > 15, 20)
            assert until(lambda: http.get(f"/api/sessions/{session}").json()["seconds"] > 4, 20)
        client.read(lambda: client.frames and client.frames[-1].time > 4.2)
        left_out = [frame for frame in client.frames if not frame.jpeg]
        assert len(left_out) > 10
        assert [frame.index for frame in client.frames] == list(range(len(client.frames)))
        assert all(len(frame.sound) == 1920 for frame in client.frames)
        assert any(frame.jpeg for frame in client.frames[-10:])


def test_whoever_leaves_ends_the_session_it_opened(server: ApiServer) -> None:
    with Client(server, text=LONG, **FACE) as client:
        client.until("word")
        assert server.service.jobs.running == 1
        client.socket.socket.shutdown(socket.SHUT_RDWR)  # as when the network is lost
    assert until(lambda: is_free(server), 5)


def test_a_session_that_fails_says_so_and_closes(server: ApiServer) -> None:
    with Client(server, text="Hello.", frames="jpeg", **FACE | {"model": FALLING.name}) as client:
        failed = client.until("error")
        assert (failed["say"], "session has failed" in failed["detail"]) == (None, True)
        with pytest.raises(ConnectionClosed) as closed:
            client.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011


def test_a_session_is_limited_in_length(server: ApiServer, limits: Callable[..., None]) -> None:
    limits(max_session_seconds=1)
    with Client(server, **FACE) as client, pytest.raises(ConnectionClosed):
        client.until("never")


@pytest.mark.parametrize(
    ("key", "header", "said"),
    [
        ("new", {"avatar": "nobody"}, "There is no avatar 'nobody'"),
        ("new", {"voice": "nobody", "text": "Hi."}, "nobody"),
        ("new", {"sample_rate": 1}, "sample_rate"),
        ("new", {"volume": 11}, "volume"),
        ("new", {"size": 2000}, "too large"),
        ("unknown", {}, "no such session"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    server: ApiServer, key: str, header: dict[str, Any], said: str
) -> None:
    with Client(server, key, **header) as client:
        refused = client.until("error")
        assert said in refused["detail"]
        assert refused["status"] in (404, 422)
        with pytest.raises(ConnectionClosed):
            client.until("never")


def test_where_all_places_are_taken_one_is_told_when_to_come_again(server: ApiServer) -> None:
    entries = [server.service.jobs.enter("somebody") for _ in range(server.service.jobs.limit)]
    try:
        with Client(server, **FACE) as client:
            refused = client.until("error")
            assert refused["status"] == 429
            assert refused["retry_after"] > 0
    finally:
        for entry in entries:
            entry.leave()


def test_only_those_who_may_use_the_server_come_in(server: ApiServer, limits: Callable[..., None]) -> None:
    with pytest.raises(InvalidStatus):
        Client(server, by={"origin": "https://example.org"})
    with Client(server, by={"origin": server.url}, **FACE) as client:
        client.until("opened")
    limits(api_key="a key of ten signs")
    with pytest.raises(InvalidStatus):
        Client(server)
    key = {"Authorization": "Bearer a key of ten signs"}
    with Client(server, by={"additional_headers": key}, **FACE) as client:
        client.until("opened")


def test_a_server_that_stops_leaves_nothing(studio: Studio) -> None:
    before = set(threading.enumerate())
    with ApiServer(studio) as running:
        client = Client(running, text=LONG, frames="jpeg", **FACE)
        client.until("word")
    with client, pytest.raises(ConnectionClosed):
        client.until("never")
    assert until(lambda: set(threading.enumerate()) <= before, 5), set(threading.enumerate()) - before
