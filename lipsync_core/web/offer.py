"""A piece of a Gradio page: what can be fetched, its size and licence, and its progress."""

import html
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lipsync_core import LipsyncError, checkpoints

from .downloads import may_download

SECONDS = 0.25  # between two updates
WORDS = {  # English; a page gives its own for other languages
    "choose": "Models and voices that can be downloaded",
    "get": "Download",
    "stop": "Stop",
    "agree": "I agree to the licence: no commercial use",
    "size": "{mb:.0f} MB",
    "commercial": "commercial use allowed",
    "non_commercial": "no commercial use",
    "unclear": "commercial use: see its sources",
    "progress": "{name}: {done:.0f} of {total:.0f} MB",
    "done": "{names}: ready to use",
    "nothing": "Everything is here.",
    "refused": "Files are downloaded for whoever sits at this machine alone; LIPSYNC_DOWNLOADS can allow more.",
    "disagreed": "Agree to the licence first.",
}


@dataclass(frozen=True)
class Offer:
    """The components. fetched: the event; what a page hangs on it by `.then` runs after it, also when it failed."""

    choice: gr.Dropdown
    facts: gr.Markdown
    agree: gr.Checkbox
    get: gr.Button
    stop: gr.Button
    told: gr.HTML
    fetched: Any


def needed_by(model: str = "", voice: str = "") -> list[str]:
    """Names of the entries that a model or a voice, by its id, lacks; the page chooses them in `Offer.choice`."""
    engine, _, name = voice.partition(":")
    names = {"kokoro": ["kokoro", "kokoro_voices"], "piper": [f"piper/{name}"]}.get(engine, [])
    names += ["wav2lip_gan"] if model == "wav2lip" and not checkpoints.is_there("wav2lip") else []
    names += ["xtts_v2"] if "xtts" in voice else []
    return [one for one in names if one in checkpoints.manifest() and not checkpoints.is_there(one)]


def offer(blocks: gr.Blocks, words: Mapping[str, str] = WORDS) -> Offer:
    """Put the piece into the page that is being built; `blocks` loads its list anew for each visitor."""
    words = {**WORDS, **words}

    def choices() -> list[tuple[str, str]]:
        return [
            (f"{one.checkpoint.about} · {words['size'].format(mb=one.checkpoint.download_bytes / 1e6)}", name)
            for one in checkpoints.listing(quick=True)
            if one.state != "ready" and not one.checkpoint.manual and not one.checkpoint.bundled
            for name in [one.checkpoint.name]
        ]

    def arrive() -> tuple[Any, str]:
        return gr.Dropdown(choices=choices()), "" if choices() else html.escape(words["nothing"])

    def chosen(names: Sequence[str]) -> tuple[str, Any]:
        return "  \n".join(_line(name, words) for name in names), gr.Checkbox(False, visible=_asks(names))

    def fetch(names: Sequence[str], agrees: bool, request: gr.Request) -> Iterator[tuple[Any, str]]:
        if not may_download(request):
            raise gr.Error(words["refused"], print_exception=False)
        if _asks(names) and not agrees:
            raise gr.Error(words["disagreed"], print_exception=False)
        try:
            for name in names:
                checkpoints.accept(name)
                with closing(progress(name)) as steps:
                    for done, total in steps:
                        yield gr.skip(), _bar(words["progress"], name, done, total)
        except LipsyncError as error:
            yield gr.skip(), ""
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        said = html.escape(words["done"].format(names=", ".join(names)))
        yield gr.Dropdown(choices=choices(), value=[]), said if names else ""

    choice = gr.Dropdown(choices(), multiselect=True, label=words["choose"], elem_id="offer")
    facts = gr.Markdown(elem_id="offer-facts")
    agree = gr.Checkbox(False, label=words["agree"], visible=False, elem_id="offer-agree")
    with gr.Row():
        get = gr.Button(words["get"], elem_id="offer-get")
        stop = gr.Button(words["stop"], elem_id="offer-stop")
    told = gr.HTML(elem_id="offer-told")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    choice.change(chosen, choice, [facts, agree], **quiet)
    fetched = get.click(fetch, [choice, agree], [choice, told], **quiet, concurrency_limit=None)
    stop.click(lambda: "", None, told, cancels=[fetched], queue=False, **quiet)
    blocks.load(arrive, None, [choice, told], **quiet)
    return Offer(choice, facts, agree, get, stop, told, fetched)


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


def _line(name: str, words: Mapping[str, str]) -> str:
    entry = checkpoints.manifest()[name]
    allowed = {True: "commercial", False: "non_commercial", None: "unclear"}[entry.commercial]
    return f"{entry.about}: {entry.licence}; {words[allowed]}"


def _bar(sentence: str, name: str, done: int, total: int) -> str:
    said = html.escape(sentence.format(name=name, done=done / 1e6, total=total / 1e6))
    return f'<label>{said} <progress value="{done}" max="{total}"></progress></label>'
