"""The page's offer of what can be downloaded, in a real browser."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.speech import voices

from . import lying_server as server_that
from .api_server import until
from .checkpoints_place import CONTENT, host, listed, place
from .lying_server import LyingServer

__all__ = ["host", "listed", "place"]  # fixtures

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture
def page(place: Path, listed: Callable[..., None], host: LyingServer) -> Iterator[object]:
    """A page with nothing but the offer; the model needs its licence agreed to."""
    import gradio as gr
    from playwright.sync_api import sync_playwright

    from lipsync_core.ui.downloads import build_offer
    from lipsync_core.ui.errors import Page

    listed("/model", licence="for research", commercial=False)
    with Page() as blocks:
        said = gr.Textbox(elem_id="said")
        build_offer(blocks).fetched.then(lambda: checkpoints.state("model"), None, said)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            opened = browser.new_page()
            opened.goto(url)
            yield opened
            browser.close()
    finally:
        blocks.close()


def choose(page) -> None:  # type: ignore[no-untyped-def]
    page.locator("#offer input").click()
    page.get_by_role("option").first.click()
    page.locator("#offer-facts").get_by_text("for research; no commercial use").wait_for()


@pytest.mark.slow
def test_a_model_is_downloaded_on_the_page(page, place: Path, host: LyingServer) -> None:  # type: ignore[no-untyped-def]
    choose(page)
    page.locator("#offer-get").click()
    page.get_by_text("Agree to the licence first.").wait_for()
    assert host.asked == []
    page.locator("#offer-agree input").check()
    page.locator("#offer-get").click()
    page.locator("#offer-told [role=alert]").get_by_text("model").wait_for()  # what went wrong stays to be read
    host.files["/model"] = (server_that.good, CONTENT)
    page.locator("#offer-get").click()
    page.get_by_text("model: ready to use").wait_for()
    assert until(lambda: page.locator("#said textarea").input_value() == "ready", 5)
    assert checkpoints.path("model").read_bytes() == CONTENT
    page.reload()
    page.get_by_text("Everything is here.").wait_for()


@pytest.mark.slow
def test_stopping_on_the_page_keeps_what_has_come(  # type: ignore[no-untyped-def]
    page, place: Path, host: LyingServer, limits: Callable[..., None]
) -> None:
    limits(stall_seconds=30)
    host.files["/model"] = (server_that.stalls, CONTENT)
    choose(page)
    page.locator("#offer-agree input").check()
    page.locator("#offer-get").click()
    bar = page.locator("#offer-told progress")
    assert until(lambda: bar.count() and bar.get_attribute("value") == str(len(CONTENT) // 2), 10)
    page.locator("#offer-stop").click()
    assert until(lambda: not [one for one in threading.enumerate() if one.name == "offer"], 5)
    assert [part.stat().st_size for part in place.rglob("*.part")] == [len(CONTENT) // 2]
    host.files["/model"] = (server_that.good, CONTENT)
    page.locator("#offer-get").click()
    page.get_by_text("model: ready to use").wait_for()
    assert host.begins() == [0, len(CONTENT) // 2]


def test_what_a_choice_lacks(monkeypatch: pytest.MonkeyPatch, limits: Callable[..., None], tmp_path: Path) -> None:
    from lipsync_core.ui.downloads import needed_by

    limits(checkpoints_dir=tmp_path)
    assert needed_by("wav2lip", "kokoro:af_heart") == ["kokoro", "kokoro_voices", "wav2lip_gan"]
    assert needed_by("", "kokoro:af_heart") == ["kokoro", "kokoro_voices"]
    assert needed_by("rig", "piper:ru_RU-irina-medium") == ["piper/ru_RU-irina-medium"]
    assert needed_by("rig", voices("en")[0].id) == []
