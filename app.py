"""The page: a text, a voice and a face in; the face speaks live, and as an MP4 at the end. No logic of its own.

The HTTP API is served beside it, by the same process on the same port.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from lipsync_core import LipsyncError, Studio, checkpoints
from lipsync_core.face import default_avatars
from lipsync_core.sinks.live_clock import LiveClock
from lipsync_core.sinks.mp4 import Mp4Writer
from lipsync_core.sinks.preview_image import PreviewImage
from lipsync_core.speech import Voice, languages, voices
from lipsync_core.web import launch_options, make_api

TITLE = "Lipsync Studio"
EXAMPLE = "Hello! Write what I should say, choose a face and a voice, and I will say it."
VISITORS_AT_ONCE = 64  # those who wait for their turn included
KEPT_SECONDS = 6 * 3600  # of uploads and finished videos
FONT = ["system-ui", "sans-serif"]  # nothing is loaded from elsewhere
AUTOMATIC = ("Automatic", "")

studio = Studio()
api = make_api(studio)


def speak(
    text: str,
    language: str,
    voice: str,
    face: str,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
) -> Iterator[tuple[Any, Any]]:
    """Show the frames of a take as they are due, and at the end its MP4."""
    try:
        with api.state.service.jobs.enter(request.client.host if request.client else "page") as ticket:
            while not ticket.wait(0.2):
                progress(None, desc=f"Waiting in line, place {ticket.position}")
                yield gr.skip(), gr.skip()  # here the wait ends when the tab is closed
            yield from _speak(text, language, voice, face, progress)
    except LipsyncError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _speak(text: str, language: str, voice: str, face: str, progress: gr.Progress) -> Iterator[tuple[Any, Any]]:
    avatar = studio.avatar(face, progress=lambda part: progress(part, desc="Looking at the face"))
    for note in avatar.notes:
        gr.Info(note)
    take = studio.take(text, avatar=avatar, language=language or None, voice=voice or None, low_latency=True)
    # Gradio copies the file when it is yielded. A tab that is closed ends the generator where it yields.
    with take, TemporaryDirectory(prefix="lipsync-page-") as folder:
        clock = LiveClock()
        with Mp4Writer(Path(folder) / "talk.mp4", take.size, take.fps, take.sample_rate) as writer:
            for frame in take:
                writer.write(frame)
                if clock.wait(frame.time):
                    yield frame.image, None
        yield gr.skip(), str(writer.path)


def voices_of(language: str) -> gr.Dropdown:
    """The voice menu of a language."""
    listed = [(_shown(voice), voice.id) for voice in voices(language or None) if voice.ready]
    return gr.Dropdown(choices=[AUTOMATIC, *listed], value="", label="Voice")


def _shown(voice: Voice) -> str:
    name = voice.name if voice.name.startswith(voice.language_name) else f"{voice.language_name}: {voice.name}"
    return f"{name}, neural" if voice.neural else name


def page() -> gr.Blocks:
    """The page, not yet served."""
    faces = default_avatars()
    names = [(f"{entry.name} ({entry.native_name})", entry.code) for entry in languages()]
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, KEPT_SECONDS)) as blocks:
        face = gr.State(next(iter(faces)))
        gr.Markdown(f"# {TITLE}\nText and a face in, a talking video out.")
        with gr.Row():
            with gr.Column():
                text = gr.Textbox(EXAMPLE, label="Text", lines=4, max_lines=12, elem_id="text")
                with gr.Row():
                    language = gr.Dropdown([AUTOMATIC, *names], value="", label="Language")
                    voice = voices_of("")
                gallery = gr.Gallery(
                    [(str(file), name) for name, file in faces.items()],
                    label="Face",
                    columns=len(faces),
                    selected_index=0,
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    height=140,
                )
                upload = gr.File(label="Or your own photo or video", file_types=["image", "video"], height=130)
                with gr.Row():
                    start = gr.Button("Speak", variant="primary", elem_id="speak")
                    stop = gr.Button("Stop")
            with gr.Column():
                preview = PreviewImage(label="Live, without sound", interactive=False, buttons=[], height=400)
                video = gr.Video(label="Video", interactive=False, autoplay=True, height=400)

        def chosen(event: gr.SelectData) -> tuple[str, None]:
            return list(faces)[event.index], None

        def uploaded(file: str | None) -> tuple[str, Any]:
            return file or next(iter(faces)), gr.Gallery(selected_index=None if file else 0)

        language.change(voices_of, language, voice, api_visibility="private")
        gallery.select(chosen, None, [face, upload], api_visibility="private")
        gr.on([upload.upload, upload.clear], uploaded, upload, [face, gallery], api_visibility="private")
        running = start.click(
            speak, [text, language, voice, face], [preview, video], concurrency_limit=VISITORS_AT_ONCE, api_name="speak"
        )
        stop.click(None, cancels=[running])
    return blocks


def main() -> None:
    """Serve the page until it is interrupted; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set where."""
    try:
        checkpoints.fetch_required()
    except LipsyncError as error:
        print(error, file=sys.stderr)  # the page says it again to whoever needs the file
    page().queue(max_size=VISITORS_AT_ONCE).launch(
        app_kwargs=launch_options(api), ssr_mode=False, theme=gr.themes.Soft(font=FONT), footer_links=[]
    )


if __name__ == "__main__":
    main()
