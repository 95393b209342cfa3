"""Where everything stands on the page, and which event calls what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from lipsync_core.face import default_avatars
from lipsync_core.installation import resource
from lipsync_core.jobs.progress import Progress
from lipsync_core.models import model_names
from lipsync_core.ui import menus
from lipsync_core.ui.downloads import build_offer
from lipsync_core.ui.errors import Page, script
from lipsync_core.ui.examples import EXAMPLES
from lipsync_core.ui.handlers import Desk, Speaking
from lipsync_core.ui.i18n import Words, i18n, say
from lipsync_core.ui.preview_image import PreviewImage
from lipsync_core.ui.status_panel import status
from lipsync_core.ui.voice_cloning import build_imitation

KEPT_SECONDS = 6 * 3600  # of uploads and finished videos
TIDY_SECONDS = 600
VISITORS_AT_ONCE = 64  # those who wait for their turn included
STATIC = Path(__file__).with_name("static")
ICON = resource("assets/icon.svg")
FILES = ["image", "video"]


def build(desk: Desk) -> gr.Blocks:
    """The page, not yet served."""
    words = Words()
    first = next(iter(default_avatars()))
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    with Page(title=words("title"), analytics_enabled=False, delete_cache=(TIDY_SECONDS, KEPT_SECONDS)) as blocks:
        face, recorded = gr.State(first), gr.State(False)
        used = gr.BrowserState([], storage_key="lipsync-faces")
        with gr.Row(elem_id="head"):
            gr.Markdown(f"# {words('title')}", elem_id="title")
            gr.Markdown(say("tagline"), elem_id="tagline")
        with gr.Row(elem_id="main"):
            with gr.Column(scale=6, min_width=320, elem_id="inputs"):
                with gr.Tabs(elem_id="source") as tabs:
                    with gr.Tab(say("text"), id="text") as text_tab:
                        text = gr.Textbox(
                            words("greeting"), label=say("text"), placeholder=say("text_hint"), lines=4, max_lines=10,
                            elem_id="text", show_label=False, container=False,
                        )  # fmt: skip
                        with gr.Row(elem_id="examples"):
                            gr.Markdown(say("examples"), elem_id="examples-label")
                            buttons = [
                                gr.Button(one.label, size="sm", elem_classes="example", min_width=60)
                                for one in EXAMPLES
                            ]
                    with gr.Tab(say("recording"), id="recording") as recording_tab:
                        recording = gr.Audio(
                            label=say("recording_label"), sources=["upload", "microphone"], type="filepath",
                            editable=False, buttons=[], elem_id="recording",
                        )  # fmt: skip
                with gr.Row(elem_id="tongue"):
                    language = gr.Dropdown(
                        menus.language_menu(words), value="", label=say("language"), num_choices_shown=None,
                        elem_id="language", min_width=140,
                    )  # fmt: skip
                    voice = gr.Dropdown(
                        menus.voice_menu("", words), value="", label=say("voice"), num_choices_shown=None,
                        elem_id="voice", min_width=140,
                    )  # fmt: skip
                voice_line = gr.Markdown(elem_classes="line")
                gallery = gr.Gallery(
                    desk.faces.gallery([]), label=say("face"), columns=5, selected_index=0, allow_preview=False,
                    interactive=False, buttons=[], height="auto", object_fit="cover", format="jpeg", elem_id="faces",
                )  # fmt: skip
                with gr.Accordion(say("own_face"), open=False, elem_id="own-face"), gr.Tabs():
                    with gr.Tab(say("upload")):
                        upload = gr.File(
                            label=say("upload"), file_types=FILES, height=120, elem_id="upload", show_label=False
                        )
                    with gr.Tab(say("webcam")):
                        webcam = gr.Image(
                            label=say("webcam"), sources=["webcam"], type="filepath", format="jpeg", height=280,
                            show_label=False, elem_id="webcam", buttons=[],
                        )  # fmt: skip
                with gr.Accordion(say("more"), open=False, elem_id="more"):
                    model = gr.Radio(
                        menus.model_menu(words), value=model_names()[0], label=say("model"), elem_id="model"
                    )
                    model_line = gr.Markdown(menus.model_line(model_names()[0], words), elem_classes="line")
                    live = gr.Checkbox(True, label=say("low_latency"), info=say("low_latency_info"), elem_id="live")
                    with gr.Row():
                        speed = gr.Slider(0.5, 2, 1, step=0.05, label=say("speed"), elem_id="speed", min_width=150)
                        size = gr.Dropdown(
                            menus.size_menu(words), value=0, label=say("size"), info=say("size_info"), elem_id="size",
                            min_width=150,
                        )  # fmt: skip
                    with gr.Row():
                        seed = gr.Number(
                            0, label=say("seed"), info=say("seed_info"), precision=0, minimum=0, maximum=2**31,
                            elem_id="seed", min_width=150,
                        )  # fmt: skip
                        which = gr.Number(
                            0, label=say("which_face"), info=say("which_face_info"), precision=0, minimum=0,
                            maximum=99, elem_id="which", min_width=150,
                        )  # fmt: skip
                with gr.Accordion(say("shelf"), open=False, elem_id="shelf") as shelf, gr.Tabs():
                    with gr.Tab(say("offer")):
                        missing = gr.Markdown(visible=False, elem_id="missing")
                        offer = build_offer(blocks)
                    with gr.Tab(say("imitate")):
                        imitated = build_imitation()
                with gr.Row(elem_id="buttons"):
                    start = gr.Button(say("speak"), variant="primary", size="lg", elem_id="speak")
                    stop = gr.Button(say("stop"), variant="stop", size="lg", elem_id="stop")
            with gr.Column(scale=5, min_width=320, elem_id="stage"):
                preview = PreviewImage(
                    str(default_avatars()[first]), label=say("live"), interactive=False, buttons=[], format="jpeg",
                    show_label=False, elem_id="live-picture",
                )  # fmt: skip
                video = gr.Video(label=say("video"), interactive=False, visible=False, buttons=[], elem_id="video")
                download = gr.DownloadButton(str(say("download")), visible=False, elem_id="download")
                with gr.Row(elem_id="heard"):
                    hear = gr.Checkbox(True, label=say("sound"), elem_id="hear", container=False, min_width=80)
                    gr.Markdown(say("figure_sync"), elem_id="sync-label")
                    gr.HTML('<output id="sync">–</output>', elem_id="sync-value")
                panel = gr.HTML(status(Progress(), words), elem_id="panel")
        with gr.Row(elem_id="foot"):
            gr.Markdown(say("synthetic"))
            gr.HTML('<a href="docs">API</a> · <a href="mjpeg_test">MJPEG, WebRTC</a>')
        sound = gr.Textbox("", visible="hidden", elem_id="sound-name")
        whole = gr.Button(visible="hidden", elem_id="whole")  # pressed by the one in the panel
        latest, click = gr.State(0), gr.Number(0, visible="hidden")

        # By the option of a take that each one sets; programs know a control by its elem_id.
        controls: dict[str, Any] = {
            "text": text, "audio": recording, "avatar": face, "language": language, "voice": voice, "face": which,
            "model": model, "low_latency": live, "speed": speed, "size": size, "seed": seed,
        }  # fmt: skip
        names = {getattr(control, "elem_id", None) or option: option for option, control in controls.items()}

        def speak(request: gr.Request, recorded: bool, sound: str, **given: Any) -> Iterator[Speaking]:
            """Show a face that speaks as it is due, and at the end its video."""
            yield from desk.speak({option: given[name] for name, option in names.items()}, recorded, sound, request)

        inputs = {"recorded": recorded, **{name: controls[option] for name, option in names.items()}, "sound": sound}
        outputs = [preview, panel, video, download]
        run: dict[str, Any] = {
            "fn": speak, "inputs_kwargs": inputs, "outputs": outputs, "concurrency_limit": VISITORS_AT_ONCE,
            "concurrency_id": "speak", "show_progress": "hidden",
        }  # fmt: skip
        begin: dict[str, Any] = {"js": "(...given) => lipsync.begin(given)"}
        complete = {**inputs, "live": gr.State(False)}
        begun = [
            start.click(**run, **begin, api_name="speak"),
            whole.click(**{**run, "inputs_kwargs": complete}, **begin, api_visibility="private"),
        ]
        stop.click(desk.stop, sound, queue=False, js="() => lipsync.stop()", **private)
        for number, button in enumerate(buttons):
            filled = [text, language, voice, face, gallery, recorded, tabs, latest]
            fill: dict[str, Any] = {"js": f"(...given) => lipsync.example({number}, given)", "trigger_mode": "multiple"}
            event = button.click(
                desk.example, [gr.State(number), used, latest, click], filled, **fill, **private,
                concurrency_limit=1, concurrency_id="example",  # one after the other, so that `latest` is true
            )  # fmt: skip
            then: dict[str, Any] = {"js": f"(...given) => lipsync.follow({number}, given)", "trigger_mode": "multiple"}
            begun.append(event.then(**run, **then, api_visibility="private"))

        language.input(desk.voices_of, language, [voice, voice_line], **private)
        lines = [model_line, voice_line, missing, offer.choice, shelf]
        gr.on([model.change, voice.change], desk.lines, [model, voice], lines, **private)
        for event in begun:  # what a run lacked is on the shelf then
            event.failure(desk.lines, [model, voice], lines, **private)
        for event in (offer.fetched, imitated):
            event.then(desk.menus, [language, voice], [language, voice, model, missing], **private)
        text_tab.select(lambda: False, None, recorded, **private)
        recording_tab.select(lambda: True, None, recorded, **private)
        gallery.select(desk.choose, used, [face, which, preview, video, download], **private)

        def accept(
            file: str | None,
            used: Any,
            which: float,
            size: int,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
        ) -> tuple[Any, ...]:
            return desk.accept(file, used, which, size, request, progress)

        for source, moment in ((upload, upload.upload), (webcam, webcam.input)):
            taken = moment(
                accept, [source, used, which, size], [face, used, gallery, preview, video, download, source],
                api_visibility="private", show_progress="full", show_progress_on=source,
            )  # fmt: skip
            taken.failure(lambda: None, None, source, **private)  # a file that was refused makes room for another
        blocks.unload(desk.leave)
        hear.change(None, hear, js="(on) => lipsync.hear(on)")
        arrived = [text, language, voice, size, model, model_line, gallery, used, panel]
        blocks.load(desk.arrive, [text, used], arrived, **private).then(None, js="() => lipsync.arrived()")
    page: gr.Blocks = blocks
    return page


def look() -> dict[str, Any]:
    """What `launch` needs to show the page as it is meant: theme, style, icon, scripts and words."""
    page = (STATIC / "page.js").read_text(encoding="utf-8")
    return {
        "theme": _theme(),
        "css": (STATIC / "page.css").read_text(encoding="utf-8"),
        "head": f'<link rel="icon" href="favicon.ico" type="image/svg+xml"><script>{page}</script>{script()}',
        "favicon_path": ICON,
        "i18n": i18n(),
        "footer_links": [],
    }


def _theme() -> gr.themes.Base:
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    quiet = {
        "block_title_background_fill": "none", "block_title_padding": "0", "block_title_text_color": "*body_text_color",
        "block_label_background_fill": "none", "block_label_text_color": "*body_text_color", "block_shadow": "none",
        "input_shadow": "none", "block_title_text_weight": "600",
    }  # fmt: skip
    dark = {f"{name}_dark": value for name, value in quiet.items() if not name.endswith(("padding", "weight"))}
    return theme.set(
        **quiet,
        **dark,
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        input_border_width="1px",
        input_border_color="*border_color_primary",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
    )
