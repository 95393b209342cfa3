"""What can be downloaded: models and voices with their size and licence, and how far a download is."""

import html
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lipsync_core import LipsyncError, checkpoints
from lipsync_core.jobs.downloads import may_download
from lipsync_core.models import models
from lipsync_core.speech import voices
from lipsync_core.ui.errors import told
from lipsync_core.ui.i18n import COMMERCIAL, Words, say

SECONDS = 0.25  # between two updates


@dataclass(frozen=True)
class Offer:
    """The components. fetched: the event; what a page hangs on it by `.then` runs after it, also when it failed."""

    choice: gr.Dropdown
    fetched: Any


def needed_by(model: str = "", voice: str = "") -> list[str]:
    """Names of the entries that a model or a voice, by its id, lacks; of those of which one suffices, the first."""
    names = [name for one in voices() if one.id == voice for name in one.checkpoints]
    names += [name for one in models() if one.name == model for name in one.lacking]
    return [one for one in names if not checkpoints.is_there(one) and not checkpoints.manifest()[one].manual]


def build_offer(blocks: gr.Blocks) -> Offer:
    """Put the piece into the page that is being built; `blocks` loads its list anew for each visitor."""

    def choices(words: Words) -> list[tuple[str, str]]:
        return [
            (f"{words.sentence(one['about'])} · {words('offer_size', mb=one['download_bytes'] / 1e6)}", one["name"])
            for one in checkpoints.listing(quick=True)
            if not (one["state"] == "ready" or one["manual"] or one["bundled"])
        ]

    def arrive(request: gr.Request) -> tuple[Any, str]:
        words = Words.of(request)
        listed = choices(words)
        return gr.Dropdown(choices=listed), "" if listed else html.escape(words("offer_nothing"))

    def chosen(names: Sequence[str], request: gr.Request) -> tuple[str, Any]:
        words = Words.of(request)
        return "  \n".join(_line(name, words) for name in names), gr.Checkbox(False, visible=_asks(names))

    def fetch(names: Sequence[str], agrees: bool, request: gr.Request) -> Iterator[tuple[Any, str]]:
        words = Words.of(request)
        if not may_download(request):
            raise LipsyncError(
                "Files are downloaded for whoever sits at this machine alone; LIPSYNC_DOWNLOADS can allow more."
            )
        if _asks(names) and not agrees:
            raise LipsyncError("Agree to the licence first.")
        try:
            for name in names:
                checkpoints.accept(name)
                with closing(progress(name)) as steps:
                    for done, total in steps:
                        yield gr.skip(), _bar(words, name, done, total)
        except LipsyncError as error:
            yield gr.skip(), f'<p role="alert">{html.escape(told(error, request, words))}</p>'
            raise
        news = html.escape(words("offer_done", names=", ".join(names))) if names else ""
        yield gr.Dropdown(choices=choices(words), value=[]), news

    choice = gr.Dropdown(choices(Words()), multiselect=True, label=say("offer_choose"), elem_id="offer")
    facts = gr.Markdown(elem_id="offer-facts", elem_classes="line")
    agree = gr.Checkbox(False, label=say("offer_agree"), visible=False, elem_id="offer-agree")
    with gr.Row():
        get = gr.Button(say("offer_get"), elem_id="offer-get")
        stop = gr.Button(say("stop"), elem_id="offer-stop")
    panel = gr.HTML(elem_id="offer-told")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    choice.change(chosen, choice, [facts, agree], **quiet)
    fetched = get.click(fetch, [choice, agree], [choice, panel], **quiet, concurrency_limit=None)
    stop.click(lambda: "", None, panel, cancels=[fetched], queue=False, **quiet)
    blocks.load(arrive, None, [choice, panel], **quiet)
    return Offer(choice, fetched)


def progress(name: str) -> Generator[tuple[int, int], None, None]:
    """Fetch an entry in a thread; yields bytes done and in all now and then. Whoever closes this stops the fetch."""
    cancel, ended = threading.Event(), threading.Event()
    seen, failed = (0, checkpoints.manifest()[name].download_bytes), []

    def tell(_: str, done: int, total: int) -> None:
        nonlocal seen
        seen = done, total

    def work() -> None:
        try:
            checkpoints.fetch(name, tell, cancel)
        except LipsyncError as error:
            failed.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=work, name="offer")
    thread.start()
    try:
        while not ended.wait(SECONDS):
            yield seen
    finally:
        cancel.set()
        thread.join()
    if failed:
        raise failed[0]


def _asks(names: Sequence[str]) -> bool:
    return not all(checkpoints.accepted(name) for name in names)


def _line(name: str, words: Words) -> str:
    entry = checkpoints.manifest()[name]
    return f"{words.sentence(entry.about)}: {words.sentence(entry.licence)}; {words(COMMERCIAL[entry.commercial])}"


def _bar(words: Words, name: str, done: int, total: int) -> str:
    said = html.escape(words("offer_progress", name=name, done=done / 1e6, total=total / 1e6))
    return f'<label>{said} <progress value="{done}" max="{total}"></progress></label>'
