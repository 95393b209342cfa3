"""What happens when a visitor does something: one method an event. Texts are in the visitor's language.

A LipsyncError that a method raises is told by the page itself; see `toasts`.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from lipsync_core import LipsyncError, TakeOptions
from lipsync_core.face import default_avatars
from lipsync_core.jobs.page_render import Moment
from lipsync_core.jobs.progress import Progress
from lipsync_core.jobs.runs import Runs, replaced, stopped
from lipsync_core.jobs.service import Service
from lipsync_core.jobs.streaming import Left
from lipsync_core.jobs.uploads import check_recording
from lipsync_core.models import model_names
from lipsync_core.ui import menus
from lipsync_core.ui.downloads import needed_by
from lipsync_core.ui.errors import inform, told
from lipsync_core.ui.examples import EXAMPLES
from lipsync_core.ui.faces import Faces
from lipsync_core.ui.i18n import Words
from lipsync_core.ui.missing import lack
from lipsync_core.ui.preview_audio import Sounds
from lipsync_core.ui.status_panel import status
from lipsync_core.ui.zero_gpu import performer

STATUS_SECONDS = 0.25  # between two looks of the status at most
TURN_SECONDS = 0.2  # between two looks at the place in line
ENDING_POLL = 0.02  # seconds
AUTOMATIC = {"size": 0, "face": 0}  # what a control says where nothing is chosen, unless it is empty then

SKIP = gr.skip()
Speaking = tuple[Any, Any, Any, Any]  # preview, status, video, download


class Desk:
    """One for the server."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.runs, self.uploads = Runs(service.folder), Runs(service.folder)
        self.sounds, self.faces = Sounds(), Faces(service)
        self._perform = performer(service.studio)

    # Speak and stop

    def speak(self, controls: Mapping[str, Any], recorded: bool, sound: str, request: gr.Request) -> Iterator[Speaking]:
        """Show a face that speaks as it is due, the stages of the run with their figures, and at the end its MP4.

        controls: their values, by the option of a take that each one sets; of `text` and `audio`, the one that counts
        is said by `recorded`. sound: the name by which the page listens.
        """
        words, visitor = Words.of(request), _visitor(request)
        if sound:  # one page shows one run at a time; a program, which has no such name, may have several
            self.runs.replace(visitor)
        try:
            with (
                self.sounds.run(sound),
                self.service.jobs.enter(_owner(request)) as ticket,
                self.runs.folder(visitor, sound) as folder,
            ):
                shown = 0
                while not ticket.wait(TURN_SECONDS if shown else 0):  # here the wait ends when the tab is closed
                    if replaced(folder):
                        return
                    if stopped(folder):
                        yield SKIP, status(Progress("stopped_early"), words), SKIP, SKIP
                        return
                    if ticket.position != shown:
                        shown = ticket.position
                        yield SKIP, status(Progress("waiting", position=shown), words), SKIP, SKIP
                    else:
                        yield SKIP, SKIP, SKIP, SKIP
                options = self._options(controls, recorded)
                with self.service.metrics.sessions.labels("page").track_inprogress():
                    yield from self._show(self._perform(options, folder), folder, sound, words)
        except LipsyncError as error:
            yield SKIP, status(Progress("failed", error=told(error, request, words)), words), SKIP, SKIP
            raise
        except Exception:  # a defect: its traceback goes to the log, a sentence to the visitor
            yield SKIP, status(Progress("failed", error=words("defect")), words), SKIP, SKIP
            raise

    def _options(self, controls: Mapping[str, Any], recorded: bool) -> TakeOptions:
        """Those of the run. Raises LipsyncError for what cannot be used."""
        source = "audio" if recorded else "text"
        spoken, key = controls[source], controls["avatar"]
        if recorded and not spoken:
            raise LipsyncError("There is no recording yet; record or upload one, or go back to Text.")
        if recorded:
            spoken = Path(spoken)
            check_recording(spoken)
        chosen = {
            name: value
            for name, value in controls.items()
            if name not in ("text", "audio", "avatar") and value not in (None, "") and value != AUTOMATIC.get(name)
        }
        if key in default_avatars():
            chosen.pop("face", None)  # it is said of a visitor's own picture
        return TakeOptions(avatar=self.faces.path(key), **{source: spoken}, **chosen)

    def _show(self, moments: Iterator[Moment], folder: Path, sound: str, words: Words) -> Iterator[Speaking]:
        shown, stage = 0.0, ""
        frames = self.service.metrics.frames.labels("page")
        counted = 0
        for moment in moments:
            if replaced(folder):
                return
            progress = moment.progress
            frames.inc(progress.frames - counted if progress.frames else 0)
            counted = progress.frames
            for note in moment.notes:
                inform(note, words)
            self.sounds.send(sound, moment.start, moment.sound)
            image = moment.frame or SKIP
            now = time.monotonic()
            news = progress.stage != stage or now - shown > STATUS_SECONDS
            panel: Any = SKIP
            if news:
                panel, shown = status(progress, words), now
            if moment.path is not None:
                path = str(moment.path)  # Gradio copies the file when it is yielded
                yield gr.update(visible=False), panel, gr.Video(path, visible=True), _file(path)
            elif not stage:
                yield gr.update(visible=True), panel, _hidden(), _hidden()
            elif moment.frame is not None or news:
                yield image, panel, SKIP, SKIP
            stage = progress.stage

    def stop(self, sound: str, request: gr.Request) -> None:
        """End the visitor's run; what it has becomes its file."""
        self.runs.stop(_visitor(request), sound)

    def leave(self, request: gr.Request) -> None:
        """The visitor's tab was closed: end all that is made for it, also what Gradio cannot end by itself."""
        for each in (self.runs, self.uploads):
            each.stop(_visitor(request))

    def close(self, seconds: float) -> None:
        """The server stops: end all that is made, and wait for it so long at most."""
        deadline = time.monotonic() + seconds
        while (self.runs.end() | self.uploads.end()) and time.monotonic() < deadline:  # both, also while runs are left
            time.sleep(ENDING_POLL)

    # Faces

    def arrive(self, text: str, used: Any, request: gr.Request) -> tuple[Any, ...]:
        """Menus, gallery and status in the visitor's language, with the faces that the browser has used."""
        words, known = Words.of(request), self.faces.known(used)
        return (
            words("greeting") if text == Words()("greeting") else SKIP,
            gr.Dropdown(choices=menus.language_menu(words)),
            gr.Dropdown(choices=menus.voice_menu("", words)),
            gr.Dropdown(choices=menus.size_menu(words)),
            gr.Radio(choices=menus.model_menu(words)),
            menus.model_line(model_names()[0], words),
            gr.Gallery(value=self.faces.gallery(known)),
            known,
            status(Progress(), words),
        )

    def choose(self, used: Any, event: gr.SelectData) -> tuple[Any, ...]:
        """A face of the gallery was clicked; it is shown in place of the video before."""
        key = self.faces.chosen(self.faces.known(used), event.index)
        return key, self.faces.which(key), _picture(str(self.faces.still(key))), _hidden(), _hidden()

    def accept(
        self, upload: str | None, used: Any, which: float, size: int, request: gr.Request, progress: gr.Progress
    ) -> tuple[Any, ...]:
        """Look for the face in an upload, once and for all, and put it into the gallery."""
        if not upload:
            return SKIP, SKIP, SKIP, SKIP, SKIP, SKIP, None
        words = Words.of(request)
        try:
            with self.service.jobs.enter(_owner(request)) as ticket, self.uploads.folder(_visitor(request)) as folder:
                while not ticket.wait(TURN_SECONDS):
                    progress(None, desc=words("waiting", position=ticket.position))
                    _stay(folder)

                def look(part: float) -> None:
                    _stay(folder)
                    progress(part, desc=words("looking"))

                path = self.faces.copy(upload)
                try:
                    avatar = self.service.studio.avatar(
                        path,
                        face=int(which) if which else None,
                        size=int(size) or None,
                        progress=look,
                    )
                except BaseException:
                    self.faces.drop(path)
                    raise
        except Left:
            return (SKIP,) * 7
        for note in avatar.notes:
            inform(note, words)
        key = self.faces.keep(path, avatar, int(which or 0))
        known = self.faces.known([key, *self.faces.known(used)])
        gallery = gr.Gallery(value=self.faces.gallery(known), selected_index=0)
        return key, known, gallery, _picture(avatar.frames[0]), _hidden(), _hidden(), None

    # Menus

    def voices_of(self, language: str, request: gr.Request) -> tuple[Any, str]:
        """The voice menu follows the language."""
        return gr.Dropdown(choices=menus.voice_menu(language, Words.of(request)), value=""), ""

    def lines(self, model: str, voice: str, request: gr.Request) -> tuple[Any, ...]:
        """Licences of what is chosen, how to get what is missing, and the download of it, ready to be started."""
        words, needed = Words.of(request), needed_by(model, voice)
        lacks = lack(model, voice, request, words)
        return (
            menus.model_line(model, words),
            menus.voice_line(voice, words),
            gr.Markdown(lacks, visible=bool(lacks)),
            needed or SKIP,
            gr.Accordion(open=True) if lacks else SKIP,
        )

    def menus(self, language: str, voice: str, request: gr.Request) -> tuple[Any, ...]:
        """The menus anew, when a file has come; what is chosen stays."""
        words = Words.of(request)
        return (
            gr.Dropdown(choices=menus.language_menu(words)),
            gr.Dropdown(choices=menus.voice_menu(language, words), value=voice),
            gr.Radio(choices=menus.model_menu(words)),
            gr.Markdown("", visible=False),
        )

    def example(self, number: int, used: Any, latest: int, click: float, request: gr.Request) -> tuple[Any, ...]:
        """Fill the page with an example, unless one of a later click was there first."""
        if click < latest:
            return (SKIP,) * 8
        example, known = EXAMPLES[number], self.faces.known(used)
        menu = menus.voice_menu(example.language, Words.of(request))
        return (
            example.text,
            example.language,
            gr.Dropdown(choices=menu, value=""),
            example.face,
            gr.Gallery(selected_index=self.faces.place(known, example.face)),
            False,
            gr.Tabs(selected="text"),
            int(click),
        )


def _stay(folder: Path) -> None:
    """Raises Left where the visitor of this folder has left."""
    if stopped(folder):
        raise Left


def _visitor(request: gr.Request) -> str:
    return request.session_hash or "nobody"


def _owner(request: gr.Request) -> str:
    return request.client.host if request.client else "page"


def _file(path: str) -> Any:
    return gr.DownloadButton(value=path, visible=True)


def _picture(value: Any) -> Any:
    return gr.update(value=value, visible=True)


def _hidden() -> Any:
    return gr.update(value=None, visible=False)
