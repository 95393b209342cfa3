"""The playground in a real browser: pictures that move, sound that plays."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .api_server import ApiServer, until
from .reverse_proxy import ReverseProxy

TEXT = "Hello, my friend, how are you today? " * 2
# How much the picture changed since the last call, around the mouth and at the top.
CHANGE = """(id) => {
  const shown = document.getElementById(id), c = document.createElement("canvas"), g = c.getContext("2d");
  const w = c.width = shown.videoWidth || shown.width, h = c.height = shown.videoHeight || shown.height;
  g.drawImage(shown, 0, 0);
  const read = (x, y, a, b) => g.getImageData(x * w, y * h, a * w, b * h).data;
  const now = { mouth: read(.33, .5, .33, .25), top: read(0, 0, 1, .1) }, old = window.before; window.before = now;
  const gap = (name) => now[name].reduce((sum, v, i) => sum + Math.abs(v - old[name][i]), 0) / now[name].length;
  return old ? [gap("mouth"), gap("top")] : [0, 0];
}"""

# Keeps in `loudest` the loudest sample that the page has played by its AudioContext.
LISTEN = """
window.loudest = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...more) {
  if (target instanceof AudioDestinationNode) listen(this);
  return connect.call(this, target, ...more);
};
function listen(node) {
  const ear = node.context.createAnalyser(), data = new Float32Array(ear.fftSize);
  connect.call(node, ear);
  setInterval(() => {
    ear.getFloatTimeDomainData(data);
    window.loudest = Math.max(window.loudest, ...data.map(Math.abs));
  }, 20);
}
"""
# The same for what a <video> plays, be it a stream or a file.
LISTEN_TO_VIDEO = """() => {
  const video = document.getElementById("video"), context = new AudioContext();
  const stream = video.srcObject;
  const source = stream ? context.createMediaStreamSource(stream) : context.createMediaElementSource(video);
  source.connect(context.destination);
}"""
RUNNERS = {
    "curl": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
DONE = "() => document.getElementById('status').textContent === 'Finished.'"


@pytest.fixture
def page(browser: Any, server: ApiServer) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.add_init_script(LISTEN)
    opened.goto(f"{server.url}/mjpeg_test")
    opened.wait_for_function(
        "() => document.getElementById('avatar').length > 1 && document.getElementById('voice').length > 2"
    )
    opened.fill("#text", TEXT)
    opened.select_option("#voice", "espeak:en-us")
    yield opened
    opened.close()
    assert wrong == []
    assert until(server.is_idle, 2)


def number(page: Any, name: str) -> float:
    return float(page.inner_text(f"#{name}").split()[0].replace("–", "0"))


def check_mouth(page: Any, source: str) -> None:
    """The mouth moves, and the backdrop does not."""
    changes = []
    for _ in range(8):
        changes.append(page.evaluate(CHANGE, source))
        page.wait_for_timeout(120)
    mouth, top = (max(change[k] for change in changes[1:]) for k in range(2))
    assert mouth > 1
    assert mouth > 3 * top


def test_mjpeg_moves_and_sounds(page: Any) -> None:
    page.click("#start")
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 10")
    check_mouth(page, "canvas")
    assert number(page, "late") < 900  # the pictures do not wait long for their sound
    page.wait_for_function(DONE, timeout=15000)
    assert number(page, "frames") > 60
    assert number(page, "fps") >= 15
    assert number(page, "first") < 2000
    assert page.evaluate("window.loudest") > 0.05


def test_webrtc_says_more_and_is_interrupted(page: Any, server: ApiServer) -> None:
    page.check("[value=webrtc]")
    assert page.is_disabled("#low_latency")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('video').videoWidth > 0", timeout=15000)
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 10", timeout=15000)
    page.evaluate(LISTEN_TO_VIDEO)
    check_mouth(page, "video")
    page.wait_for_function("() => document.getElementById('status').textContent === 'today'", timeout=15000)
    assert page.evaluate("window.loudest") > 0.05
    page.fill("#text", "Once more, " * 50)
    page.click("#more")
    page.wait_for_function("() => document.getElementById('status').textContent === 'more'", timeout=15000)
    page.click("#interrupt")
    page.wait_for_function("() => document.getElementById('status').textContent.startsWith('Interrupted')")
    assert number(page, "fps") >= 15
    page.click("#stop")
    assert until(server.is_idle, 5)
    assert not page.is_visible("#interrupt")


def test_a_page_gives_its_microphone(browser: Any, server: ApiServer) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/healthz")
    said = page.evaluate(
        """async (options) => {
          const { connect } = await import("/api/realtime/client.js");
          const context = new AudioContext(), voice = new OscillatorNode(context, { type: "sawtooth", frequency: 140 });
          const taken = context.createMediaStreamDestination(), events = [];
          voice.connect(taken);
          voice.start();
          voice.stop(context.currentTime + 2);
          const [track] = taken.stream.getAudioTracks();
          const finished = new Promise((resolve) => {
            const onevent = (event) => { events.push(event.event); if (event.event === "finished") resolve(); };
            connect(document.createElement("video"), { ...options, track, microphone: "push", onevent })
              .then((face) => { window.face = face; });
          });
          await finished;
          await face.close();
          return events;
        }""",
        {"avatar": "mei", "size": 256},
    )
    page.close()
    assert said == ["started", "finished"]


def test_all_ways_work_below_a_path_of_a_proxy(browser: Any, server: ApiServer) -> None:
    with ReverseProxy(server.url) as proxy, browser.new_page() as page:
        wrong: list[str] = []
        page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{proxy.url}/mjpeg_test")
        page.wait_for_function("() => document.getElementById('voice').length > 2")
        page.fill("#text", "Hello there.")
        page.select_option("#voice", "espeak:en-us")
        for way in ("mjpeg", "growing", "generate"):
            page.check(f"[value={way}]")
            page.click("#start")
            page.wait_for_function("() => /^(Finished|Done)/.test(document.getElementById('status').textContent)")
            assert number(page, "frames") > 15
        assert f'curl -N "{proxy.url}/api/generate"' in page.inner_text("#shown")
        page.check("[value=webrtc]")
        page.click("#start")
        page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 10", timeout=15000)
        page.click("#stop")
        page.click("text=All routes")
        page.wait_for_selector("[data-path='/api/stream_mjpeg']")
        assert page.url == f"{proxy.url}/docs"
        assert wrong == []


def test_a_connection_that_the_server_ends_is_noticed(page: Any, server: ApiServer) -> None:
    page.check("[value=webrtc]")
    page.click("#start")
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 10", timeout=15000)
    with server.client() as client:
        assert client.delete(f"/api/sessions/{page.evaluate('session')}").status_code == 204
    page.wait_for_function("() => document.getElementById('status').className === 'error'", timeout=5000)
    assert "ended the connection" in page.inner_text("#status")


def test_an_mp4_plays_while_it_is_made(page: Any, server: ApiServer) -> None:
    page.check("[value=growing]")
    page.fill("#text", TEXT * 4)
    page.evaluate(LISTEN_TO_VIDEO)
    page.click("#start")
    page.wait_for_function("() => document.getElementById('video').currentTime > 0.3", timeout=15000)
    assert not server.is_idle()
    check_mouth(page, "video")
    assert page.evaluate("window.loudest") > 0.05
    page.click("#stop")


def test_an_mp4_is_made_and_played(page: Any) -> None:
    page.check("[value=generate]")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('video').currentTime > 0.3", timeout=15000)
    assert page.evaluate("document.getElementById('video').videoWidth") == 512
    assert "Done in" in page.inner_text("#status")


def test_a_plain_page_has_picture_and_sound(browser: Any, server: ApiServer) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/healthz")
    page.set_content(
        f"<img src='/api/stream_mjpeg?text={TEXT}&voice=espeak:en-us&size=256&session=my-own-name-1'>"
        "<audio id='audio' src='/api/sessions/my-own-name-1/audio' preload='auto' oncanplay='this.play()'></audio>"
    )
    page.wait_for_function("() => document.querySelector('img').naturalWidth === 256")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 0.2", timeout=5000)
    with server.client() as client:
        seconds = client.get("/api/sessions/my-own-name-1").json()["seconds"]
    assert page.evaluate("document.getElementById('audio').currentTime") > seconds - 0.9
    page.close()
    assert until(server.is_idle, 1)


def test_all_routes_are_listed_without_a_network(browser: Any, server: ApiServer) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() > 15
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    page.close()


def test_stop_and_an_error(page: Any, server: ApiServer) -> None:
    page.fill("#text", TEXT * 20)
    page.click("#start")
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 3")
    page.click("#stop")
    assert until(server.is_idle, 1)
    page.wait_for_function("() => document.getElementById('status').textContent === 'Stopped.'")


def test_an_error_is_told(browser: Any, server: ApiServer) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/mjpeg_test")
    page.fill("#text", " . ")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('status').className === 'error'")
    assert "nothing to speak" in page.inner_text("#status")
    page.close()


@pytest.mark.parametrize("way", ["mjpeg", "webrtc", "growing", "generate"])
@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_code_runs(page: Any, server: ApiServer, tmp_path: Path, way: str, language: str) -> None:
    page.fill("#text", "It's \"this\": true, isn't it?")
    page.check(f"[value={way}]")
    page.click(f"[data-code={language}]")
    source = page.inner_text("#shown")
    if way == "webrtc" and language == "curl":  # has no peer, but can steer a session that is open
        assert source.count("/api/realtime/SESSION") == 3
        return
    if way == "webrtc" and language == "javascript":
        page.evaluate("async () => { document.getElementById('video').id = 'face'; " + source + "\n}")
        page.wait_for_function("() => document.getElementById('face').currentTime > 0.3")
        return
    if shutil.which(RUNNERS[language][0]) is None:
        pytest.skip(f"needs {RUNNERS[language][0]}")
    done = subprocess.run([*RUNNERS[language], source], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout or any(file.stat().st_size > 10_000 for file in tmp_path.iterdir())


def test_the_code_is_what_is_done(page: Any) -> None:
    assert "curl -N" in page.inner_text("#shown")
    page.click("[data-code=python]")
    compile(page.inner_text("#shown"), "example", "exec")
    assert "stream_mjpeg" in page.inner_text("#shown")
    page.check("[value=generate]")
    assert "/api/generate" in page.inner_text("#shown")
    page.check("[value=webrtc]")
    compile(page.inner_text("#shown"), "example", "exec")
    page.fill("#text", 'Say "a": true, it\'s "b".')
    assert ast.literal_eval(page.inner_text("#shown").split("**")[1].split("\n")[0][:-1])["text"] == page.input_value(
        "#text"
    )


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
def test_it_fits_and_everything_has_a_label(browser: Any, server: ApiServer, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{server.url}/mjpeg_test")
    page.wait_for_function("() => document.getElementById('avatar').length > 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button')].filter((one) => one.offsetParent && "
        "!(one.labels?.length || one.innerText || one.ariaLabel)).length"
    )
    assert unnamed == 0
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(400)
        page.screenshot(path=f"{folder}/playground-{width}-{scheme}.png", full_page=True)
    page.close()
