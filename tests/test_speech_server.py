"""A server that speaks OpenAI's POST /v1/audio/speech, over real sockets: sound while it comes, or one sentence."""

import io
import json
import socket
import struct
import threading
import time
import wave
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import numpy as np
import pytest
import soxr

from lipsync_core.audio.loudness import TARGET, measure
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import choose_voice, speak, voices
from tests.speech_checks import sound

TEXT = "The quick brown fox jumps over the lazy dog."
KEY = "a secret key"
NOVA = "openai:nova"

Answer = Callable[[Callable[[bytes], object]], object]


class Server:
    """What it was asked, and what it answers; `answer` writes the body."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.keys: list[str | None] = []
        self.status, self.kind = 200, "audio/pcm"
        self.headers: dict[str, str] = {}
        self.answer: Callable[[Callable[[bytes], object]], object] = lambda write: write(
            pcm(self.requests[-1]["input"])
        )
        self.left = threading.Event()  # the client has gone before the end
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                outer.requests[-1]["path"] = self.path
                outer.keys.append(self.headers["Authorization"])
                self.send_response(outer.status)
                for name, value in {"Content-Type": outer.kind, **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    outer.answer(self.wfile.write)
                except OSError:
                    outer.left.set()

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@cache
def said(text: str) -> np.ndarray:
    """(n,) float32 at 22050 Hz by eSpeak NG; kept, because it never says a thing the same twice."""
    return sound(list(speak(text, voice="espeak:en-us")))


def samples(text: str, rate: int = 24000) -> np.ndarray:
    """(n,) int16, with 0.3 s of silence before it as such servers have it."""
    return (np.pad(soxr.resample(said(text), 22050, rate), (round(0.3 * rate), 0)) * 32000).astype("<i2")


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two sounds of which one begins up to 0.4 s later."""
    middle = one[12000:42000]
    places = range(2000, 22000)
    at = max(places, key=lambda place: float(middle @ other[place : place + len(middle)]))
    return float(np.corrcoef(middle, other[at : at + len(middle)])[0, 1])


def pcm(text: str) -> bytes:
    return samples(text).tobytes()


def wav(text: str, rate: int = 24000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.repeat(samples(text, rate), channels).tobytes())
    return file.getvalue()


@pytest.fixture
def server(limits) -> Iterator[Server]:
    running = Server()
    limits(speech_url=running.url, speech_key=KEY, speech_model="tiny", speech_voices="nova, onyx:de, nova:ru")
    yield running
    running.close()


def test_its_voices_are_listed_and_nothing_is_asked_of_it(server: Server, limits) -> None:
    listed = {voice.id: voice for voice in voices() if voice.engine == "openai"}
    assert {name: voice.language for name, voice in listed.items()} == {
        "openai:nova": "en-US", "openai:onyx": "de", "openai:nova/ru": "ru",
    }  # fmt: skip
    assert all(voice.ready and voice.neural and voice.commercial_use is None for voice in listed.values())
    assert choose_voice("Hola.", voice="openai:nova/es").language == "es"
    assert choose_voice("Hello.", language="en").engine != "openai"  # before `doctor` has measured it
    limits(speech_url="")
    assert not [voice for voice in voices() if voice.engine == "openai"]
    limits(speech_url=server.url, speech_voices="nova:xx")
    with pytest.raises(LipsyncError, match='not ready: no voice speaks the language "xx"'):
        speak("Hello.", voice=NOVA)
    assert server.requests == []


def test_a_text_is_spoken_sentence_by_sentence(server: Server) -> None:
    text = f"{TEXT} It was never seen there again."
    speeches = list(speak(text, voice=NOVA, speed=1.5))
    said = {"model": "tiny", "voice": "nova", "response_format": "pcm", "speed": 1.5, "path": "/v1/audio/speech"}
    assert server.requests == [{**said, "input": TEXT}, {**said, "input": "It was never seen there again."}]
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert [word.text for speech in speeches for word in speech.words] == text.replace(",", "").replace(".", "").split()
    for first, second in pairwise(speeches):
        assert text[first.span[1] : second.span[0]].strip() == ""
    assert measure(speeches[-1].samples, 24000) == pytest.approx(TARGET, abs=1.0)
    assert likeness(sound(speeches), samples(TEXT)) > 0.999  # no seam, and no block is louder than another
    for speech in speeches:  # words are where something is heard, not in the pause at the end
        assert all(0 <= word.start <= word.end <= speech.duration for word in speech.words)
    assert speeches[-1].duration - speeches[-1].words[-1].end > 0.15


def test_the_first_words_are_heard_before_the_server_has_made_the_last(server: Server) -> None:
    heard = threading.Event()
    whole = pcm(TEXT)

    def answer(write: Callable[[bytes], object]) -> None:
        write(whole[: len(whole) // 2])
        assert heard.wait(20)
        for start in range(len(whole) // 2, len(whole), 1001):  # an odd number of bytes: samples come in halves
            write(whole[start : start + 1001])

    server.answer = answer
    stream = speak(TEXT, voice=NOVA)
    first = next(stream)
    assert first.joined
    assert 0 < len(first.words) < 10
    heard.set()
    rest = list(stream)
    assert len(sound([first, *rest])) / 24000 == pytest.approx(len(whole) / 48000, abs=0.8)  # trimmed, and its pause


def test_the_server_may_send_wav_of_any_rate(server: Server) -> None:
    streamed = bytearray(wav(TEXT))
    struct.pack_into("<I", streamed, 4, 0xFFFFFFFF)  # as ffmpeg does when it does not know the length yet
    struct.pack_into("<I", streamed, 40, 0xFFFFFFFF)
    floats = (samples(TEXT) / np.float32(32768)).astype("<f4").tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 3, 1, 24000, 96000, 4, 32, b"data", 0)
    whole = sound(list(speak(TEXT, voice=NOVA)))
    for kind, content in {
        "audio/wav": wav(TEXT), "audio/x-wav": wav(TEXT, 44100, 2), "audio/wave": bytes(streamed),
        "application/octet-stream": header + floats, "audio/pcm;rate=16000": samples(TEXT, 16000).tobytes(),
    }.items():  # fmt: skip
        server.kind = kind
        server.answer = lambda write, content=content: [
            write(content[i : i + 7777]) for i in range(0, len(content), 7777)
        ]
        other = sound(list(speak(TEXT, voice=NOVA)))
        assert abs(len(other) - len(whole)) < 0.1 * 24000, kind
        assert likeness(other, whole) > 0.99, kind


def test_closing_ends_it_at_once_and_the_server_is_told(server: Server) -> None:
    whole = pcm(TEXT)
    go = threading.Event()

    def answer(write: Callable[[bytes], object]) -> None:
        write(whole[: len(whole) // 2])
        assert go.wait(20)
        for _ in range(1000):
            write(whole)

    server.answer = answer
    stream = speak(TEXT, voice=NOVA)
    next(stream)
    ended: list[float] = []
    thread = threading.Thread(target=lambda: (list(stream), ended.append(time.perf_counter())))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()  # it waits for the server
    closed = time.perf_counter()
    stream.close()
    thread.join(10)
    assert ended[0] - closed < 0.2
    go.set()
    assert server.left.wait(20)
    assert list(speak("Hello.", voice="espeak:en-us"))  # and all else goes on


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (
            401,
            "application/json",
            b'{"error": {"message": "Wrong"}}',
            "refuses the key; set LIPSYNC_SPEECH_KEY to",
        ),
        (
            404,
            "application/json",
            b'{"error": {"message": "No model tiny"}}',
            r"speak \(404: No model tiny\); check",
        ),
        (404, "text/html", b"<h1>Not Found</h1>", r"\(404: Not Found\)"),
        (422, "application/json", b'{"detail": "no voice nova"}', r"\(422: no voice nova\)"),
        (503, "text/plain", b"", r"\(503: Service Unavailable\)"),
        (307, "text/plain", b"", r"\(307: "),
        (200, "application/json", b'{"ok": true}', "answers application/json instead of sound"),
        (200, "audio/mpeg", b"ID3" + bytes(5000), "answers audio/mpeg instead of sound"),
        (200, "application/octet-stream", b"OggS" + bytes(5000), "instead of sound"),
        (200, "audio/pcm", b"", "answers nothing instead of sound"),
        (200, "audio/wav", b"RIFF\x00\x00\x00\x00WAVE" + bytes(100), "answers a damaged WAV instead of sound"),
    ],
)
def test_what_is_no_sound_is_told_in_one_sentence(
    server: Server, status: int, kind: str, body: bytes, told: str
) -> None:
    server.status, server.kind, server.answer = status, kind, lambda write: write(body)
    server.headers = {"Location": "http://192.0.2.1/"} if status == 307 else {}
    with pytest.raises(LipsyncError, match=told) as refused:
        list(speak(TEXT, voice=NOVA))
    assert str(refused.value).startswith(f"The speech server {server.url.removesuffix('/v1')} ")
    assert KEY not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_that_is_not_there_breaks_off_or_hangs(server: Server, limits) -> None:
    server.headers, server.answer = {"Content-Length": "999999"}, lambda write: write(pcm("Well,"))
    with pytest.raises(LipsyncError, match=r"breaks off \(.*\); try again"):
        list(speak(TEXT, voice=NOVA))
    limits(stall_seconds=0.2)
    ended = threading.Event()
    server.answer = lambda write: ended.wait(20)
    with pytest.raises(LipsyncError, match=r"does not answer within 0.2 s; see whether"):
        list(speak(TEXT, voice=NOVA))
    ended.set()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        limits(speech_url=f"http://user:password@127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(LipsyncError, match=r"cannot be reached \(.*\); start it") as refused:
            list(speak(TEXT, voice=NOVA))
    assert "password" not in str(refused.value)


def test_offline_it_may_only_be_on_this_machine(server: Server, limits) -> None:
    limits(offline=1)
    assert list(speak("Hello.", voice=NOVA))
    voice = choose_voice("Hello.", voice=NOVA)
    limits(speech_url="http://192.0.2.1/v1")
    for chosen in (NOVA, voice):
        with pytest.raises(LipsyncError, match=r"speech server http://192.0.2.1 is not on this machine; unset it"):
            list(speak("Hello.", voice=chosen))
    assert len(server.requests) == 1


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    assert list(speak("Hello.", voice=NOVA))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("speech_url", "localhost:8880"), ("speech_url", "ftp://a"), ("speech_url", "http://a:b"), ("speech_voices", ",")],
)
def test_settings_that_are_none_are_refused(limits, setting: str, value: str) -> None:
    limits(**{setting: value})
    with pytest.raises(LipsyncError, match=f"LIPSYNC_{setting.upper()}.* is not allowed; use"):
        voices()
