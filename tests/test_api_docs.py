"""The examples of docs/streaming.md run as they are written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

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
    environment = {**os.environ, "LIPSYNC_URL": server.url}
    done = subprocess.run(
        [program, *runner[1:], str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for video in tmp_path.glob("*.mp4"):
        with av.open(str(video)) as container:
            assert sum(1 for _ in container.decode(video=0)) > 10
    for sound in tmp_path.glob("*.wav"):
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
    elif "pictures" in source:
        assert "pictures, the last at" in done.stdout
    assert until(server.is_idle, 1)


@pytest.mark.parametrize("source", re.findall(r"^```html\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
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
