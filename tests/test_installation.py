"""The project as a package: a wheel that works from any folder, and one sentence for an extra that is missing."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_IMPORTED = {
    "librosa",
    "ffmpeg-python",
    "imageio-ffmpeg",
}  # for scripts around the program
RENDER = """
from lipsync_core import Studio
Studio().take("Hi.", avatar="mei", voice="espeak:en-us", size=256).save("hello.mp4")
"""


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in found}


def ranges() -> list[Requirement]:
    listed = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    return [one for one in map(Requirement, listed) if one.name != PROJECT["name"]]


def test_the_package_asks_for_what_is_pinned() -> None:
    assert {canonicalize_name(one.name) for one in ranges()} == pins().keys() - NOT_IMPORTED
    for wanted in ranges():
        pinned = pins()[canonicalize_name(wanted.name)]
        assert wanted.marker == pinned.marker, wanted
        if wanted.name == "torch":
            assert wanted == pinned
            continue
        [pin] = [one.version for one in pinned.specifier]
        lowest = [one.version for one in wanted.specifier if one.operator in (">=", "==")]
        assert wanted.specifier.contains(pin), f"{wanted}: {pin}"
        assert f"{pin}.".startswith(f"{lowest[0]}."), f"{wanted} does not begin at {pin}, which is tested"


def test_all_is_all() -> None:
    extras = PROJECT["optional-dependencies"]
    [everything] = map(Requirement, extras["all"])
    assert everything.extras == extras.keys() - {"all"}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of an environment in which the wheel is installed, in an empty folder with an empty home."""
    place = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *source, "--wheel-dir", str(place), str(ROOT)], check=True, timeout=120)
    [wheel] = place.glob("lipsync_studio-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place / "venv")], check=True, timeout=120)
    [site] = (place / "venv").glob("lib/python*/site-packages")
    (site / "packages_of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    into = [*pip, "--python", str(place / "venv" / "bin" / "python")]
    subprocess.run([*into, "install", "--no-deps", "--no-index", str(wheel)], check=True, timeout=120)
    home = place / "home"
    home.mkdir()

    def run(program: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LIPSYNC", "XDG"))}
        return subprocess.run(
            [str(place / "venv" / "bin" / program), *arguments], cwd=cwd,
            env={**kept, "HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


@pytest.mark.slow
def test_an_installed_package_lists_its_voices(installed: Run, tmp_path: Path) -> None:
    done = installed("lipsync-studio", "voices", "--language", "en", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "espeak:en-us" in done.stdout
    shown = installed("lipsync-studio", "render", "--help", cwd=tmp_path).stdout
    assert shown.startswith("usage: lipsync-studio render")
    assert "example:\n  lipsync-studio render --text" in shown


@pytest.mark.slow
def test_a_voice_names_the_extra_that_it_lacks(installed: Run, tmp_path: Path) -> None:
    code = WITHOUT.format("from lipsync_core.cli import main; sys.exit(main())")
    done = installed("python", "-c", code, "piper,onnxruntime,TTS", "voices", "--json", cwd=tmp_path)
    how = {voice["id"].partition(":")[0]: voice["how_to_get"] for voice in json.loads(done.stdout)}
    assert how.pop("espeak") == ""
    assert how == {extra: f"Install it: python -m pip install 'lipsync-studio[{extra}]'." for extra in how}
    assert how.keys() == {"piper", "kokoro", "coqui"}


@pytest.mark.slow
def test_an_installed_package_makes_a_video(installed: Run, tmp_path: Path) -> None:
    done = installed("python", "-c", RENDER, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with av.open(str(tmp_path / "hello.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 5
    assert [file.name for file in tmp_path.iterdir()] == ["hello.mp4"]


@pytest.mark.slow
def test_an_installed_package_has_its_page_and_api(installed: Run, tmp_path: Path) -> None:
    code = (
        "from fastapi.testclient import TestClient\n"
        "from lipsync_core.server import make_api\n"
        "from lipsync_core.settings import settings\n"
        "from lipsync_core.ui import make_page\n"
        "from lipsync_core.ui.layout import look\n"
        "api = make_api()\n"
        "page, desk = make_page(api)\n"
        "assert look()['favicon_path'].is_file()\n"
        "client = TestClient(api)\n"
        "paths = ['/mjpeg_test', '/api/realtime/client.js', '/api/checkpoints']\n"
        "print([client.get(path).status_code for path in paths])\n"
        "print(settings().checkpoints_dir)\n"
    )
    done = installed("python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    codes, checkpoints = done.stdout.splitlines()
    assert codes == "[200, 200, 200]"
    assert checkpoints.endswith("/home/.local/share/lipsync-studio/checkpoints")


WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # as if it were not installed
{}
"""


def without(packages: str, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT.format(code), packages, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("command", "packages", "sentence"),
    [
        ("serve", "fastapi,uvicorn", "The HTTP API needs the extra server (fastapi is missing): {}[server]'.\n"),
        ("page", "fastapi,gradio", "The page needs the extra ui (gradio is missing): {}[ui]'.\n"),
    ],
)
def test_a_missing_extra_is_named(command: str, packages: str, sentence: str) -> None:
    done = without(packages, "from lipsync_core.cli import main; sys.exit(main())", command)
    assert (done.returncode, done.stderr) == (1, sentence.format("pip install 'lipsync-studio"))


def test_a_missing_extra_is_an_import_error_too() -> None:
    done = without("gradio", "try:\n    import lipsync_core.ui\nexcept ImportError as error:\n    print(error)")
    assert done.stdout == "The page needs the extra ui (gradio is missing): pip install 'lipsync-studio[ui]'.\n"
