"""An option of a take is said once, and all front ends have it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lipsync_core import LipsyncError, Studio, TakeOptions
from lipsync_core.cli import main
from lipsync_core.core.options import options
from tools import options_page

from .api_server import BODY, ApiServer

ROOT = Path(__file__).resolve().parents[1]
WRONG = {"speed": 9, "size": 1, "fps": 1000, "batch_size": 0, "seed": -1, "queue_frames": -1}


def test_the_page_of_the_options_is_current() -> None:
    page = options_page.PAGE.read_text(encoding="utf-8")
    assert page == options_page.page(page), "run `python -m tools.options_page`"


def test_every_range_is_tried() -> None:
    assert set(WRONG) == {name for name, option in options().items() if option.limits}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_value_out_of_range_is_refused_everywhere(
    server: ApiServer, capsys: pytest.CaptureFixture[str], name: str, value: int
) -> None:
    """A queue of -1 frames used to be one without an end."""
    with pytest.raises(LipsyncError, match=f"{name} {value} is not possible; choose"):
        Studio().take("Hi.", **{name: value})
    assert main(["render", "--text", "Hi.", f"--{name.replace('_', '-')}", str(value), "-o", "never.mp4"]) == 1
    assert name in capsys.readouterr().err
    with server.client() as client:
        refused = client.post("/api/generate", json={"text": "Hi.", **BODY, name: value})
    assert refused.status_code == 422
    assert name in refused.json()["detail"]


@pytest.mark.parametrize("value", [float("nan"), "many", True, 2.5])
def test_what_is_no_number_of_frames_is_refused(value: object) -> None:
    with pytest.raises(LipsyncError, match="give one from 1 to 960"):
        TakeOptions(batch_size=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{"voice": "espeak:ru"}, {"language": "ru"}, {"speed": 1.5}])
def test_a_recording_takes_no_voice(server: ApiServer, more: dict[str, object]) -> None:
    """It was left out without a word."""
    with pytest.raises(LipsyncError, match="leave out language, voice and speed"):
        Studio().take(audio=(np.zeros(1600, np.float32), 16000), **more)
    with server.client() as client:
        refused = client.post("/api/generate", files={"audio": b"RIFF"}, data=more)
    assert refused.status_code == 422
    assert "leave out language, voice and speed" in refused.json()["detail"]


def test_a_take_has_one_source() -> None:
    for sources in ({}, {"text": "Hi.", "audio": b""}):
        with pytest.raises(LipsyncError, match="give one of the two"):
            Studio().take(**sources)


SEE = """
import contextlib, io, json
from lipsync_core import Studio
from lipsync_core.cli import main
from lipsync_core.core.options import options
from lipsync_core.server import make_api
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.ui.handlers import Desk
from lipsync_core.ui.layout import build

def printed(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(arguments)
    return out.getvalue()

studio = Studio()
with studio.take("Hi.", voice="espeak:en-us", size=64, film=True) as take:
    rate = float(take.fps)
rendered = printed("render", "--text", "Hi.", "--voice", "espeak:en-us", "--size", "64", "--film", "--json")
page = build(Desk(make_api(studio).state.service))
controls = [one["parameter_name"] for one in page.get_api_info()["named_endpoints"]["/speak"]["parameters"]]
print(json.dumps({
    "python": rate, "command": json.loads(rendered)["fps"], "help": printed("render", "--help"),
    "page": controls, "http": TakeRequest.model_json_schema()["properties"]["film"],
}))
"""


@pytest.mark.slow
def test_the_recipe_for_a_new_option(tmp_path: Path) -> None:
    """Followed to the letter in a copy of the program."""
    for folder in ("lipsync_core", "tools", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    for folder in ("assets", "checkpoints"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding an option")[2]
    [command] = re.findall(r"`python (-m tools\.\w+)`", text)
    for name, change in re.findall(r"^ *```diff\n *# (\S+)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        lines = [line[3:] for line in change.splitlines()]
        before, after = ("\n".join(line[1:] for line in lines if line[:1] in kinds) for kinds in (" -", " +"))
        source = (tmp_path / name).read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{name} has no such lines:\n{before}"
        (tmp_path / name).write_text(source.replace(before, after), encoding="utf-8")
    subprocess.run([sys.executable, *command.split()], cwd=tmp_path, check=True)
    seen = subprocess.run([sys.executable, "-c", SEE], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(seen.stdout)
    about = "Whether to draw 24 frames a second, as films have."
    assert (found["python"], found["command"]) == (24, 24)
    assert "film" in found["page"]
    assert "--film" in found["help"]
    assert "draw 24 frames a second, as films have" in " ".join(found["help"].split())
    assert (found["http"]["type"], found["http"]["description"]) == ("boolean", about)
    assert f"| `film` | {about} |" in (tmp_path / "docs" / "options.md").read_text(encoding="utf-8")
