"""The page in a real browser: a face that moves and is heard, Stop, uploads, errors, two languages, two widths."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import av
import cv2
import numpy as np
import pytest
import torch

from benchmarks.random_weights import random_weights
from lipsync_core.face import default_avatars
from lipsync_core.speech import speak

from .api_server import until
from .chromium import chromium
from .page_server import PageServer

LONG = "Hello, my friend, how are you today? " * 12
# Keeps in `loudest` the loudest sample that the page has sent to the loudspeaker lately.
LISTEN = """() => {
  const data = new Float32Array(2048);
  window.loudest = 0;
  setInterval(() => {
    if (!lipsync.gain) return;
    window.ear ??= (() => { const ear = lipsync.context.createAnalyser(); lipsync.gain.connect(ear); return ear; })();
    window.ear.getFloatTimeDomainData(data);
    window.now = Math.max(...data.map(Math.abs));
    window.loudest = Math.max(window.loudest, window.now);
  }, 20);
  lipsync.log = [];
}"""
# How much a picture changed since the last call, around the mouth and at the top.
CHANGE = """(selector) => {
  const seen = document.querySelector(selector), c = document.createElement("canvas"), g = c.getContext("2d");
  const w = c.width = 200, h = c.height = 200;
  g.drawImage(seen, 0, 0, w, h);
  const read = (x, y, a, b) => g.getImageData(x * w, y * h, a * w, b * h).data;
  const now = { mouth: read(.33, .5, .33, .25), top: read(0, 0, 1, .1) }, old = window.before; window.before = now;
  const gap = (name) => now[name].reduce((sum, v, i) => sum + Math.abs(v - old[name][i]), 0) / now[name].length;
  return old ? [gap("mouth"), gap("top")] : [0, 0];
}"""
PICTURE = "#live-picture img"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    weights = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(random_weights(), weights)
    slow = {"LIPSYNC_WAV2LIP_WEIGHTS": str(weights), "LIPSYNC_WAV2LIP_PRECISION": "float32"}
    with PageServer(tmp_path_factory.mktemp("page"), **slow) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser with a camera that sees one of the avatars."""
    camera = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    seen = cv2.resize(cv2.imread(str(default_avatars()["mei"])), (640, 640))[80:560]
    camera.write_bytes(cv2.imencode(".jpg", seen)[1].tobytes() * 5)
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with chromium(*flags, f"--use-file-for-fake-video-capture={camera}") as running:
        yield running


def opened(browser: Any, server: PageServer, **options: Any) -> Any:
    context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, "locale": "en-US", **options})
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda message: page.wrong.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(20000)
    page.goto(server.url)
    page.wait_for_selector("body.arrived")
    page.wait_for_function("() => document.querySelectorAll('#faces .thumbnail-item').length >= 5")
    return page


@pytest.fixture
def page(browser: Any, server: PageServer) -> Iterator[Any]:
    page = opened(browser, server)
    page.evaluate(LISTEN)
    yield page
    page.context.close()
    assert page.wrong == []
    assert server.until_no_take(1)


def robotic(page: Any) -> None:
    """Choose eSpeak, which needs the least of a busy machine."""
    page.click("#voice input")
    page.keyboard.type("English (America)")
    page.get_by_role("option", name="English (America)", exact=True).click()


def moves(page: Any, selector: str) -> tuple[float, float]:
    changes = []
    for _ in range(8):
        changes.append(page.evaluate(CHANGE, selector))
        page.wait_for_timeout(110)
    mouth, top = (max(change[k] for change in changes[1:]) for k in range(2))
    return mouth, top


def figure(page: Any, name: str) -> float:
    return float(page.inner_text(f"[data-figure=figure_{name}]").split()[0].replace("–", "nan"))


def until_video(page: Any) -> None:
    page.wait_for_function("() => document.querySelector('#video video')?.readyState >= 2", timeout=30000)


def downloaded(page: Any) -> Path:
    with page.expect_download() as waiting:
        page.click("#download")
    assert waiting.value.suggested_filename == "lipsync-studio.mp4"
    return Path(waiting.value.path())


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        return sum(1 for _ in container.decode(video=0)) / 25


@pytest.mark.slow
def test_a_run_is_seen_heard_and_kept(page: Any, server: PageServer) -> None:
    robotic(page)
    page.fill("#text textarea", "Hello, my friend, how are you today? What a fine day it is.")
    page.click("#speak")
    page.wait_for_function("() => lipsync.pictures > 15", timeout=20000)
    mouth, top = moves(page, PICTURE)
    assert mouth > 1
    assert mouth > 3 * top
    until_video(page)
    assert page.evaluate("performance.now() - lipsync.log.at(-1).now") < 1500  # the look of it included
    assert page.evaluate("window.loudest") > 0.05
    log = [one for one in page.evaluate("lipsync.log") if one["moment"] > 200 and one.get("apart") is not None]
    apart = [one["apart"] for one in log]
    assert len(apart) > 20
    assert abs(np.median(apart)) < 80
    assert np.percentile(np.abs(apart), 90) < 150  # on a machine with other work too
    assert figure(page, "frames") > 60
    assert 0 < figure(page, "first") < 5000
    assert page.is_visible("table.times .speech")
    assert seconds_of(downloaded(page)) == pytest.approx(figure(page, "frames") / 25)
    page.evaluate("() => { window.before = null; document.querySelector('#video video').play(); }")
    page.wait_for_function("() => document.querySelector('#video video').currentTime > 0.2", timeout=20000)
    assert moves(page, "#video video")[0] > 1
    kinds = [file.suffix for file in server.files()]
    assert kinds.count(".jpg") <= len(default_avatars()) + 1  # no file for a frame


@pytest.mark.slow
def test_stop_keeps_what_was_made(page: Any) -> None:
    robotic(page)
    page.fill("#text textarea", LONG)
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => window.loudest > 0.02 && lipsync.pictures > 20", timeout=20000)
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    assert page.is_hidden("#speak")
    page.click("#stop")
    page.wait_for_function("() => window.now === 0", timeout=1000)
    until_video(page)
    assert page.inner_text("#panel .stage").startswith("Stopped")
    assert 0.5 < seconds_of(downloaded(page)) < 20
    assert page.is_visible("#speak")
    assert page.is_hidden("#stop")


@pytest.mark.slow
def test_frames_that_a_slow_model_left_out_can_be_drawn_afterwards(page: Any) -> None:
    page.fill("#text textarea", "Hello, my friend, how are you today?")
    robotic(page)
    page.click("#more > button")
    page.locator("#model").get_by_text("wav2lip").click()
    page.click("#speak")
    page.wait_for_selector("#panel button", timeout=60000)
    assert figure(page, "skipped") > 0
    first = seconds_of(downloaded(page))
    page.click("#panel button")
    page.wait_for_function("() => document.body.classList.contains('speaking')")
    until_video(page)
    assert figure(page, "skipped") == 0
    assert not page.is_visible("#panel button")
    assert seconds_of(downloaded(page)) == pytest.approx(first, abs=0.05)  # eSpeak varies by some samples
    assert page.is_checked("#live input")  # what comes next is live again


def test_an_example_runs_in_one_click_and_in_place_of_what_is_spoken(page: Any, server: PageServer) -> None:
    robotic(page)
    page.fill("#text textarea", LONG)
    page.click("#speak")
    page.wait_for_function("() => lipsync.pictures > 5", timeout=20000)
    (spoken,) = server.takes()
    page.evaluate("() => { window.earlier = lipsync.player; }")
    page.click("#examples button:has-text('Русский')")
    page.wait_for_function("() => lipsync.player !== window.earlier && lipsync.player.zero !== null", timeout=20000)
    assert until(lambda: spoken not in server.takes(), 2)
    page.wait_for_selector("#panel .stage:has-text('Speaking')", timeout=3000)
    assert page.is_hidden("#video")
    assert page.input_value("#text textarea").startswith("Здравствуйте")
    assert page.input_value("#language input").startswith("русский")
    assert page.get_attribute("#faces .selected", "aria-label") == "Ingrid"


@contextmanager
def held_back(page: Any, count: int) -> Iterator[None]:
    """What the page asks of the server, `count` times, waits until the block ends; what was asked last goes first."""
    waiting: list[Any] = []
    page.route("**/queue/join*", lambda route: waiting.append(route) if len(waiting) < count else route.continue_())
    yield
    assert until(lambda: page.wait_for_timeout(1) or len(waiting) >= count, 5)
    for route in reversed(waiting):
        with page.expect_response("**/queue/join*"):
            route.continue_()


def begun(page: Any) -> list[str]:
    """Fills with an address for each run that the page begins to listen to from now on."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url) if "/page/sound/" in request.url else None)
    return addresses


@pytest.mark.slow
def test_stop_holds_for_an_example_that_is_being_filled_in(page: Any) -> None:
    robotic(page)
    page.fill("#text textarea", LONG)
    page.click("#speak")
    page.wait_for_function("() => lipsync.pictures > 5", timeout=20000)
    runs = begun(page)
    with held_back(page, 1):
        page.click("#examples button:has-text('Русский')")
        page.click("#stop")
        page.wait_for_selector("#panel .stage:has-text('Stopped')")
    page.wait_for_selector("#faces .selected[aria-label=Ingrid]")
    assert page.is_visible("#speak")
    page.click("#examples button:has-text('Deutsch')")  # nothing that was asked before can come after this
    page.wait_for_function("() => !lipsync.player.silent && lipsync.player.zero !== null", timeout=20000)
    assert len(runs) == 1
    assert page.input_value("#language input").startswith("Deutsch")


@pytest.mark.slow
@pytest.mark.parametrize("last", ["example", "speak"])
def test_what_was_pressed_last_is_spoken_whatever_order_the_network_makes_of_it(page: Any, last: str) -> None:
    page.fill("#text textarea", LONG)
    runs = begun(page)
    with held_back(page, 2):
        page.click("#examples button:has-text('Русский')")
        page.click("#speak" if last == "speak" else "#examples button:has-text('Deutsch')")
    face = "Ingrid" if last == "speak" else "Tomas"
    page.wait_for_selector(f"#faces .selected[aria-label={face}]")
    page.wait_for_function("() => lipsync.player.zero !== null", timeout=20000)
    chosen = page.input_value("#language input")
    page.click("#stop")
    until_video(page)
    assert len(runs) == 1
    assert chosen.startswith("русский" if last == "speak" else "Deutsch")


@pytest.mark.slow
def test_an_own_face_speaks_and_is_there_again(page: Any, tmp_path: Path) -> None:
    own = tmp_path / "my <b>face.png"
    picture = cv2.imread(str(default_avatars()["tomas"]))
    cv2.imwrite(str(own), cv2.flip(picture, 1)[::2, ::2])
    page.click("#own-face > button")
    page.set_input_files("#upload input[type=file]", str(own))
    page.wait_for_function("() => document.querySelectorAll('#faces .thumbnail-item').length === 6", timeout=20000)
    page.wait_for_selector("#faces .selected[aria-label^=my]")
    robotic(page)
    page.fill("#text textarea", "Hello!")
    page.click("#speak")
    until_video(page)
    assert page.evaluate("document.querySelector('#video video').videoWidth") == picture.shape[1] // 2
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('#faces .thumbnail-item').length === 6", timeout=20000)


@pytest.mark.slow
def test_a_tab_that_is_closed_ends_the_look_at_its_upload(browser: Any, server: PageServer, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    picture = cv2.resize(cv2.imread(str(default_avatars()["ravi"])), (640, 640))
    with av.open(str(clip), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 640, "yuv420p"
        for k in range(900):  # ten seconds of work
            shown = np.roll(picture, k % 5, axis=1)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        file.mux(stream.encode(None))
    page = opened(browser, server)
    page.click("#own-face > button")
    page.set_input_files("#upload input[type=file]", str(clip))
    assert until(lambda: jobs_running(server) == 1, 20)
    page.wait_for_selector("#upload :text('%')")
    page.context.close()
    assert until(lambda: jobs_running(server) == 0, 1)
    assert len(list(server.temporary.rglob("clip.mp4"))) == len(list(server.temporary.glob("*/gradio/*/clip.mp4")))


def jobs_running(server: PageServer) -> float:
    with urlopen(f"{server.url}/metrics", timeout=20) as answer:  # noqa: S310 - a server of this test's own
        figures = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    return float(figures["lipsync_jobs_running"])


@pytest.mark.slow
def test_the_webcam_takes_a_face(page: Any) -> None:
    page.click("#own-face > button")
    page.get_by_role("tab", name="Webcam").click()
    page.click("#webcam button:has-text('Webcam')")
    page.wait_for_function("() => document.querySelector('#webcam video')?.videoWidth > 0")
    page.click("#webcam [aria-label='capture photo']")
    page.wait_for_function("() => document.querySelectorAll('#faces .thumbnail-item').length === 6")


def test_the_tab_key_goes_from_menu_to_menu(browser: Any, server: PageServer) -> None:
    page = opened(browser, server)
    page.focus("#language input")
    page.wait_for_selector("#language [role=option], body > * [role=option]")
    for expected in ("voice", "faces"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#voice, #faces')?.id") == expected
    page.context.close()


def test_errors_are_sentences_that_stay(browser: Any, server: PageServer, tmp_path: Path) -> None:
    page = opened(browser, server)
    page.fill("#text textarea", " . ")
    page.click("#speak")
    page.wait_for_selector("#panel .failed")
    assert "nothing to speak" in page.inner_text("#panel [role=alert]")
    page.wait_for_selector(".toast-body:has-text('nothing to speak')")
    page.wait_for_selector("#speak", state="visible")
    page.click(".toast-close")
    nobody = tmp_path / "wall.png"
    cv2.imwrite(str(nobody), np.full((300, 300, 3), 200, np.uint8))
    page.click("#own-face > button")
    page.set_input_files("#upload input[type=file]", str(nobody))
    page.wait_for_selector(".toast-body:has-text('wall.png')")
    assert page.locator("#faces .thumbnail-item").count() == 5
    page.wait_for_selector("#upload input[type=file]", state="attached")  # there is room for another
    page.context.close()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_a_recording_is_played(page: Any, tmp_path: Path) -> None:
    import soundfile

    tone = np.sin(np.arange(16000) / 16000 * 2 * np.pi * 180) * np.linspace(0.6, 0.2, 16000)
    soundfile.write(tmp_path / "speech.wav", tone, 16000)
    page.get_by_role("tab", name="Recording").click()
    page.wait_for_selector("#recording")
    page.click("#speak")
    page.wait_for_selector("#panel [role=alert]:has-text('There is no recording yet')")
    page.set_input_files("#recording input[type=file]", str(tmp_path / "speech.wav"))
    page.wait_for_selector("#recording #waveform, #recording audio, #recording canvas", state="attached")
    page.click("#speak")
    until_video(page)
    assert seconds_of(downloaded(page)) == pytest.approx(1, abs=0.05)
    assert page.evaluate("window.loudest") > 0.1


def test_the_page_speaks_russian(browser: Any, server: PageServer) -> None:
    page = opened(browser, server, locale="ru-RU")
    page.wait_for_function("() => document.querySelector('#panel .stage').innerText.startsWith('Готово')")
    assert page.inner_text("#speak") == "Говорить"
    assert page.input_value("#text textarea").startswith("Здравствуйте")
    assert page.input_value("#voice input") == "Авто"
    shown = page.evaluate("document.body.innerText")
    for word in ("Язык", "Голос", "Лицо", "Ещё", "Запись", "Примеры", "Звук"):
        assert word in shown, word
    for word in ("studio_", "Language", "Voice", "Face"):
        assert word not in shown, word
    page.fill("#text textarea", " ")
    page.click("#speak")
    page.wait_for_selector("#panel .failed")
    assert page.inner_text("#panel .stage") == "Не получилось"
    assert page.inner_text("#panel [role=alert]").startswith("Текст пуст, произносить нечего;")
    page.wait_for_selector(".toast-body:has-text('Текст пуст')")
    page.context.close()


def toast(page: Any, text: str) -> str:
    """The title of a message that has this text; it is closed."""
    page.wait_for_selector(f".toast-body:has-text('{text}')")
    title = page.inner_text(f".toast-body:has-text('{text}') .toast-title")
    page.click(".toast-close")
    page.wait_for_selector(".toast-body", state="detached")
    return str(title.strip())


def test_toasts_are_russian_whoever_writes_them(browser: Any, server: PageServer, tmp_path: Path) -> None:
    page = opened(browser, server, locale="ru-RU")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 300, 3), 200, np.uint8))
    cv2.imwrite(str(tmp_path / "lying.png"), cv2.rotate(cv2.imread(str(default_avatars()["mei"])), 0))
    (tmp_path / "notes.txt").write_text("no picture")
    page.click("#more > button")  # early: what it holds is made when it opens
    page.click("#own-face > button")

    def give(name: str) -> None:
        page.wait_for_selector("#upload input[type=file]", state="attached")
        page.set_input_files("#upload input[type=file]", str(tmp_path / name))

    give("wall.png")  # the core's refusal
    assert toast(page, "В файле «wall.png» не найдено лицо;") == "Не получилось"
    give("lying.png")  # the core's note
    assert toast(page, "Файл «lying.png» повёрнут на 90° влево,") == "Обратите внимание"
    page.wait_for_function("() => document.querySelectorAll('#faces .thumbnail-item').length === 6")
    page.fill("#which input", "500")  # Gradio's refusal on the server
    page.click("#speak")
    assert toast(page, "Значение 500 слишком велико;") == "Не получилось"
    page.fill("#which input", "7")
    page.click("#speak")
    assert toast(page, "Лица №\xa07 в файле «lying.png» нет") == "Не получилось"
    assert "лицо там одно" in page.inner_text("#panel [role=alert]")
    give("notes.txt")  # Gradio's refusal in the browser
    assert toast(page, "Файл «notes.txt»\xa0— не изображение и не видео;") == "Не получилось"
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
def test_it_fits_and_everything_has_a_label(browser: Any, server: PageServer, width: int, scheme: str) -> None:
    page = opened(browser, server, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.click("#own-face > button")
    page.click("#more > button")
    page.wait_for_selector("#seed input")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.mouse.move(width / 3, 450)
    page.mouse.wheel(0, 500)
    page.wait_for_function("() => scrollY > 300")
    assert page.evaluate("document.querySelector('#stage').getBoundingClientRect().top") >= 0
    page.evaluate("scrollTo(0, 0)")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button, video, audio')].filter((one) => "
        "one.offsetParent && !(one.labels?.length || one.innerText.trim() || one.ariaLabel || one.title"
        " || one.getAttribute('aria-labelledby'))).map((one) => one.outerHTML.slice(0, 200))"
    )
    assert unnamed == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] < 60")
    assert dark == (scheme == "dark")
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/page-{width}-{scheme}.png", full_page=True)
    page.context.close()


@pytest.mark.slow
def test_what_a_voice_lacks_is_offered_and_a_voice_is_kept_with_consent(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, kept = tmp_path_factory.mktemp("page"), tmp_path_factory.mktemp("checkpoints")
    spoken = np.concatenate([one.samples for one in speak("Please take this for a voice of my own. " * 2)])
    wave = folder / "voice.wav"
    with av.open(str(wave), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=22050, layout="mono")
        frame = av.AudioFrame.from_ndarray((spoken[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = 22050
        file.mux([*stream.encode(frame), *stream.encode(None)])
    with PageServer(folder, LIPSYNC_CHECKPOINTS_DIR=str(kept)) as server:
        page = opened(browser, server)
        page.click("#voice input")
        page.keyboard.type("irina")
        page.keyboard.press("Enter")
        page.locator("#missing").get_by_text("press Download below").wait_for()
        page.locator("#offer").get_by_text("Russian").first.wait_for()
        page.click("#offer [aria-label='Clear'], #offer .token-remove")
        page.click("#more > button")
        page.locator("#model").get_by_text("wav2lip").click()
        page.get_by_text("Licence: weights: research and personal use only").wait_for()
        page.locator("#offer").get_by_text("Wav2Lip, trained with a visual quality").first.wait_for()
        page.click("#shelf > button")
        page.locator("#offer-get").wait_for(state="hidden")
        page.click("#speak")
        page.wait_for_selector("#panel [role=alert]:has-text('press Download under \"Download voices and models')")
        page.locator("#offer-get").wait_for(state="visible")
        page.locator("#offer").get_by_text("Wav2Lip, trained with a visual quality").first.wait_for()
        page.get_by_role("tab", name="Imitate a voice").click()
        page.set_input_files("#imitate-recording input[type=file]", str(wave))
        page.wait_for_selector("#imitate-recording .waveform-container, #imitate-recording audio", state="attached")
        page.fill("#imitate-name input, #imitate-name textarea", "anna")
        page.click("#imitate-keep")
        page.wait_for_selector(".toast-body:has-text('Ask the person first')")
        assert not list(kept.rglob("*anna*"))
        page.check("#imitate-consent input")
        page.click("#imitate-keep")
        page.locator("#imitate-told").get_by_text("The voice anna is kept").wait_for()
        page.context.close()
    assert {file.name for file in kept.rglob("*anna*")} == {"anna.wav", "anna.json"}
