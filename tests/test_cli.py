"""The command line, as a person at a terminal and a script notice it."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core.cli import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = "Hello there. How are you?"
VOICE = "espeak:en-us"
SMALL = ("--size", "128", "--voice", VOICE)  # drawn quickly
LONG = "This sentence is said again and again. " * 100
COMMANDS = ["render", "page", "serve", "voices", "models", "fetch", "doctor", "bench"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def process(*arguments: str, **options) -> subprocess.Popen:
    """The program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "lipsync_core", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=options.pop("stderr", subprocess.PIPE),
        text=True,
        **options,
    )


def streams(path: Path) -> tuple[int, tuple[int, int], float, float]:
    """Frames, width and height, seconds of picture and of sound, all decoded."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video))
        size, rate = (video.width, video.height), video.average_rate
    with av.open(str(path)) as container:
        sound = list(container.decode(audio=0))
    return frames, size, float(frames / rate), sum(frame.samples for frame in sound) / sound[0].sample_rate


def write_wav(path: Path, seconds: float) -> None:
    time_axis = np.arange(round(seconds * 16000)) / 16000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(900 * time_axis) * (time_axis % 0.4 < 0.2)).astype("<i2").tobytes())


def test_figures_are_those_of_the_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--text", TEXT, *SMALL, "--json", "-o", "a.mp4"]) == 0
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 1
    assert "%" not in err  # no progress where nobody looks
    figures = json.loads(out)
    frames, size, seconds, sound = streams(folder / "a.mp4")
    assert (figures["frames"], (figures["width"], figures["height"])) == (frames, size) == (frames, (128, 128))
    assert figures["seconds"] == pytest.approx(seconds)
    assert sound == pytest.approx(seconds, abs=0.04)
    assert 1 < seconds < 4
    assert 0 < figures["first_frame_ms"] < figures["elapsed_seconds"] * 1000
    assert figures["realtime_factor"] == pytest.approx(seconds / figures["elapsed_seconds"], rel=0.01)
    assert figures["frames_per_second"] == pytest.approx(frames / figures["elapsed_seconds"], rel=0.01)
    assert (figures["fps"], figures["missed_faces"], figures["path"]) == (25, 0, "a.mp4")
    assert (figures["voice"], figures["model"]) == (VOICE, "rig")
    assert os.listdir(folder) == ["a.mp4"]


def test_without_json_a_sentence_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--text", "Yes.", *SMALL, "-o", "a.mp4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("a.mp4: ")
    assert "128x128" in out


def test_every_option_reaches_the_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "text.txt").write_bytes(b"\xef\xbb\xbf" + "Привет, мир!\r\n".encode())
    options = ["--language", "Russian", "--speed", "1.5", "--avatar", "mei", "--face", "0.5,0.5", "--model", "rig"]
    options += ["--size", "96", "--fps", "29.97", "--batch-size", "5", "--low-latency", "--seed", "3", "--no-idle"]
    assert main(["render", "--text-file", "text.txt", *options, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["path"], figures["voice"], figures["fps"]) == ("text.mp4", "espeak:ru", 29.97)
    with av.open("text.mp4") as container:
        assert str(container.streams.video[0].average_rate) == "30000/1001"
        assert container.streams.video[0].height == 96


def test_a_recording_is_played(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(folder / "hum.wav", 1.2)
    assert main(["render", "--audio", "hum.wav", "--size", "96", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["path"], figures["frames"], figures["voice"]) == ("hum.mp4", 30, "")
    assert streams(folder / "hum.mp4")[3] == pytest.approx(1.2, abs=0.04)


def test_a_name_of_its_own_replaces_nothing(folder: Path) -> None:
    (folder / "yes-it-is.mp4").write_bytes(b"of the user")
    for _ in range(2):
        assert main(["render", "--text", "Yes, it is!", "--size", "64", "--voice", VOICE]) == 0
    assert sorted(os.listdir(folder)) == ["yes-it-is-2.mp4", "yes-it-is-3.mp4", "yes-it-is.mp4"]
    assert (folder / "yes-it-is.mp4").read_bytes() == b"of the user"


def test_text_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Да.".encode())))
    assert main(["render", "--text-file", "-", "--size", "64", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["path"], figures["voice"]) == ("да.mp4", "espeak:ru")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "  "], "nothing to speak"),
        (["--text", TEXT, "--voice", "nobody"], 'no voice "nobody"'),
        (["--text", TEXT, "--language", "Klingonian"], "Klingon"),
        (["--text", TEXT, "--speed", "9"], "speed 9"),
        (["--text", TEXT, "--avatar", "missing.jpg"], "missing.jpg"),
        (["--text", TEXT, "--avatar", "text.txt"], "text.txt"),
        (["--text", TEXT, "--model", "none"], "no model named 'none'"),
        (["--text", TEXT, "--size", "1"], "1"),
        (["--text", TEXT, "--fps", "1000"], "fps 1000"),
        (["--text", TEXT, "--batch-size", "0"], "batch_size 0"),
        (["--text", TEXT, "--face", "7"], "face"),
        (["--text", TEXT, "-o", "no/such/folder.mp4"], "folder does not exist"),
        (["--text", TEXT, "-o", "a.avi"], ".mp4"),
        (["--text-file", "missing.txt"], "missing.txt cannot be read"),
        (["--text-file", "latin.txt"], "latin.txt is not UTF-8"),
        (["--text-file", "."], "cannot be read"),
        (["--audio", "missing.wav"], "missing.wav does not exist"),
        (["--audio", "text.txt"], "text.txt is no sound"),
    ],
)
def test_errors_are_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    (folder / "text.txt").write_text("Just words.")
    (folder / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    before = sorted(os.listdir(folder))
    assert main(["render", *options, "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(os.listdir(folder)) == before


def test_the_source_is_never_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(folder / "talk.mp4", 1.0)
    content = (folder / "talk.mp4").read_bytes()
    assert main(["render", "--audio", "talk.mp4", "-o", str(folder / "talk.mp4")]) == 1
    assert "what the video is made from" in capsys.readouterr().err
    assert (folder / "talk.mp4").read_bytes() == content


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["render"],
        ["render", "--text", "a", "--audio", "b"],
        ["render", "--audio", "b.wav", "--voice", "c"],
        ["render", "--text", "a", "--face", "left"],
        ["render", "--text", "a", "--size", "big"],
        ["sing"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"example:\n  python -m lipsync_core {command}" in capsys.readouterr().out


def test_voices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["voices", "--language", "ru"]) == 0
    assert capsys.readouterr().out.startswith("espeak:ru ")
    assert main(["voices", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) > 100
    assert {"id", "language", "native_language_name", "licence", "commercial_use", "ready"} <= set(listed[0])
    assert main(["voices", "--language", "Klingonian"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["ready"]) == ("rig", True)
    assert main(["models"]) == 0
    assert "commercial use allowed" in capsys.readouterr().out


def test_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch"]) == 0
    assert main(["fetch", "no_such_file"]) == 1
    assert "no_such_file" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    with process("voices") as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""


def test_progress_is_shown_on_a_terminal(folder: Path) -> None:
    terminal, end = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with process("render", "--text", TEXT * 6, *SMALL, "--json", "-o", "a.mp4", stderr=end) as running:
        os.close(end)
        shown = b""
        while select.select([terminal], [], [], 60)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
        assert len(running.stdout.read().splitlines()) == 1
    os.close(terminal)
    # percent, bar, time gone and left, frames and their rate
    assert re.search(r"[1-9]\d* %\|.*\| 00:\d\d<00:\d\d, [1-9]\d* frames, \d+/s", shown.decode())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_render_leaves_a_shorter_file(folder: Path, number: int, status: int) -> None:
    with process("render", "--text", LONG, *SMALL, "--json", "-o", "a.mp4") as running:
        wait_for_bytes(folder / "a.mp4.part")
        time.sleep(0.3)
        running.send_signal(number)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (status, "")
    assert "Traceback" not in err
    assert os.listdir(folder) == ["a.mp4"]
    frames, _, seconds, sound = streams(folder / "a.mp4")
    assert f"holds the first {frames} frames" in err
    assert sound == pytest.approx(seconds, abs=0.04)


def test_interrupted_before_the_first_frame_leaves_nothing(folder: Path) -> None:
    with process("render", "--text", LONG, "-o", "a.mp4") as running:
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert set(os.listdir(folder)) <= {"a.mp4"}
    if os.listdir(folder):  # a fast machine
        assert streams(folder / "a.mp4")[0] > 0


def wait_for_bytes(path: Path) -> None:
    """Until the encoder has written something."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size > 10_000:
            return
        time.sleep(0.02)
    raise AssertionError(f"{path.name} does not grow")
