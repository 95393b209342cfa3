"""A voice that is imitated from a recording, with the consent of the person."""

from typing import Any

import gradio as gr

from lipsync_core import LipsyncError
from lipsync_core.jobs.downloads import may_download
from lipsync_core.speech import clone_voice
from lipsync_core.ui.i18n import Words, say


def build_imitation() -> Any:
    """Put the piece into the page that is being built; the event after which there may be a new voice."""

    def keep(recording: str | None, name: str, who: str, consent: bool, request: gr.Request) -> tuple[Any, ...]:
        words = Words.of(request)
        if not may_download(request):
            raise LipsyncError(
                "Voices are kept for whoever sits at this machine alone; LIPSYNC_DOWNLOADS can allow more."
            )
        if not recording:
            raise LipsyncError("There is no recording of the voice yet; record or upload one.")
        if not consent:
            raise LipsyncError("Ask the person first, then tick the box.")
        kept = clone_voice(recording, name, consent=consent, who=who)
        return None, "", "", False, words("imitate_kept", name=kept.display_name)

    gr.Markdown(say("imitate_about"), elem_classes="line")
    recording = gr.Audio(
        label=say("imitate_recording"), sources=["upload", "microphone"], type="filepath", editable=False, buttons=[],
        elem_id="imitate-recording",
    )  # fmt: skip
    with gr.Row():
        name = gr.Textbox(label=say("imitate_name"), max_lines=1, elem_id="imitate-name", min_width=140)
        who = gr.Textbox(label=say("imitate_who"), max_lines=1, elem_id="imitate-who", min_width=140)
    consent = gr.Checkbox(False, label=say("imitate_consent"), elem_id="imitate-consent")
    button = gr.Button(say("imitate_keep"), elem_id="imitate-keep")
    told = gr.Markdown(elem_id="imitate-told")
    return button.click(
        keep, [recording, name, who, consent], [recording, name, who, consent, told],
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip
