"""Model files are handed out only when they are whole, and what to do is said when they are not."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.cli import main
from lipsync_core.errors import LipsyncError
from lipsync_core.installation import ROOT

from . import lying_server as server_that
from .checkpoints_place import CONTENT, OTHER, SHA256, host, listed, place, visible
from .lying_server import LyingServer

__all__ = ["host", "listed", "place"]  # fixtures

FILE = "models/model.onnx"


def test_a_missing_file_says_how_to_get_it_without_a_network_too(place: Path, listed: Callable[..., None]) -> None:
    listed("/model")
    with pytest.raises(LipsyncError) as error:
        checkpoints.path("model")
    for needed in ("fetch model", str(place / FILE), str(len(CONTENT)), SHA256, "it is http://127.0.0.1"):
        assert needed in str(error.value)
    assert (checkpoints.state("model"), checkpoints.is_there("model")) == ("missing", False)
    with pytest.raises(LipsyncError, match="'face'; choose one of model"):
        checkpoints.path("face")


def test_a_file_put_there_by_hand_is_verified(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    listed("/model")
    file = place / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    assert checkpoints.path("model") == checkpoints.fetch("model") == file
    file.write_bytes(OTHER)  # same size, and the right one was verified a moment ago
    with pytest.raises(LipsyncError, match="damaged"):
        checkpoints.path("model")
    assert (checkpoints.state("model"), checkpoints.is_there("model")) == ("wrong", True)
    file.write_bytes(CONTENT[:-1])
    assert (checkpoints.state("model"), checkpoints.is_there("model")) == ("wrong", False)
    assert host.asked == []


def test_without_a_network_nothing_is_asked(
    place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    listed("/model")
    limits(offline=1)
    with pytest.raises(LipsyncError, match="LIPSYNC_OFFLINE"):
        checkpoints.fetch("model")
    assert host.asked == []
    assert not place.exists()


def test_a_file_without_sources_is_put_there_by_hand(place: Path, listed: Callable[..., None]) -> None:
    listed()
    with pytest.raises(LipsyncError, match="can only be put there by hand: put the file") as error:
        checkpoints.fetch("model")
    assert "python -m" not in str(error.value)


def test_a_licence_that_forbids_commercial_use_is_asked_about_once(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    terms = {"licence": "for research", "commercial": False}
    listed("/model", **terms)
    assert not checkpoints.accepted("model")
    with pytest.raises(checkpoints.NotAccepted, match=r"for research.*fetch model --accept-licence model"):
        checkpoints.fetch("model")
    assert host.asked == []
    checkpoints.accept("model")
    note = json.loads((place / "licences.json").read_text())["model"]
    assert note["licence"] == "for research"
    assert note["date"].startswith("20")
    checkpoints.fetch("model")
    listed("/model", **terms | {"licence": "other terms"})
    assert not checkpoints.accepted("model")  # to those nobody has agreed
    assert checkpoints.path("model").is_file()  # what lies there is used
    (place / "licences.json").write_text("[1]")
    assert not checkpoints.accepted("model")
    checkpoints.accept("model")
    assert checkpoints.accepted("model")


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    listed("/model", licence="for research", commercial=False)
    (place / "licences.json").mkdir(parents=True)
    with pytest.raises(LipsyncError, match=r"licences\.json cannot be written \(Is a directory\)"):
        checkpoints.accept("model")
    listed("/model")
    (place / ".fetch").touch()
    with pytest.raises(LipsyncError, match=r"could not be fetched \(.*/model cannot be had \((File exists|Not a dir)"):
        checkpoints.fetch("model")


def test_the_command_lists_what_there_is(
    tmp_path: Path, limits: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    limits(checkpoints_dir=tmp_path)
    assert main(["fetch", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert (found["rig_motion"]["state"], found["wav2lip_gan"]["state"]) == ("ready", "missing")
    assert (found["wav2lip_gan"]["must_accept"], found["kokoro"]["must_accept"]) == (True, False)
    assert found["wav2lip_gan"]["bytes"] == 435_801_865
    assert main(["fetch", "--list", "wav2lip_gan"]) == 0
    shown = capsys.readouterr().out
    for word in ("wav2lip_gan", "missing", "435.8 MB", "no commercial use", "asked"):
        assert word in shown
    assert main(["fetch", "--list", "nothing"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_asks_before_it_fetches(
    tmp_path: Path,
    limits: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    limits(checkpoints_dir=tmp_path, stall_seconds=0.1)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    assert main(["fetch", "wav2lip_gan"]) == 1
    assert "--accept-licence wav2lip_gan" in capfd.readouterr().err
    assert not (tmp_path / "licences.json").exists()
    assert main(["fetch", "wav2lip_gan", "--accept-licence", "wav2lip_gan"]) == 1
    told = capfd.readouterr().err
    assert len(told.strip().splitlines()) == 1
    for word in ("camenduru/Wav2Lip", "numz/wav2lip_studio", "435801865", str(tmp_path / "wav2lip/wav2lip_gan.pth")):
        assert word in told
    assert "wav2lip_gan" in json.loads((tmp_path / "licences.json").read_text())


def test_a_terminal_is_asked(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model", licence="for research", commercial=False)
    program = (
        "import sys, pathlib, lipsync_core.checkpoints, lipsync_core.cli as cli\n"
        'sys.modules["lipsync_core.checkpoints.manifest"].OWN_FOLDER = pathlib.Path(sys.argv[1])\n'
        'raise SystemExit(cli.main(["fetch", "model"]))'
    )
    for answer, status in (("\n", 1), ("y\n", 0)):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(place.parent)], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        shown = read_until(ours, "[y/N]")
        assert "for research" in shown
        os.write(ours, answer.encode())
        shown = read_until(ours, None)
        assert process.wait(60) == status
        os.close(ours)
        assert checkpoints.accepted("model") == (status == 0)
    assert str(place / FILE) in shown
    assert re.search(r"model +\d+ %", shown)  # the progress bar
    assert visible(place) == ["licences.json", FILE]


def read_until(terminal: int, word: str | None) -> str:
    """What a program shows on a terminal, up to a word or to its end."""
    shown = ""
    while word is None or word not in shown:
        try:
            content = os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not content:
            break
        shown += content.decode(errors="replace")
    return shown
