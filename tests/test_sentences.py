"""What the core says, in Russian: nothing is left out, and real refusals come with their names and numbers."""

import ast
import errno
import os
import re
import string
import struct
import wave
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np
import pytest

from lipsync_core import LipsyncError, Studio, checkpoints
from lipsync_core.errors import Message, Reason
from lipsync_core.face import default_avatars
from lipsync_core.jobs.queue import JobQueue
from lipsync_core.jobs.uploads import check_avatar, check_recording
from lipsync_core.speech import clone_voice, languages, read_recording, speak, voices
from lipsync_core.speech.catalogue import find_voice
from lipsync_core.ui.errors import refusal
from lipsync_core.ui.i18n import Words, sentences

CORE = Path(__file__).resolve().parents[1] / "lipsync_core"
# Not for visitors of the page: the command line, the API's own refusals, and what is said before the server starts.
NOT_ON_THE_PAGE = ("cli/", "server/", "bench/", "doctor/", "sinks/webrtc/", "jobs/sessions", "settings", "installation")
GRADIO = [
    (gr.Number(maximum=5), 7, "Значение 7 слишком велико; допустимо не больше 5."),
    (gr.Number(minimum=5), 3, "Значение 3 слишком мало; допустимо не меньше 5."),
    (gr.Dropdown(["one"]), "two", "Такого значения в списке нет; выберите другое."),
    (gr.Dropdown(["one"], multiselect=True), ["two"], "Такого значения в списке нет; выберите другое."),
]
TRANSLATED = [code for code, table in sentences().items() if table]
VISITOR = gr.Request(headers={"accept-language": "ru-RU,ru;q=0.9,en;q=0.8"})


@cache
def templates() -> set[str]:
    """The first arguments of all messages and errors in the source that have something to translate."""
    files = [one for one in CORE.rglob("*.py") if not one.relative_to(CORE).as_posix().startswith(NOT_ON_THE_PAGE)]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    constants = {
        target.id: [one.value for one in values(node.value) if isinstance(one, ast.Constant)]
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }
    found = [text for node in nodes if isinstance(node, ast.Call) and node.args for text in told(node, constants)]
    return {
        text for text in found if isinstance(text, str) and re.search(r"[A-Za-z]{2}", re.sub(r"\{[^}]*\}", "", text))
    }


def values(node: ast.AST) -> Iterator[ast.AST]:
    """What a constant holds, without the keys of a dictionary."""
    yield from node.values if isinstance(node, ast.Dict) else ast.walk(node)


def told(call: ast.Call, constants: dict[str, list[Any]]) -> Iterator[Any]:
    name, first = ast.unparse(call.func).rpartition(".")[2], call.args[0]
    if name not in ("Message", "__init__") and not issubclass(ERRORS.get(name, object), LipsyncError):
        return
    assert not isinstance(first, ast.JoinedStr), f"this cannot be translated: {ast.unparse(call)}"
    if isinstance(first, ast.Constant):
        yield first.value
    elif isinstance(first, ast.Name | ast.Subscript):
        yield from constants.get(ast.unparse(first).partition("[")[0], [])


def subclasses(kind: type) -> Iterator[type]:
    yield kind
    for one in kind.__subclasses__():
        yield from subclasses(one)


ERRORS = {one.__name__: one for one in subclasses(LipsyncError)}


def gaps(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_that_the_page_can_tell_is_translated(code: str) -> None:
    table = sentences()[code]
    assert len(templates()) > 150
    assert templates() - set(table) == set()
    entries = checkpoints.manifest().values()
    words = {text for one in entries for text in (one.about, one.licence)}
    names = {text for text in words if re.fullmatch(r"[A-Z0-9][\w.-]+( \(.*License.*\))?", text)}  # of licences
    assert words - names - set(table) == set()
    system = {os.strerror(number) for number in errno.errorcode} | {one.name for one in languages()}
    assert set(table) - templates() - words - system == set()  # nothing is left of a sentence that is gone


@pytest.mark.parametrize("code", TRANSLATED)
def test_each_translation_has_the_gaps_of_its_sentence(code: str) -> None:
    for english, translation in sentences()[code].items():
        assert gaps(translation) == gaps(english), english


def test_voices_and_files_say_in_russian_how_to_get_them(limits: Callable[..., None], tmp_path: Path) -> None:
    limits(checkpoints_dir=tmp_path)
    facts = [text for one in voices() for text in (one.licence, one.how_to_get)]
    facts += [one.how for one in checkpoints.manifest().values()]
    for text in filter(None, facts):
        assert isinstance(text, Message)
        assert re.search("[а-я]", Words("ru").sentence(text)), text


def russian(call: Callable[[], Any]) -> str:
    """The refusal of a call, as a Russian visitor reads it."""
    with pytest.raises(LipsyncError) as refused:
        call()
    return Words("ru").sentence(refused.value.message).replace("\xa0", " ")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    three = [cv2.resize(cv2.imread(str(default_avatars()[name])), (400, 400)) for name in ("mei", "ravi", "amara")]
    for name, image in {
        "wall.png": np.full((300, 300, 3), 200, np.uint8),
        "one.png": three[0],
        "two.png": np.hstack(three[:2]),
        "three.png": np.hstack(three),
        "lying.png": np.rot90(three[0]),
    }.items():
        cv2.imwrite(str(folder / name), image)
    (folder / "notes.txt").write_text("This is no picture.")
    (folder / "empty.png").touch()
    head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")
    (folder / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return folder


@pytest.mark.parametrize(
    ("name", "face", "expected"),
    [
        ("notes.txt", None, "Файл «notes.txt» не удаётся прочитать ни как изображение, ни как видео; "),
        ("empty.png", None, "Файл «empty.png» пуст; сохраните или скачайте его заново."),
        ("wall.png", None, "В файле «wall.png» не найдено лицо; "),
        ("huge.png", None, "В изображении «huge.png» больше 89 млн пикселей; "),
        ("one.png", 7, "Лица № 7 в файле «one.png» нет: лицо там одно; выберите 0."),
        ("two.png", 7, "Лица № 7 в файле «two.png» нет (всего лиц: 2); выберите 0 (самое большое) или 1."),
        ("three.png", 3, "Лица № 3 в файле «three.png» нет (всего лиц: 3); выберите от 0 (самое большое) до 2."),
    ],
)
def test_a_face_that_is_refused(studio: Studio, faces: Path, name: str, face: int | None, expected: str) -> None:
    assert russian(lambda: studio.avatar(faces / name, face=face)).startswith(expected)


def test_a_face_that_is_noted(studio: Studio, faces: Path) -> None:
    (note,) = studio.avatar(faces / "lying.png").notes
    assert Words("ru").sentence(note) == (
        "Файл «lying.png» повёрнут на 90° вправо, потому что лицо в нём было наклонено или перевёрнуто."
    )


def test_uploads_beyond_the_limits(faces: Path, tmp_path: Path, limits: Callable[..., None]) -> None:
    limits(max_upload_pixels=100_000, max_upload_seconds=2, max_recording_seconds=120)
    assert (
        russian(lambda: check_avatar(faces / "one.png")) == "В файле «one.png» больше 0.1 млн пикселей; уменьшите его."
    )
    long = tmp_path / "long.wav"
    sound(long, 125 * 8000)
    assert russian(lambda: check_recording(long)) == (
        "Файл «long.wav» длится 125 с, а здесь допустимо не больше 2 с; обрежьте его."
    )
    assert russian(lambda: list(read_recording(long))).startswith("Запись «long.wav» длиннее 2 мин; ")


def sound(path: Path, samples: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * samples))


def test_recordings_that_are_refused(faces: Path, tmp_path: Path) -> None:
    none, short = tmp_path / "a face inside a wall.wav", tmp_path / "short.wav"
    sound(none, 0)
    sound(short, 8000)
    assert russian(lambda: list(read_recording(none))).startswith(
        "В файле «a face inside a wall.wav» совсем нет звука; "
    )
    assert russian(lambda: list(read_recording(tmp_path / "gone.wav"))).endswith(
        "/gone.wav» нет; проверьте имя записи."
    )
    assert russian(lambda: list(read_recording(faces / "one.png"))).startswith(
        "В файле «one.png» нет звуковой дорожки; "
    )
    assert russian(lambda: list(read_recording(faces / "notes.txt"))).startswith(
        "Файл «notes.txt» не удаётся прочитать "
    )
    assert russian(lambda: clone_voice(short, "anna", consent=True)) == (
        "Звука в записи всего 0.0 с; нужна речь одного человека не короче 3 с."
    )
    assert russian(lambda: clone_voice(short, "Аня/2", consent=True)).startswith(
        "Название «Аня/2» для голоса не подходит; "
    )


def test_texts_that_are_refused(limits: Callable[..., None]) -> None:
    assert russian(lambda: speak("")).startswith("Текст пуст, произносить нечего; ")
    assert russian(lambda: speak(" . ")).startswith("В тексте «.» нечего произносить; ")
    assert russian(lambda: speak("Hello.", speed=9)) == "Скорость 9 недопустима; укажите от 0.5 до 2."
    limits(max_text_chars=50)
    quoted = "speak is empty; save or download it again."  # the visitor's own words stay as they are
    assert russian(lambda: speak(quoted + "!" * 20)).startswith(
        "В тексте «speak is empty; save or downl…» символов: 62, а произнести можно не больше 50; "
    )


def test_what_is_not_there_yet(limits: Callable[..., None], tmp_path: Path) -> None:
    limits(checkpoints_dir=tmp_path)
    assert russian(lambda: find_voice("piper:ru_RU-irina-medium")) == (
        "Голос piper:ru_RU-irina-medium ещё не готов: "
        "выполните `python -m lipsync_core fetch piper/ru_RU-irina-medium` (63 МБ)."
    )
    told = russian(lambda: checkpoints.path("wav2lip"))
    assert told.startswith(
        "Нет файла модели wav2lip/wav2lip.pth: выполните `python -m lipsync_core fetch wav2lip` или сами положите файл "
    )
    assert told.endswith(" из репозитория Hugging Face camenduru/Wav2Lip.")


def test_what_a_system_says_is_known_and_what_a_library_says_stays(tmp_path: Path) -> None:
    full = LipsyncError(
        "{path} cannot be read ({reason}); check its permissions.",
        path="x",
        reason=Reason(OSError(13, "Permission denied")),
    )
    assert Words("ru").sentence(full.message) == "Файл «x» не удалось прочитать (нет доступа); проверьте права доступа."
    reason = Reason("copying a param with shape (1, 2)\nhas {braces}.")
    other = Message("{folder} is no model that Coqui can use ({reason}); get it again.", folder=tmp_path, reason=reason)
    assert Words("ru").sentence(other) == (
        f"Модель в {tmp_path} не подходит для Coqui (copying a param with shape (1, 2) has {{braces}}); "
        "скачайте её заново."
    )


def test_a_full_line() -> None:
    jobs = JobQueue(1, 0)
    with jobs.enter("somebody"):
        assert re.fullmatch(
            r"Все места заняты, ещё ждут в очереди: 0; попробуйте снова через \d+ с\.",
            russian(lambda: jobs.enter("somebody else")),
        )


@pytest.mark.parametrize(("component", "value", "expected"), GRADIO)
def test_what_gradio_refuses(component: Any, value: Any, expected: str) -> None:
    with pytest.raises(gr.Error) as refused:
        component.preprocess(value)
    assert refusal(refused.value, VISITOR).message == expected


def test_what_is_not_known_stays_english_and_a_defect_is_told_as_one() -> None:
    for text in ("", "Nobody has translated this.", "wall.png", "eSpeak"):
        assert Words("ru").sentence(text) == text
    error = LipsyncError("{name} is empty; save or download it again.", name="<b>.png")
    assert Words().sentence(error.message) == str(error) == "<b>.png is empty; save or download it again."
    told = refusal(error, VISITOR)
    assert told.message.startswith("Файл «&lt;b&gt;.png» пуст;")
    assert told.title == "Не получилось"
    assert not told.print_exception
    defect = refusal(ZeroDivisionError("division by zero"), VISITOR)
    assert defect.message == Words("ru")("defect")
    assert defect.print_exception  # so that the log has its traceback
