"""The examples of docs/streaming.md run as they are written."""

import os
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import av
import pytest

from lipsync_core.speech import speak

from .api_server import ApiServer, until

PAGE = (Path(__file__).parents[1] / "docs" / "streaming.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(bash|python|javascript)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RUNNERS = {"bash": ["bash", "-euo", "pipefail"], "python": [sys.executable], "javascript": ["node"]}
SUFFIXES = {"bash": ".sh", "python": ".py", "javascript": ".mjs"}


@pytest.mark.parametrize(
    ("language", "source"), [pytest.param(*one, id=f"{k}-{one[0]}") for k, one in enumerate(EXAMPLES)]
)
def test_an_example_runs(server: ApiServer, tmp_path: Path, language: str, source: str) -> None:
    runner = RUNNERS[language]
    program = shutil.which(runner[0])
    if program is None:
        pytest.skip(f"needs {runner[0]}")
    if "export LIPSYNC_URL" in source:
        assert ":7861" in source  # the default port of `serve`
        return
    script = tmp_path / f"example{SUFFIXES[language]}"
    script.write_text(source, encoding="utf-8")
    if "speech.wav" in source:
        with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
            file.setparams((1, 2, 22050, 0, "NONE", ""))
            for one in speak("Good morning!", voice="espeak:en-us"):
                file.writeframes((one.samples * 32767).astype("<i2").tobytes())
    environment = {**os.environ, "LIPSYNC_URL": server.url}
    done = subprocess.run(
        [program, *runner[1:], str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for video in tmp_path.glob("*.mp4"):
        with av.open(str(video)) as container:
            assert sum(1 for _ in container.decode(video=0)) > 10
    for sound in tmp_path.glob("talk.wav"):
        assert len(sound.read_bytes()) > 48000
    for stream in tmp_path.glob("*.mjpeg"):
        assert stream.read_bytes().count(b"Content-Type: image/jpeg") > 10
    if "event-stream" in source:
        assert "event: finished" in done.stdout
    if "aiortc" in source:
        pictures, packets = map(int, re.findall(r"(\d+) pictures and (\d+) packets", done.stdout)[0])
        assert pictures > 40
        assert packets > 80
        assert re.search(r"^word at [0-9.]+ more$", done.stdout, re.MULTILINE)
    elif "speech.wav" in source:
        assert int(re.findall(r"(\d+) pictures came back", done.stdout)[0]) > 10
        assert re.search(r"^finished at [0-9.]+$", done.stdout, re.MULTILINE)
    elif "pictures" in source:
        assert "pictures, the last at" in done.stdout
    assert until(server.is_idle, 1)


PAGES = re.findall(r"^```html\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# A microphone that hums, and in `loudest` the loudest sample that the page has played.
MICROPHONE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), voice = new OscillatorNode(context, { type: "sawtooth", frequency: 140 });
  const taken = context.createMediaStreamDestination();
  voice.connect(taken);
  voice.start();
  return taken.stream;
};
window.loudest = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...more) {
  if (target instanceof AudioDestinationNode)
    window.loudest = Math.max(window.loudest, ...this.buffer.getChannelData(0).map(Math.abs));
  return connect.call(this, target, ...more);
};
"""


def test_a_page_says_what_its_microphone_hears(browser: Any, server: ApiServer) -> None:
    (source,) = [one for one in PAGES if "WebSocket" in one]
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.add_init_script(MICROPHONE)
    page.goto(f"{server.url}/healthz")
    page.set_content(source)
    page.wait_for_function(
        "() => document.getElementById('face').getContext('2d').getImageData(0, 0, 256, 256).data.some((v) => v > 0)"
    )
    page.wait_for_function("() => window.loudest > 0.1")
    page.close()
    assert wrong == []
    assert until(server.is_idle, 5)


@pytest.mark.parametrize("source", [one for one in PAGES if "WebSocket" not in one])
def test_a_page_works(browser: Any, server: ApiServer, source: str) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/healthz")
    page.set_content(source)
    page.wait_for_function(
        "() => (document.querySelector('img')?.naturalWidth || document.querySelector('video')?.videoWidth) > 0"
    )
    page.wait_for_function("() => document.querySelector('audio, video').currentTime > 0.3")
    page.close()
    assert until(server.is_idle, 5)


def test_all_languages_are_shown() -> None:
    assert {language for language, _ in EXAMPLES} == set(RUNNERS)
