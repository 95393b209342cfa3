"""What the README shows is true: its Python runs, its commands exist, its links and pictures are there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
import pytest

from lipsync_core.cli.main import COMMANDS, parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMAND = "python -m lipsync_core "


def commands() -> list[str]:
    lines = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]
    return [line for line in lines if line.strip()]


def test_two_commands_lead() -> None:
    assert [line.split()[0] for line in commands()[:2]] == ["./run.sh", "./test.sh"]


@pytest.mark.slow
def test_the_python_example_runs(tmp_path: Path) -> None:
    [code] = [block for kind, block in BLOCKS if kind == "python"]
    assert len(code.splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(tmp_path / "hello.mp4") + " has ")
    with av.open(str(tmp_path / "hello.mp4")) as container:
        assert container.streams.video[0].height == 512
        frames = sum(1 for _ in container.decode(video=0))
    assert f" has {frames} frames" in done.stdout


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith(COMMAND)])
def test_commands_can_be_typed_as_they_stand(line: str) -> None:
    options = parser().parse_args(shlex.split(line.removeprefix(COMMAND)))
    assert callable(options.run)


def test_every_command_is_shown() -> None:
    shown = {line.removeprefix(COMMAND).split()[0] for line in commands() if line.startswith(COMMAND)}
    assert shown == {module.__name__.rpartition(".")[2] for module in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_pictures_are_small() -> None:
    assert sum(file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()) < 600_000
