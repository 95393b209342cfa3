"""Messages that pop up on the page, in the visitor's language. Gradio shows them as HTML, and ours name files.

Their titles, and what Gradio says before anything comes to the server, are put right in the browser, by toasts.js.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from lipsync_core.errors import LipsyncError, NotReady, redacted
from lipsync_core.jobs.downloads import may_download
from lipsync_core.settings import settings
from lipsync_core.ui.i18n import Words, translations

SCRIPT = Path(__file__).with_name("static") / "toasts.js"
IN_BROWSER = ("failed", "note", "no_picture", "no_sound", "too_large", "connection_lost")  # words that it needs
NOTE_SECONDS = 12.0  # that a note is shown
GRADIO = {  # what its components refuse, by the names of the same in the locales
    "value_too_small": re.compile(r"Value (?P<value>\S+) is less than minimum value (?P<limit>\S+)\."),
    "value_too_large": re.compile(r"Value (?P<value>\S+) is greater than maximum value (?P<limit>\S+)\."),
    "value_unknown": re.compile(r"Value: .* is not in the list of choices: .*", re.DOTALL),
    "file_unknown": re.compile(r"Invalid file type\. .*", re.DOTALL),
}


class Page(gr.Blocks):
    """gr.Blocks that tells whatever an event raises: the functions of events just raise a LipsyncError."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """As gr.Blocks does, which calls the event's function in it. Raises gr.Error alone."""
        try:
            return await super().process_api(*given, **named)
        except Exception as error:
            raise refusal(error, named.get("request")) from error


def refusal(error: Exception, request: Any) -> gr.Error:
    """The message for an error: its sentence, or for a defect, whose traceback goes to the log, one that says so."""
    words = Words.of(request)
    if isinstance(error, LipsyncError):
        said = told(error, request, words)
    elif isinstance(error, gr.Error):  # what Gradio itself refuses, such as a number out of range
        said = _of_gradio(str(error.message), words)
    else:
        return gr.Error(words("defect"), title=words("failed"))
    return gr.Error(escape(said, quote=False), title=words("failed"), print_exception=False)


def _of_gradio(text: str, words: Words) -> str:
    for name, pattern in GRADIO.items():
        if found := pattern.fullmatch(text):
            return words(name, **found.groupdict())
    return text


def told(error: LipsyncError, request: Any, words: Words) -> str:
    """The sentence of an error as the page tells it: what a button of the page mends, by that button."""
    if isinstance(error, NotReady) and error.checkpoints and may_download(request):
        return words("needs_shelf", shelf=words("shelf"), button=words("offer_get"))
    return words.sentence(redacted(error.message))


def inform(note: str, words: Words) -> None:
    """A note that its reader may do something about."""
    gr.Info(escape(words.sentence(redacted(note)), quote=False), duration=NOTE_SECONDS, title=words("note"))


def script() -> str:
    """The part in the browser, as HTML."""
    limit = f"{settings().max_upload_bytes / 1e6:g}"
    words = {
        language: {key: table[key].replace("{mb}", limit) for key in IN_BROWSER}
        for language, table in translations().items()
    }
    return f"<script>window.toastWords = {json.dumps(words)};\n{SCRIPT.read_text(encoding='utf-8')}</script>"
