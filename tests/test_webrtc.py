"""The WebRTC stream as its clients see it: a real server, and a real peer that decodes what comes."""

import asyncio
import gc
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from aiortc import MediaStreamTrack

from lipsync_core import LipsyncError, Studio
from lipsync_core.core.timeline import resampled
from lipsync_core.server.realtime.webrtc import checked_offer
from lipsync_core.settings import read
from lipsync_core.sinks.webrtc.bitrate import LOWEST, Bitrate
from lipsync_core.speech import speak

from .api_server import ApiServer, until
from .test_live import INFO as FALLING
from .webrtc_viewer import Viewer

OPTIONS = {"avatar": "mei", "voice": "espeak:en-us", "size": 256}
TEXT = "Hello there! We are happy today."
LONG = "And so it goes on and on, because nobody has said that it should ever come to an end. " * 5


@pytest.fixture(scope="module")
def server(studio: Studio) -> Iterator[ApiServer]:
    with ApiServer(studio) as running:
        with studio.live(avatar=studio.avatar("mei", size=256)) as live:
            next(live)
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left(server: ApiServer) -> Iterator[None]:
    yield
    assert until(lambda: is_free(server), 5), [thread.name for thread in threading.enumerate()]


def is_free(server: ApiServer) -> bool:
    names = {thread.name for thread in threading.enumerate()}
    return server.is_idle() and not names & {"live session", "live speech", "frame pump"}


def test_speaks_in_step_and_rests(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(text=TEXT, **OPTIONS)
            await viewer.until(lambda: viewer.told("finished"))
            began, ended = viewer.told("started")[0]["time"], viewer.told("finished")[0]["time"]
            await viewer.until(lambda: viewer.pictures[-1].time > ended + 1.2 and viewer.sounds[-1].time > ended + 1.2)

            assert viewer.motion(began + 0.2, ended - 0.5) > 3 * viewer.motion(ended + 0.2, ended + 1.2) > 0
            assert viewer.loudness(began, ended) > 0.1
            assert viewer.loudness(ended + 0.1, ended + 1.2) < 0.005

            pictures, sounds = viewer.pictures[25:], viewer.sounds[50:]
            assert np.diff([seen.time for seen in viewer.pictures]).min() == pytest.approx(0.04, abs=1e-3)
            # The quickest, as a busy machine decodes some of them late.
            delays = [np.percentile([one.arrived - one.time for one in track], 10) for track in (pictures, sounds)]
            assert abs(delays[0] - delays[1]) < 0.04

            names = [event["event"] for event in viewer.events]
            assert names[:3] == ["started", "sentence", "word"]
            assert names[-1] == "finished"
            assert [word["text"] for word in viewer.told("word")] == ["Hello", "there", "We", "are", "happy", "today"]
            assert [sentence["text"] for sentence in viewer.told("sentence")] == ["Hello there!", "We are happy today."]
            times = [event["time"] for event in viewer.events]
            assert times == sorted(times)

    asyncio.run(watch())


def test_a_browser_that_wants_h264_gets_it(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url, "video/H264") as viewer:
            await viewer.connect(text=TEXT, **OPTIONS)
            await viewer.until(lambda: viewer.told("word"))
            await viewer.until(lambda: len(viewer.pictures) > 30)
            assert viewer.motion(viewer.told("started")[0]["time"], 1e9) > 1

    asyncio.run(watch())


def test_says_more_and_is_interrupted(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS)
            await viewer.until(lambda: viewer.sounds[-1].time > 0.5)
            assert viewer.loudness(0, 1) == 0
            assert not viewer.events
            assert await viewer.post("interrupt") == {"interrupted": False}

            assert await viewer.post("say", text=LONG) == {"say": 1}
            assert await viewer.post("say", text="This is never said.") == {"say": 2}
            await viewer.until(lambda: len(viewer.told("word")) > 4)
            assert viewer.loudness(viewer.told("started")[0]["time"], 1e9) > 0.1

            asked = time.monotonic()
            assert await viewer.post("interrupt") == {"interrupted": True}
            await viewer.until(lambda: viewer.told("interrupted"))
            stop = viewer.told("interrupted")[0]
            assert (stop["say"], stop["dropped"]) == (1, [2])
            await viewer.until(lambda: viewer.pictures[-1].time > stop["time"] + 1.2)
            # By the clock of whoever asked, decoding and the jitter buffer on a busy machine included.
            assert all(heard.loudness < 0.01 for heard in viewer.sounds if heard.arrived > asked + 0.2)
            assert viewer.loudness(stop["time"] + 0.1, 1e9) < 0.005
            still = viewer.motion(stop["time"] + 0.24, stop["time"] + 1.2)
            assert viewer.motion(stop["time"] - 1, stop["time"]) > 3 * still > 0

            assert await viewer.post("say", text="And again.") == {"say": 3}
            await viewer.until(lambda: viewer.told("finished"))
            assert [event["say"] for event in viewer.told("started")] == [1, 3]

            assert (await viewer.http.delete(f"/{viewer.session}")).status_code == 204
            assert (await viewer.http.delete(f"/{viewer.session}")).status_code == 404
            assert (await viewer.http.post(f"/{viewer.session}/interrupt")).status_code == 404
            assert is_free(server)

    asyncio.run(watch())


def test_a_text_that_cannot_be_said_is_an_event_that_names_no_folder(
    server: ApiServer, limits: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "piper").mkdir()
    (tmp_path / "piper" / "en_GB-mine-low.onnx").write_bytes(b"no network")
    (tmp_path / "piper" / "en_GB-mine-low.onnx.json").write_text('{"audio": {"sample_rate": 16000}}')
    limits(checkpoints_dir=tmp_path)

    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS)
            await viewer.post("say", text="Hello.", voice="piper:en_GB-mine-low")
            await viewer.until(lambda: viewer.told("error"))
            (event,) = viewer.told("error")
            assert (event["say"], event["type"]) == (1, "urn:lipsync-studio:unusable")
            assert event["detail"].startswith("en_GB-mine-low.onnx is no voice that Piper can use (")

    asyncio.run(watch())


class Speaker(MediaStreamTrack):
    """A microphone: half a second of silence, some speech, and silence for ever."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        samples = np.concatenate([one.samples for one in speak("Good morning! How are you?", voice="espeak:en-us")])
        speech = resampled(samples, 22050)
        self._sound = np.concatenate([np.zeros(24000), speech, np.zeros(48000 - len(speech) % 960)])
        self._sent, self._began = 0, 0.0

    async def recv(self) -> av.AudioFrame:
        self._began = self._began or time.monotonic()
        await asyncio.sleep(self._began + self._sent / 48000 - time.monotonic())
        block = self._sound[self._sent : self._sent + 960]
        block = block if len(block) == 960 else np.zeros(960)
        frame = av.AudioFrame.from_ndarray((block * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sent, Fraction(1, 48000)
        self._sent += 960
        return frame


def test_a_face_says_what_comes_by_its_microphone(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url, microphone=Speaker()) as viewer:
            await viewer.connect(microphone="push", **OPTIONS)
            await viewer.until(lambda: viewer.told("finished"))
            began, ended = viewer.told("started")[0]["time"], viewer.told("finished")[0]["time"]
            assert 2.0 < ended - began < 4.0  # with the pause that tells its end
            await viewer.until(lambda: viewer.sounds[-1].time > ended + 1.0)
            assert viewer.loudness(began, ended) > 0.1
            assert viewer.motion(began + 0.2, ended - 1.0) > 3 * viewer.motion(ended + 0.2, ended + 1.0)
            assert [event["event"] for event in viewer.events] == ["started", "finished"]

    asyncio.run(watch())


def test_a_face_listens_to_its_microphone(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url, microphone=Speaker()) as viewer:
            await viewer.connect(**OPTIONS)
            await viewer.until(lambda: viewer.sounds[-1].time > 1.5)
            await viewer.post("say", text="Yes.")
            await viewer.until(lambda: viewer.told("finished"))
            assert viewer.loudness(0, viewer.told("started")[0]["time"] - 0.05) == 0
            assert len(viewer.told("started")) == 1

    asyncio.run(watch())


def test_a_session_that_fails_ends_its_connection_and_frees_its_place(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS | {"model": FALLING.name})
            await viewer.post("say", text="Hello.")
            await viewer.until(lambda: viewer.told("error"))
            assert "session has failed" in viewer.told("error")[0]["detail"]
            assert (await viewer.http.post(f"/{viewer.session}/say", json={"text": "More."})).status_code == 404
            await viewer.until(lambda: is_free(server), 5)
            await viewer.until(lambda: viewer.peer.connectionState == "closed", 5)

    asyncio.run(watch())


@pytest.mark.parametrize("way", ["close", "vanish"])
def test_a_viewer_that_leaves_frees_all_in_five_seconds(server: ApiServer, way: str) -> None:
    async def leave() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(text=LONG, **OPTIONS)
            await viewer.until(lambda: viewer.told("word"))
            if way == "vanish":
                viewer.vanish()
                await viewer.until(lambda: is_free(server), 5)

    asyncio.run(leave())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts the files of this process in /proc")
def test_connections_that_have_ended_hold_no_file_until_the_garbage_is_collected(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(text="Hi. And again.", **OPTIONS)
            await viewer.until(lambda: viewer.told("sentence"))
            await viewer.post("say", text="More.")
            await viewer.post("interrupt")
            assert (await viewer.http.delete(f"/{viewer.session}")).status_code == 204

    asyncio.run(watch())
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            asyncio.run(watch())
            assert until(lambda: is_free(server), 5)
        assert len(os.listdir("/proc/self/fd")) - before < 3  # the server itself may open one meanwhile
    finally:
        gc.enable()


def test_an_offer_whose_sender_has_left_keeps_no_place(server: ApiServer) -> None:
    async def describe() -> str:
        async with Viewer(server.url) as viewer:
            return await viewer.offer()

    body = json.dumps({"sdp": asyncio.run(describe()), "type": "offer", **OPTIONS, "size": 300})
    asked = http.client.HTTPConnection(server.url.removeprefix("http://"))
    asked.request("POST", "/api/realtime/offer", body, {"Content-Type": "application/json"})
    assert until(lambda: server.service.jobs.running, 5)
    asked.close()
    assert until(lambda: is_free(server), 5)


def test_a_beacon_ends_a_session(server: ApiServer) -> None:
    async def leave() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS)
            assert (await viewer.http.post(f"/{viewer.session}/end")).status_code == 204

    asyncio.run(leave())


def test_a_session_is_limited_in_length(server: ApiServer, limits: Callable[..., None]) -> None:
    limits(max_session_seconds=1)

    async def stay() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS)
            await viewer.until(lambda: is_free(server), 5)

    asyncio.run(stay())


def test_where_all_places_are_taken_one_is_told_so(server: ApiServer) -> None:
    tickets = [server.service.jobs.enter("somebody") for _ in range(server.service.jobs.limit)]
    try:

        async def ask() -> httpx.Response:
            async with Viewer(server.url) as viewer:
                sdp = await viewer.offer()
                return await viewer.http.post("/offer", json={"sdp": sdp, "type": "offer", **OPTIONS})

        response = asyncio.run(ask())
    finally:
        for ticket in tickets:
            ticket.leave()
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"}, "cannot be answered"),
        ({"sdp": "nonsense"}, "one video and one audio track"),
        ({"sdp": "x" * 200_000}, "sdp"),
        ({"type": "answer"}, "type"),
        ({"voice": "nobody"}, "nobody"),
        ({"text": " "}, "nothing to speak"),
        ({"model": "wav3lip"}, "wav3lip"),
        ({"avatar": "/etc/passwd"}, "no avatar"),
        ({"size": 2000}, "too large"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(server: ApiServer, change: dict[str, object], said: str) -> None:
    async def ask() -> httpx.Response:
        async with Viewer(server.url) as viewer:
            sdp = await viewer.offer()
            fields = {"sdp": sdp, "type": "offer", "text": "Hi", **OPTIONS, **change}
            return await viewer.http.post("/offer", json=fields)

    response = asyncio.run(ask())
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


def test_an_offer_whose_section_has_two_names(server: ApiServer) -> None:
    async def ask() -> httpx.Response:
        async with Viewer(server.url) as viewer:
            sdp = (await viewer.offer()).replace("a=mid:0\r\n", "a=mid:0\r\na=mid:7\r\n")
            return await viewer.http.post("/offer", json={"sdp": sdp, "type": "offer", **OPTIONS})

    response = asyncio.run(ask())
    assert response.status_code == 422
    assert "a=mid" in response.json()["detail"]
    assert until(server.is_idle, 2)


def test_a_text_that_cannot_be_said_leaves_the_stream_as_it_is(server: ApiServer) -> None:
    async def watch() -> None:
        async with Viewer(server.url) as viewer:
            await viewer.connect(**OPTIONS)
            for fields in ({"text": "  "}, {"text": "Hi", "voice": "nobody"}, {"text": "Hi", "speed": 9}):
                response = await viewer.http.post(f"/{viewer.session}/say", json=fields)
                assert response.status_code == 422, fields
            await viewer.post("say", text="Yes.")
            await viewer.until(lambda: viewer.told("finished"))

    asyncio.run(watch())


def test_a_server_that_stops_leaves_nothing(studio: Studio) -> None:
    before = set(threading.enumerate())

    async def watch() -> None:
        async with Viewer(running.url) as viewer:
            await viewer.connect(text=LONG, **OPTIONS)
            await viewer.until(lambda: viewer.told("word"))
            await asyncio.to_thread(running.__exit__, None, None, None)
            await viewer.until(lambda: viewer.peer.connectionState == "closed", 5)

    running = ApiServer(studio).__enter__()
    asyncio.run(watch())
    assert until(lambda: set(threading.enumerate()) <= before, 5), set(threading.enumerate()) - before


def test_an_estimate_counts_only_where_the_network_is_full() -> None:
    bitrate = Bitrate(512 * 512)
    assert 1_200_000 < bitrate.value < 2_000_000
    for second in range(10):
        bitrate.count(50_000, float(second))  # 400 kbit/s: a still face
    bitrate.estimate(450_000, 10.0)
    assert bitrate.value == bitrate.wanted
    bitrate.estimate(300_000, 11.0)
    assert bitrate.value == 300_000
    bitrate.estimate(2_000_000, 11.5)
    assert bitrate.value == 300_000  # not so soon
    for second in range(14, 30, 3):
        bitrate.estimate(2_000_000, float(second))
    assert bitrate.value == bitrate.wanted
    bitrate.estimate(1, 40.0)
    assert bitrate.value == LOWEST


def test_hidden_addresses_are_left_out_of_an_offer() -> None:
    plain = "a=candidate:1 1 udp 1 10.0.0.1 5000 typ host\r\n"
    hidden = "a=candidate:2 1 udp 1 0c3f-a1.local 5000 typ host generation 0\r\n"
    lines = "m=audio 9 x\r\n{}m=video 9 x\r\n"
    assert checked_offer(lines.format(plain + hidden)) == lines.format(plain)
    with pytest.raises(LipsyncError, match="40 candidates"):
        checked_offer(lines.format(plain * 41))
    with pytest.raises(LipsyncError, match="one video"):
        checked_offer("m=audio 9 x\r\n")


def test_ice_servers_are_settings() -> None:
    one = '{"urls": "turn:example.org:3478", "username": "me", "credential": "x"}'
    assert read({"LIPSYNC_ICE_SERVERS": f"[{one}]"}).ice_servers[0]["username"] == "me"
    assert read({"LIPSYNC_ICE_SERVERS": one}).ice_servers[0]["urls"] == "turn:example.org:3478"
    for wrong in ("turn:example.org", "[1]", '[{"urls": "http://example.org"}]', '[{"url": "turn:x"}]', "5"):
        with pytest.raises(LipsyncError, match="LIPSYNC_ICE_SERVERS"):
            read({"LIPSYNC_ICE_SERVERS": wrong})
