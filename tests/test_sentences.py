"""What the core says, in Russian: nothing is left out, and real refusals come with their names and numbers."""

import errno
import os
import re
import struct
import time
import tomllib
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np
import pytest

from lipsync_core import LipsyncError, Studio, checkpoints
from lipsync_core.face import default_avatars
from lipsync_core.jobs.queue import Jobs
from lipsync_core.jobs.uploads import check_avatar, check_recording
from lipsync_core.speech import clone_voice, read_recording, speak, voices
from lipsync_core.speech.catalogue import find_voice
from lipsync_core.ui.errors import refusal
from lipsync_core.ui.i18n import Words, translations
from lipsync_core.ui.sentences import FOLDER, GAP, Sentences, sentences

from .english import templates

LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.toml"))
ENGLISH = re.compile(
    r"(?<![\w-])(the|and|or|of|with|by|for|is|are|it|its|to|in|inside|put|run|use|from|only|no)(?![\w-])"
)
GRADIO = [
    (gr.Number(maximum=5), 7),
    (gr.Number(minimum=5), 3),
    (gr.Dropdown(["one"]), "two"),
    (gr.Dropdown(["one"], multiselect=True), ["two"]),
]


def table(language: str) -> dict[str, str]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def facts() -> set[str]:
    """Sentences that are put together from data: of model files and of voices."""
    of_files = {text for one in checkpoints.manifest().values() for text in (one.about, one.licence, one.how)}
    return of_files | {text for one in voices() for text in (one.licence, one.how_to_get)}


def of_gradio() -> set[str]:
    said = set()
    for component, value in GRADIO:
        with pytest.raises(gr.Error) as refused:
            component.preprocess(value)
        said.add(refused.value.message)
    return said | {"Invalid file type. Please upload a file that is one of these formats: ['image']"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_that_the_page_can_tell_is_translated(language: str) -> None:
    assert language in translations()
    assert len(templates()) > 150
    assert templates() - set(table(language)) == set()
    names = {text for text in facts() if not ENGLISH.search(text) and not re.search("voice|[a-z] licence", text)}
    for text in (facts() - names) | of_gradio():
        said = sentences(language).say(text)
        assert said != text
        assert not ENGLISH.search(re.sub(r"`[^`]*`|\S*/\S*", "", said)), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_left_of_a_sentence_that_is_gone(language: str) -> None:
    whole = table(language)
    told = [(text, sentences(language).say(text)) for text in facts() | of_gradio()]
    system = {os.strerror(number) for number in errno.errorcode}
    for template in set(whole) - templates() - system:
        without = Sentences({key: value for key, value in whole.items() if key != template})
        assert any(without.say(text) != said for text, said in told), template


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_is_taken_for_itself_and_keeps_what_stands_in_its_gaps(language: str) -> None:
    def filled(text: str) -> str:
        return GAP.sub(lambda gap: f"#{gap[1]}", text)

    for english, translation in table(language).items():
        kept = {gap[1] for gap in GAP.finditer(translation)}
        all_of_it = {gap[1] for gap in GAP.finditer(english)}
        assert kept == all_of_it or (kept < all_of_it and english.startswith(("Value: ", "Invalid file type"))), english
        assert sentences(language).say(filled(english)) == filled(translation)


def russian(call: Callable[[], Any]) -> str:
    """The refusal of a call, as a Russian visitor reads it."""
    with pytest.raises(LipsyncError) as refused:
        call()
    return Words("ru").sentence(str(refused.value)).replace("\xa0", " ")


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
    assert russian(lambda: clone_voice(short, "Аня", consent=True)).startswith(
        "Название «аня» для голоса не подходит; "
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
    told = russian(lambda: checkpoints.path("face_landmark"))
    assert told.startswith(
        "Нет файла модели face_landmark.tflite: выполните `python -m lipsync_core fetch face_landmark`"
    )
    assert told.endswith(" из пакета wheel mediapipe==0.10.21.")


def test_a_library_may_give_a_reason_of_many_lines() -> None:
    reason = "copying a param with shape (1, 2) has 3 bytes, in a file that is not; it needs 5 MB in here, " * 1000
    began = time.monotonic()
    told = Words("ru").sentence(f"/model is no model that Coqui can use ({reason}); get it again.")
    assert time.monotonic() - began < 1
    assert told == f"Модель в /model не подходит для Coqui ({reason}); скачайте её заново."


def test_a_full_line() -> None:
    jobs = Jobs(1, 0)
    with jobs.enter("somebody"):
        assert re.fullmatch(
            r"Все места заняты, ещё ждут в очереди: 0; попробуйте снова через \d+ с\.",
            russian(lambda: jobs.enter("somebody else")),
        )


def test_what_is_not_known_stays_english_and_a_defect_is_told_as_one() -> None:
    for text in ("", "Nobody has translated this.", "wall.png", "eSpeak"):
        assert Words("ru").sentence(text) == text
    assert Words().sentence("x.png is empty; save or download it again.").startswith("x.png is empty")
    visitor = gr.Request(headers={"accept-language": "ru-RU,ru;q=0.9,en;q=0.8"})
    told = refusal(LipsyncError("<b>.png is empty; save or download it again."), visitor)
    assert told.message.startswith("Файл «&lt;b&gt;.png» пуст;")
    assert told.title == "Не получилось"
    assert not told.print_exception
    defect = refusal(ZeroDivisionError("division by zero"), visitor)
    assert defect.message == Words("ru")("defect")
    assert defect.print_exception  # so that the log has its traceback
