"""The playground in a real browser: pictures that move, sound that plays."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .api_server import ApiServer, until
from .chromium import NEEDS_CHROMIUM, chromium

pytestmark = NEEDS_CHROMIUM
TEXT = "Hello, my friend, how are you today? " * 2
# How much the picture changed since the last call, around the mouth and at the top.
CHANGE = """() => {
  const c = document.getElementById("canvas"), g = c.getContext("2d"), w = c.width, h = c.height;
  const read = (x, y, a, b) => g.getImageData(x * w, y * h, a * w, b * h).data;
  const now = { mouth: read(.33, .5, .33, .25), top: read(0, 0, 1, .1) }, old = window.before; window.before = now;
  const gap = (name) => now[name].reduce((sum, v, i) => sum + Math.abs(v - old[name][i]), 0) / now[name].length;
  return old ? [gap("mouth"), gap("top")] : [0, 0];
}"""

# Keeps in `loudest` the loudest sample that the sound element has played.
LISTEN = """() => {
  const context = new AudioContext(), ear = context.createAnalyser(), data = new Float32Array(ear.fftSize);
  context.createMediaElementSource(document.getElementById("audio")).connect(ear);
  ear.connect(context.destination);
  window.loudest = 0;
  setInterval(() => {
    ear.getFloatTimeDomainData(data);
    window.loudest = Math.max(window.loudest, ...data.map(Math.abs));
  }, 20);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium("--autoplay-policy=no-user-gesture-required") as running:
        yield running


@pytest.fixture
def page(browser: Any, server: ApiServer) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
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


def test_mjpeg_moves_and_sounds(page: Any) -> None:
    page.evaluate(LISTEN)
    page.click("#start")
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 10")
    changes = []
    for _ in range(8):
        changes.append(page.evaluate(CHANGE))
        page.wait_for_timeout(120)
    mouth, top = (max(change[k] for change in changes[1:]) for k in range(2))
    assert mouth > 1
    assert mouth > 3 * top
    page.wait_for_function("() => document.getElementById('status').textContent === 'Finished.'", timeout=15000)
    assert number(page, "frames") > 60
    assert number(page, "fps") >= 15
    assert number(page, "first") < 2000
    assert page.evaluate("window.loudest") > 0.05


def test_webrtc_moves_and_ends(page: Any, server: ApiServer) -> None:
    page.check("[value=webrtc]")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('video').videoWidth > 0", timeout=15000)
    page.wait_for_function("() => Number(document.getElementById('frames').textContent) > 20", timeout=15000)
    assert page.evaluate("() => document.getElementById('video').srcObject.getTracks().length") == 2
    page.click("#stop")
    assert until(server.is_idle, 5)


def test_an_mp4_is_made_and_played(page: Any) -> None:
    page.check("[value=generate]")
    page.click("#start")
    page.wait_for_function("() => document.getElementById('video').currentTime > 0.3", timeout=15000)
    assert page.evaluate("document.getElementById('video').videoWidth") == 512
    assert "Done in" in page.inner_text("#status")


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


def test_the_code_is_what_is_done(page: Any) -> None:
    assert "curl -N" in page.inner_text("#shown")
    page.click("[data-code=python]")
    compile(page.inner_text("#shown"), "example", "exec")
    assert "stream_mjpeg" in page.inner_text("#shown")
    page.check("[value=generate]")
    assert "/api/generate" in page.inner_text("#shown")


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
