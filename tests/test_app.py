"""The page as programs see it: `python app.py` in a process of its own, and clients that press the button."""

import base64
import io
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import av
import cv2
import numpy as np
import pytest

from lipsync_core import LipsyncError, Studio, TakeOptions
from lipsync_core.cancel import CancelToken
from lipsync_core.face import default_avatars
from lipsync_core.jobs.page_render import Moment, perform
from lipsync_core.jobs.runs import Runs
from lipsync_core.jobs.uploads import check_recording
from lipsync_core.models import Life, MelChunks, ModelInfo, make_model, register
from lipsync_core.server import make_api
from lipsync_core.speech import voices
from lipsync_core.speech.catalogue import find_voice
from lipsync_core.speech.engines.base import Engine, Utterance
from lipsync_core.speech.engines.registry import engine_classes, get_engine
from lipsync_core.speech.voice import Voice
from lipsync_core.ui import menus
from lipsync_core.ui.faces import Faces
from lipsync_core.ui.i18n import FOLDER, Words, translations
from lipsync_core.ui.missing import missing
from lipsync_core.ui.zero_gpu import performer

from .api_server import THREADS, until
from .page_server import ROOT, PageServer

VOICE = "espeak:en-us"
LONG = "This sentence is said again and again. " * 50


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with PageServer(tmp_path_factory.mktemp("page")) as running:
        yield running


def options(**changes: Any) -> TakeOptions:
    values = {"text": LONG, "avatar": default_avatars()["mei"], "voice": VOICE, "size": 256, "low_latency": True}
    return TakeOptions(**(values | changes))


def seconds_of(path: str | Path) -> float:
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        return sum(1 for _ in container.decode(video=0)) / 25


def path_of(outputs: Any) -> str:
    video = outputs[2]["value"] if "value" in outputs[2] else outputs[2]
    return str(video.get("video", video)["path"])


@pytest.mark.slow
def test_a_visitor_sees_frames_and_gets_the_video(page: PageServer) -> None:
    job = page.speak(text="Hello, world. How are you?", voice=VOICE)
    result = job.result(60)
    urls = [shown["url"] for shown, *_ in job.outputs() if isinstance(shown, dict) and "url" in shown]
    assert len(urls) > 3
    jpeg = np.frombuffer(base64.b64decode(urls[0].partition("base64,")[2]), np.uint8)
    assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (720, 720, 3)
    assert 1.5 < seconds_of(path_of(result)) < 5
    assert page.until_no_take(1)
    kinds = [file.suffix for file in page.files()]
    assert set(kinds) == {".jpg", ".mp4"}  # the gallery and the video: no file for a frame
    assert kinds.count(".jpg") <= len(default_avatars()) + 1


@pytest.mark.slow
def test_visitors_at_once_each_get_their_own(page: PageServer) -> None:
    texts = ["One.", "One, two, three, four, five, six.", "Раз, два, три."]
    jobs = [page.speak(text=text, live=False, size=256) for text in texts]
    lengths = [seconds_of(path_of(job.result(90))) for job in jobs]
    assert lengths[0] < lengths[1]
    assert len(set(lengths)) == 3


def test_an_error_is_told_in_its_sentence(page: PageServer) -> None:
    with pytest.raises(Exception, match="has nothing to speak; give at least one letter"):
        page.speak(text="  ").result(60)
    with pytest.raises(Exception, match="speaks Russian, not German"):
        page.speak(text="Hallo.", language="de", voice="espeak:ru").result(60)
    assert "Traceback" not in page.log.read_text()


@pytest.mark.slow
def test_a_visitor_who_leaves_ends_the_take(page: PageServer) -> None:
    job = page.speak(text=LONG, voice=VOICE)
    while len(job.outputs()) < 5:
        time.sleep(0.05)
    assert len(page.takes()) == 1
    job.cancel()
    assert page.until_no_take(5)


@pytest.mark.slow
def test_a_server_that_is_stopped_while_it_speaks_ends_at_once(tmp_path: Path) -> None:
    with PageServer(tmp_path) as running:
        jobs = [running.speak(text=LONG, voice=VOICE, live=live) for live in (True, False)]
        assert until(lambda: len(running.takes()) == 2 and all(len(job.outputs()) > 5 for job in jobs), 30)
        asked = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0
        assert time.monotonic() - asked < 2
        assert list(tmp_path.glob("lipsync-*")) == []
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("live", [True, False])
def test_stop_leaves_a_valid_file_of_what_was_seen(studio: Studio, live: bool) -> None:
    runs = Runs()
    with runs.folder("somebody") as folder:
        moments: list[Moment] = []
        stopped, longest = False, 0.0
        for moment in perform(studio, options(low_latency=live), folder):
            moments.append(moment)
            if moment.progress.frames > 10:
                runs.stop("nobody")  # does not concern this one
                assert stopped or moment.progress.stage in ("speaking", "drawing")
            if moment.progress.frames > 18 and not stopped:
                runs.stop("somebody")
                stopped, longest = True, moment.progress.seconds
        last = moments[-1]
        assert last.progress.stage == "stopped"
        assert last.path is not None
        assert seconds_of(last.path) == pytest.approx(last.progress.seconds, abs=0.001)
        assert longest <= last.progress.seconds < longest + (0.5 if live else 10)
        assert last.progress.times["whole"] >= last.progress.times["frames"] > 0
    assert not folder.exists()


def test_stop_before_the_first_frame_leaves_nothing(studio: Studio) -> None:
    runs = Runs()
    with runs.folder("somebody") as folder:
        running = perform(studio, options(), folder)
        next(running)
        runs.stop("somebody")
        assert [moment.progress.stage for moment in running][-1] == "stopped_early"
        assert [file.name for file in folder.iterdir()] == ["stop"]


def test_stop_is_not_lost_where_it_comes_before_the_run_has_begun(studio: Studio) -> None:
    runs = Runs()
    runs.stop("somebody", "a run of this name")
    with runs.folder("somebody", "a run of this name") as folder:
        assert [moment.progress.stage for moment in perform(studio, options(), folder)][-1] == "stopped_early"
    with runs.folder("somebody", "another one") as folder:
        assert next(moment for moment in perform(studio, options(), folder) if moment.frame)


@pytest.mark.parametrize("live", [True, False])
def test_a_run_that_is_closed_leaves_nothing(studio: Studio, tmp_path: Path, live: bool) -> None:
    before = set(threading.enumerate())
    running = perform(studio, options(low_latency=live), tmp_path)
    while next(running).frame is None:
        pass
    start = time.monotonic()
    running.close()
    assert time.monotonic() - start < 1
    assert {thread.name for thread in set(threading.enumerate()) - before} & THREADS == set()
    assert list(tmp_path.iterdir()) == []


def test_without_live_every_frame_is_drawn_as_fast_as_it_can(studio: Studio, tmp_path: Path) -> None:
    text = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve. " * 2
    [*_, last] = perform(studio, options(text=text, low_latency=False), tmp_path)
    assert last.path is not None
    assert last.progress.skipped == 0
    assert last.progress.frames == round(seconds_of(last.path) * 25) > 100
    assert "waiting" not in last.progress.times


def watched(moments: Iterator[Moment]) -> tuple[list[Moment], list[float]]:
    """All moments of a run that is live, and how many seconds of sound lay ahead at each frame of speech."""
    seen, ahead, begin = [], [], None
    for moment in moments:
        seen.append(moment)
        if moment.frame is not None:
            begin = time.monotonic() - moment.frame.time if begin is None else begin
            assert time.monotonic() - begin - moment.frame.time < 0.2
        if begin is not None and moment.progress.stage == "speaking":
            ahead.append((moment.start + len(moment.sound)) / 48000 - (time.monotonic() - begin))
    return seen, ahead


def test_an_idle_face_is_seen_first_then_speech_in_time_with_its_sound_ahead(studio: Studio, tmp_path: Path) -> None:
    moments, ahead = watched(perform(studio, options(text="Hello, my friend, how are you?"), tmp_path))
    frames = [moment for moment in moments if moment.frame]
    idle = [moment for moment in frames if moment.progress.stage == "preparing_speech"]
    assert len(idle) >= 3  # pictures, by which the page sets its clock
    assert min(ahead[:-1]) > 0
    sounds = [moment for moment in moments if len(moment.sound)]
    for one, other in itertools.pairwise(sounds):
        assert other.start == one.start + len(one.sound)
    sound = np.concatenate([moment.sound for moment in sounds])
    begin = next(moment.frame for moment in frames if moment.progress.stage == "speaking")
    assert begin is not None
    assert not sound[: begin.index * 1920].any()
    assert next(moment.frame.time for moment in moments if moment.sound.any() and moment.frame) <= begin.time - 0.1
    last = moments[-1]
    assert last.path is not None
    assert last.progress.frames == round(seconds_of(last.path) * 25) == len(sound) // 1920 - begin.index
    with av.open(str(last.path)) as container:
        heard = np.concatenate([block.to_ndarray()[0] for block in container.decode(audio=0)])
    spoken = sound[begin.index * 1920 :]
    heard, spoken = heard[: len(spoken)], spoken[: len(heard)]
    assert np.corrcoef(heard, spoken)[0, 1] > 0.95  # the file begins with the speech
    assert last.progress.part == 1.0


MAY_SPEAK = threading.Event()


class WaitingVoice(Engine):
    """eSpeak, once it may."""

    name, title, quality = "waiting", "eSpeak, once it may", 1

    def voices(self) -> list[Voice]:
        return []

    def find(self, name: str) -> Voice | None:
        return replace(find_voice(VOICE), id=f"waiting:{name}")

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        while not MAY_SPEAK.wait(0.05):
            cancel.check()
        return get_engine("espeak").synthesize(text, find_voice(VOICE), speed, cancel, early)


@pytest.fixture
def waiting_voice(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(engine_classes(), "waiting", WaitingVoice)
    MAY_SPEAK.clear()
    return "waiting:voice"


def test_the_face_lives_while_its_speech_is_prepared_and_the_file_has_the_speech_alone(
    studio: Studio, tmp_path: Path, waiting_voice: str
) -> None:
    seen = []
    for moment in perform(studio, options(text="Hello.", voice=waiting_voice), tmp_path):
        if moment.frame:
            seen.append((moment.progress.stage, moment.frame))
        if len(seen) == 20:
            MAY_SPEAK.set()
    idle = [frame.image for stage, frame in seen if stage == "preparing_speech"]
    assert len(idle) >= 20
    assert max(float(np.abs(image.astype(int) - idle[0]).mean()) for image in idle) > 0.2  # it moves
    assert moment.path is not None
    assert moment.progress.frames / 25 == seconds_of(moment.path) < 1.5


@pytest.mark.parametrize("live", [True, False])
def test_stop_is_noticed_at_once_while_speech_is_prepared(
    studio: Studio, tmp_path: Path, waiting_voice: str, live: bool
) -> None:
    (tmp_path / "run").mkdir()
    running = perform(studio, options(voice=waiting_voice, low_latency=live), tmp_path / "run")
    while next(running).progress.stage != "preparing_speech":
        pass
    pressed = []

    def press() -> None:
        (tmp_path / "run" / "stop").touch()  # as another process does
        pressed.append(time.monotonic())

    threading.Timer(0.3, press).start()
    assert [moment.progress.stage for moment in running][-1] == "stopped_early"
    assert time.monotonic() - pressed[0] < 0.3  # 0.2, and closing


def test_a_recording_that_cannot_be_read_is_told(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("no sound")
    for live in (True, False):
        with pytest.raises(LipsyncError, match=r"words\.wav"):
            list(
                perform(
                    studio, options(text=None, audio=tmp_path / "words.wav", voice=None, low_latency=live), tmp_path
                )
            )


SLOW_SECONDS = 0.1  # for a frame: two and a half times what there is time for


@register(ModelInfo("slow for tests", "Apache-2.0", commercial_use=True, uses_gpu=True))
class SlowModel:
    """A rig that needs longer."""

    def __init__(self) -> None:
        self._rig = make_model("rig")
        self.columns = self._rig.columns

    def prepare(self, avatar: Any) -> Any:
        return self._rig.prepare(avatar)

    def largest_batch(self, state: Any) -> int:
        return 960

    def render(self, state: Any, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life) -> Iterator[np.ndarray]:
        for part in self._rig.render(state, chunks, frames, fps, life):
            for frame in part:
                time.sleep(SLOW_SECONDS)
                yield frame[None]


def test_where_drawing_is_slow_sound_goes_on_and_pictures_are_left_out(studio: Studio, tmp_path: Path) -> None:
    text = "Hello, my friend, how are you today? " * 3
    moments, ahead = watched(perform(studio, options(text=text, size=128, model="slow for tests"), tmp_path))
    last, pictures = moments[-1].progress, [moment for moment in moments if moment.frame]
    assert min(ahead[:-1]) > 0  # at each moment there was sound to play
    assert last.undrawn > last.frames * 0.4
    assert last.skipped >= last.undrawn
    assert len(pictures) > last.seconds / SLOW_SECONDS * 0.5  # and what could be drawn was seen
    assert moments[-1].path is not None
    assert last.frames == round(seconds_of(moments[-1].path) * 25)
    [*_, complete] = perform(studio, options(text=text, size=128, low_latency=False), tmp_path)
    assert complete.progress.frames == last.frames


def test_voices_follow_the_language() -> None:
    words = Words()
    ids = [value for _, value in menus.voice_menu("ru", words)]
    assert ids[:2] == ["", next(voice.id for voice in voices("ru"))]
    assert len(menus.voice_menu("", words)) == len(voices()) + 1


def test_languages_are_in_their_own_words_and_the_best_come_first() -> None:
    words = Words("ru")
    names, codes = zip(*menus.language_menu(words), strict=True)
    assert codes[0] == ""
    neural = {voice.language for voice in voices() if voice.neural and voice.ready}
    robotic = {voice.language for voice in voices() if voice.ready} - neural
    assert set(codes[1 : 1 + len(neural)]) == neural
    assert set(codes[1 + len(neural) : 1 + len(neural) + len(robotic)]) == robotic
    assert names[codes.index("ru")].startswith("русский")


def test_a_voice_is_found_by_the_id_that_programs_use() -> None:
    names = {value: name for name, value in menus.voice_menu("", Words())}
    assert "Heart (af_heart)" in names["kokoro:af_heart"]
    assert "(" not in names["espeak:ru"]


def test_what_is_missing_is_told_with_how_to_get_it() -> None:
    assert missing("rig", VOICE, Words()) == ""
    for voice in voices():
        if not voice.ready:
            assert voice.how_to_get in missing("rig", voice.id, Words())


def test_who_may_download_is_told_of_the_button_and_others_of_the_command(tmp_path: Path) -> None:
    kept, folder = tmp_path / "checkpoints", tmp_path / "page"
    kept.mkdir()
    folder.mkdir()
    lacking = ({"model": "wav2lip", "voice": VOICE}, "wav2lip_gan"), ({"voice": "kokoro:af_heart"}, "kokoro")
    with PageServer(folder, LIPSYNC_CHECKPOINTS_DIR=str(kept)) as page:
        here, elsewhere = page.client(), page.client(headers={"X-Forwarded-For": "203.0.113.5"})
        for choice, entry in lacking:
            order = {"recording": None, "text": "Hi.", "size": 256, "api_name": "/speak", **choice}
            with pytest.raises(Exception, match='press Download under "Download voices and models'):
                here.submit(**order).result(60)
            with pytest.raises(Exception, match=f"python -m lipsync_core fetch {entry}"):
                elsewhere.submit(**order).result(60)


def test_no_file_can_be_named_and_what_a_browser_remembers_may_be_anything(studio: Studio) -> None:
    faces = Faces(make_api(studio).state.service)
    for name in ("/etc/passwd", "../assets/avatars/mei.jpg", "mei.jpg", str(default_avatars()["mei"]), ""):
        with pytest.raises(LipsyncError, match="no longer kept"):
            faces.path(name)
    for remembered in (None, "mei", {"a": 1}, ["mei", 3, None, "../x"]):
        assert faces.known(remembered) == []
    path = faces.copy(str(default_avatars()["mei"]))
    key = faces.keep(path, studio.avatar(path, size=128), 1)
    assert [faces.which(key), faces.which("mei")] == [1, 0]
    assert cv2.imread(str(faces.still(key))).shape == (128, 128, 3)  # shown at a click, without another look for it
    assert faces.still("mei") == default_avatars()["mei"]
    assert faces.known([key, "mei"]) == [key]
    assert faces.path(key) == path
    assert next(name for _, name in faces.gallery([key])) == "mei"
    assert faces.chosen([key], faces.place([key], "ravi")) == "ravi"


def test_an_upload_beyond_the_limits_leaves_nothing(studio: Studio, limits: Callable[..., None]) -> None:
    service = make_api(studio).state.service
    limits(max_upload_pixels=1000)
    with pytest.raises(LipsyncError, match="million pixels; make it smaller"):
        Faces(service).copy(str(default_avatars()["mei"]))
    assert list(service.folder.path.glob("face-*")) == []
    service.folder.remove()


def test_translations_have_the_same_words() -> None:
    tables = translations()
    assert set(tables) >= {"en", "ru"}
    for code in tables:
        own = {line.partition(" = ")[0] for line in (FOLDER / f"{code}.toml").read_text("utf-8").splitlines()}
        assert set(tables["en"]) <= own | set(), code
        for key, word in tables[code].items():
            assert word.count("{") == tables["en"][key].count("{"), (code, key)


def test_the_api_is_served_on_the_same_port(page: PageServer) -> None:
    with urlopen(f"{page.url}/healthz", timeout=20) as answer:  # noqa: S310
        assert answer.status == 200
    with urlopen(f"{page.url}/mjpeg_test", timeout=20) as answer:  # noqa: S310
        assert b"<html" in answer.read().lower()
    wanted = Request(  # noqa: S310
        f"{page.url}/api/generate",
        json.dumps({"text": "Hi!", "voice": VOICE, "avatar": "mei", "size": 128}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(wanted, timeout=60) as answer, av.open(io.BytesIO(answer.read())) as video:  # noqa: S310
        assert (video.streams.video[0].width, video.streams.video[0].height) == (128, 128)
        assert len(list(video.decode(video=0))) > 5


def test_a_sound_is_for_whoever_knows_its_name(page: PageServer) -> None:
    for name in ("..%2f", "short", "A" * 32):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{page.url}/page/sound/{name}", timeout=20)  # noqa: S310
        assert refused.value.code == 404
    name = "0123456789abcdef" * 2
    with urlopen(f"{page.url}/page/sound/{name}", timeout=20) as answer:  # noqa: S310
        with pytest.raises(HTTPError):
            urlopen(f"{page.url}/page/sound/{name}", timeout=20)  # noqa: S310
        page.speak(text="Hello.", voice=VOICE, size=256, sound=name).result(60)
        data = answer.read()
    samples = 0
    while len(data) > 8:
        start, count = np.frombuffer(data[:8], "<u4")
        assert start == samples
        samples, data = samples + int(count), data[8 + 2 * int(count) :]
    assert samples > 48000 * 0.4
    assert data == bytes(8)  # the end


def test_idle_listeners_do_not_mute_the_page(page: PageServer) -> None:
    host, port = page.url.removeprefix("http://").split(":")
    idle = [HTTPConnection(host, int(port)) for _ in range(300)]
    try:
        for number, one in enumerate(idle):
            one.request("GET", f"/page/sound/{number:032x}")
        assert idle[-1].getresponse().status == 200
        name = "fedcba9876543210" * 2
        with urlopen(f"{page.url}/page/sound/{name}", timeout=20) as answer:  # noqa: S310
            page.speak(text="Hello.", voice=VOICE, size=256, sound=name).result(60)
            assert len(answer.read()) > 48000 * 0.4 * 2
        assert idle[0].getresponse().read() == b""  # made room
    finally:
        for one in idle:
            one.close()


def recording_without_a_length(path: Path, quiet_seconds: int) -> Path:
    """AAC alone, whose length can only be guessed: by its first second, which is noise, it is short."""
    rate = 48000
    sound = np.zeros((1, rate * (1 + quiet_seconds)), np.float32)
    sound[0, :rate] = np.random.default_rng(0).uniform(-0.3, 0.3, rate)
    with av.open(str(path), "w", format="adts") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        for start in range(0, sound.shape[1], rate // 10):
            part = np.ascontiguousarray(sound[:, start : start + rate // 10])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("live", [False, True])
def test_a_recording_that_hides_its_length_is_cut_on_the_page_too(
    studio: Studio, tmp_path: Path, limits: Callable[..., None], live: bool
) -> None:
    limits(max_upload_seconds=4)
    long = recording_without_a_length(tmp_path / "long.aac", 20)
    check_recording(long)  # which it does not tell
    moments = perform(studio, TakeOptions(audio=long, avatar="mei", size=128, low_latency=live), tmp_path)
    with pytest.raises(LipsyncError, match="longer than the 4 seconds"):
        for _ in moments:
            pass
    short = recording_without_a_length(tmp_path / "short.aac", 1)
    [*_, last] = perform(studio, TakeOptions(audio=short, avatar="mei", size=128, low_latency=live), tmp_path)
    assert last.path is not None


def test_the_page_s_jobs_are_counted(page: PageServer) -> None:
    def figures() -> dict[str, float]:
        with urlopen(f"{page.url}/metrics", timeout=20) as answer:  # noqa: S310
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    names = 'lipsync_stage_seconds_count{stage="queue"}', 'lipsync_frames_total{kind="page"}'
    before = figures()
    page.speak(text="Hi.", voice=VOICE, size=256).result(60)
    after = figures()
    assert after[names[0]] == before[names[0]] + 1
    assert after[names[1]] > before[names[1]] + 5


def test_page_and_api_share_one_limit(tmp_path: Path) -> None:
    settings = {"LIPSYNC_MAX_SESSIONS": "1", "LIPSYNC_MAX_WAITING": "1"}
    with PageServer(tmp_path, **settings) as running:
        job = running.speak(text=LONG, voice=VOICE)
        next(iter(job))
        second = running.speak(text="Hello.", voice=VOICE, size=256)
        assert until(lambda: any("Waiting in line, place 1" in str(shown) for shown in second.outputs()), 20)
        head = {"Content-Type": "application/json"}
        wanted = Request(f"{running.url}/api/generate", b'{"text": "Hi!"}', head)  # noqa: S310
        with pytest.raises(HTTPError) as refused:
            urlopen(wanted, timeout=60)  # noqa: S310
        assert refused.value.code == 429
        assert int(refused.value.headers["Retry-After"]) >= 1
        with pytest.raises(Exception, match="All places are taken"):
            running.speak(text="Hello.", voice=VOICE, size=256).result(60)
        with urlopen(f"{running.url}/metrics", timeout=20) as answer:  # noqa: S310
            assert "lipsync_jobs_refused_total 2.0" in answer.read().decode()
        job.cancel()
        assert seconds_of(path_of(second.result(60))) > 0.4


def test_spaces_lend_a_gpu_to_models_that_use_one(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package of Hugging Face's Spaces there; here is its one decorator."""
    (tmp_path / "spaces.py").write_text(
        "import pickle\n"
        "lent = []\n"
        "def GPU(duration):\n"
        "    def mark(function):\n"
        "        def run(*sent):\n"
        "            lent.append(pickle.loads(pickle.dumps(sent))[0].model)\n"
        "            return function(*sent)\n"
        "        return run\n"
        "    return mark\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run = performer(studio)
    import spaces

    for model in ("rig", "slow for tests"):
        [*_, last] = run(options(text="Hi.", low_latency=False, size=128, model=model), tmp_path)
        assert last.path is not None
    assert spaces.lent == ["slow for tests"]


def test_the_options_are_told() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--help"], capture_output=True, text=True, timeout=120, check=True
    )
    assert "--share" in done.stdout
