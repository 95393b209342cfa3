"""Coqui's real code on tiny random networks: text in, sound with times out, a voice cloned only with consent."""

import json
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsync_core.audio.loudness import TARGET, measure
from lipsync_core.cli import main
from lipsync_core.errors import LipsyncError
from lipsync_core.settings import settings
from lipsync_core.speech import (
    choose_voice,
    clone_voice,
    cloned_voices,
    find_voice,
    forget_voice,
    get_voice,
    speak,
    voices,
)
from tests.coqui_models import tiny_vits, tiny_xtts
from tests.speech_checks import assert_no_clicks, phonemes, sound, spoken, words

pytest.importorskip("TTS", reason="needs coqui-tts, which is installed on x86-64 only")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny_vits(folder / "coqui" / "ru-letters", "ru")
    tiny_vits(folder / "coqui" / "en-letters", "en")
    tiny_vits(folder / "coqui" / "sounds", "en", phonemes=True)
    return folder


@pytest.fixture
def checkpoints(models: Path, limits, tmp_path: Path) -> Path:
    limits(checkpoints_dir=models, cache_dir=tmp_path / "cache")
    return models


@pytest.fixture
def recording() -> tuple[np.ndarray, int]:
    """Four seconds of a real voice of the robot's."""
    speeches = list(speak("This is my voice, and I agree that it is imitated. One, two, three.", voice="espeak:en-us"))
    return sound(speeches), speeches[0].sample_rate


@pytest.mark.parametrize(
    ("voice", "text", "said", "sounds"),
    [
        ("coqui:ru-letters", "Привет, как дела? Мама мыла раму.", "Привет как дела Мама мыла раму", "prʲivʲet"),
        ("coqui:en-letters", "Hello there, friend. Peter made a map.", "Hello there friend Peter made a map", "həlo"),
        ("coqui:sounds", "Hello there, friend. Peter made a map.", "Hello there friend Peter made a map", "həlo"),
    ],
)
def test_vits_speaks_and_tells_when(checkpoints: Path, voice: str, text: str, said: str, sounds: str) -> None:
    speeches = spoken(text, voice=voice)
    assert words(speeches) == said.split()
    assert phonemes(speeches).startswith(sounds)
    for speech in speeches:
        assert measure(speech.samples, speech.sample_rate) == pytest.approx(TARGET, abs=1.5)
        first, last = speech.words[0], speech.words[-1]
        assert first.start < 0.2
        assert speech.duration - last.end < 0.9  # no more than the pause, and a fade
        inside = [one for one in speech.phonemes if last.start - 1e-6 <= one.start < last.end]
        assert inside  # the last word has its phonemes within its own time
    assert sound(spoken(text, voice=voice)).tobytes() == sound(speeches).tobytes()
    assert_no_clicks(speeches)


def test_engines_side_by_side_are_equally_loud(checkpoints: Path) -> None:
    text = "The quick brown fox jumps over the lazy dog. It was never seen there again, though many people looked."
    heard = {}
    for voice in ("espeak:en-us", "piper:en_US-joe-medium", "coqui:en-letters", "coqui:sounds"):
        speeches = spoken(text, voice=voice)
        heard[voice] = measure(sound(speeches), speeches[0].sample_rate)
    assert max(heard.values()) - min(heard.values()) < 1.0, heard
    assert all(loudness == pytest.approx(TARGET, abs=1.0) for loudness in heard.values()), heard


def test_slower_speech_is_longer(checkpoints: Path) -> None:
    lengths = [
        sum(one.duration for one in speak("Hello there, friend.", voice="en-letters", speed=s)) for s in (0.5, 2)
    ]
    assert lengths[0] > 1.8 * lengths[1]


def test_models_are_listed_by_folder_and_by_published_name(checkpoints: Path) -> None:
    listed = {voice.id: voice for voice in voices() if voice.engine == "coqui"}
    assert listed["coqui:ru-letters"].language == "ru"
    assert listed["coqui:sounds"].language == "en-US"  # told by its config
    assert listed["coqui:ru-letters"].ready
    thorsten = listed["coqui:tts_models/de/thorsten/vits"]
    assert (thorsten.language, thorsten.ready, thorsten.commercial_use) == ("de", False, True)
    assert "python -m lipsync_core voices --get coqui:tts_models/de/thorsten/vits" in thorsten.how_to_get
    xtts = [voice for voice in listed.values() if voice.id.startswith("coqui:xtts/")]
    assert len(xtts) == 17
    assert all(voice.commercial_use is False and "CPML" in voice.licence for voice in xtts)
    assert choose_voice("Привет", language="ru").engine == "espeak"  # what was not measured is no default


def test_a_download_that_fails_is_told_in_one_sentence_alone(
    limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits(checkpoints_dir=tmp_path, offline=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(LipsyncError, match=r"thorsten/vits could not be downloaded \(.*\); try again") as raised:
        get_voice("coqui:tts_models/de/thorsten/vits")
    assert len(str(raised.value).splitlines()) == 1
    assert not [record for record in caplog.records if record.exc_info]  # a traceback on the terminal


def test_a_published_model_is_not_downloaded_offline(checkpoints: Path, limits) -> None:
    limits(checkpoints_dir=checkpoints, offline=1)
    with pytest.raises(LipsyncError, match="LIPSYNC_OFFLINE is set"):
        get_voice("coqui:tts_models/de/thorsten/vits")
    with pytest.raises(LipsyncError, match="There is no voice"):
        get_voice("coqui:tts_models/../../etc/passwd")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "model.pth").unlink(), "has no weights"),
        (lambda folder: (folder / "config.json").write_text("[]"), "cannot be read"),
        (lambda folder: _change(folder, characters_class="os.system"), "code that is not Coqui's own"),
    ],
)
def test_a_folder_that_is_no_model_says_so(limits, tmp_path: Path, models: Path, change, told: str) -> None:
    folder = tmp_path / "coqui" / "ru-copy"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.pth"):
        (folder / name).write_bytes((models / "coqui" / "ru-letters" / name).read_bytes())
    limits(checkpoints_dir=tmp_path)
    change(folder)
    with pytest.raises(LipsyncError, match=f"not ready: .*{told}"):
        speak("Привет", voice="coqui:ru-copy")


def test_weights_that_would_run_code_are_refused(limits, tmp_path: Path, models: Path) -> None:
    import pickle

    class Attack:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "was-run",)

    folder = tmp_path / "coqui" / "ru-bad"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((models / "coqui" / "ru-letters" / "config.json").read_bytes())
    (folder / "model.pth").write_bytes(pickle.dumps({"model": Attack()}))
    limits(checkpoints_dir=tmp_path)
    with pytest.raises(LipsyncError, match="is no model that Coqui can use"):
        list(speak("Привет", voice="coqui:ru-bad"))
    assert not (tmp_path / "was-run").exists()


def _change(folder: Path, **characters: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["characters"].update(characters)
    (folder / "config.json").write_text(json.dumps(config))


def test_nobody_is_imitated_without_consent(limits, tmp_path: Path, recording) -> None:
    limits(checkpoints_dir=tmp_path)
    with pytest.raises(LipsyncError, match="without consent"):
        clone_voice(recording, "anna")
    with pytest.raises(LipsyncError, match="without consent"):
        clone_voice(recording, "anna", consent="no")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LipsyncError, match="3 s or more"):
        clone_voice((recording[0][: recording[1]], recording[1]), "anna", consent=True)


class Unread:
    """A file that must not be read."""

    name = "anna.wav"

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("was read")


@pytest.mark.parametrize("name", ["../anna", "", "a" * 50, "a/b", "...", "a\\b", "C:anna", "\0"])
def test_a_name_that_cannot_be_taken_is_refused_before_anything_is_read(limits, tmp_path: Path, name: str) -> None:
    limits(checkpoints_dir=tmp_path)
    with pytest.raises(LipsyncError, match="cannot be named"):
        clone_voice(Unread(), name, consent=True)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "plain"),
    [("Anna", "anna"), ("Аня Ш.", "anya-sh"), ("小明", "xiaoming"), ("Zoë O’Neil", "zoe-o-neil"), ("a_b-2", "a_b-2")],
)
def test_a_voice_may_be_named_in_any_script(limits, tmp_path: Path, recording, given: str, plain: str) -> None:
    limits(checkpoints_dir=tmp_path)
    voice = clone_voice(recording, f" {given} ", consent=True)
    assert (voice.name, voice.display_name) == (plain, given)
    assert cloned_voices() == [voice]
    forget_voice(given)
    assert cloned_voices() == []


def test_a_cloned_voice_keeps_a_note_of_the_consent(limits, tmp_path: Path, recording) -> None:
    limits(checkpoints_dir=tmp_path)
    voice = clone_voice(recording, "Anna", consent=True, who="Anna Müller")
    assert cloned_voices() == [voice]
    note = json.loads(voice.path.with_suffix(".json").read_text("utf-8"))
    assert (note["name"], note["who"]) == ("anna", "Anna Müller")
    assert "agreed" in note["consent"]
    assert note["when"].startswith("20")
    del note["display_name"]  # as older versions have written it
    voice.path.with_suffix(".json").write_text(json.dumps(note))
    assert [one.display_name for one in cloned_voices()] == ["anna"]
    voice.path.with_suffix(".json").unlink()  # a sample without its note is no voice
    assert cloned_voices() == []
    clone_voice(recording, "anna", consent=True)
    forget_voice("anna")
    assert list(voice.path.parent.iterdir()) == []
    with pytest.raises(LipsyncError, match="no cloned voice"):
        forget_voice("anna")


def test_a_cloned_voice_and_its_note_are_replaced_only_when_that_is_said(
    limits, tmp_path: Path, recording, capsys: pytest.CaptureFixture[str]
) -> None:
    limits(checkpoints_dir=tmp_path)
    first = clone_voice(recording, "Anna", consent=True, who="Anna Müller")
    kept = first.path.read_bytes()
    with pytest.raises(LipsyncError, match='There is a cloned voice "Anna" already; take another name'):
        clone_voice(Unread(), "ANNA", consent=True, who="Somebody else")  # type: ignore[arg-type]
    assert cloned_voices() == [first]
    assert first.path.read_bytes() == kept

    with wave.open(str(tmp_path / "other.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(recording[1])
        file.writeframes((recording[0] * 16000).astype("<i2").tobytes())
    command = ["voices", "--clone", str(tmp_path / "other.wav"), "--name", "anna", "--who", "Another Anna", "--consent"]
    assert main(command) == 1
    assert "--replace" in capsys.readouterr().err
    assert main([*command, "--replace"]) == 0
    assert "--voice coqui:xtts/LANGUAGE/anna" in capsys.readouterr().out
    [second] = cloned_voices()
    assert (second.name, second.who) == ("anna", "Another Anna")
    assert second.path.read_bytes() != kept


@pytest.mark.slow
def test_xtts_streams_in_a_cloned_voice(limits, tmp_path: Path, recording) -> None:
    tiny_xtts(tmp_path / "xtts_v2")
    limits(checkpoints_dir=tmp_path)
    with pytest.raises(LipsyncError, match="no speakers of its own"):
        list(speak("Hello", voice="coqui:xtts/en-US"))
    clone_voice(recording, "Аня", consent=True)
    assert find_voice("coqui:xtts/ru/Аня").id == "coqui:xtts/ru/anya"
    text = "Привет, мои дорогие друзья."
    speeches = list(speak(text, voice="coqui:xtts/ru/anya"))
    assert [speech.joined for speech in speeches] == [True] * (len(speeches) - 1) + [False]
    assert text.startswith(speeches[0].text)
    assert text.endswith(speeches[-1].text)
    samples = sound(speeches)
    assert np.isfinite(samples).all()
    assert 0.5 < len(samples) / speeches[0].sample_rate < 6
    assert words(speeches) == ["Привет", "мои", "дорогие", "друзья"]
    assert_no_clicks(speeches)
    assert any(voice.id == "coqui:xtts/ru/anya" for voice in voices("ru"))

    before = threading.active_count()
    stream = speak("Это очень длинное предложение, которое никто не слушает до конца.", voice="coqui:xtts/ru/anya")
    next(stream)  # somebody stops in the middle; the next one does not wait for him
    assert list(speak("Да.", voice="coqui:xtts/ru/anya"))
    stream.close()
    assert list(stream) == []
    del stream
    assert threading.active_count() <= before


def test_the_program_starts_without_it() -> None:
    code = (
        "import sys, lipsync_core; from lipsync_core.speech import voices; voices(); "
        "heavy = {'TTS', 'transformers', 'torchaudio', 'onnxruntime', 'kokoro_onnx'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert settings().checkpoints_dir
