"""Data passes through the rooms in one direction, and so do imports; importing the package stays cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "lipsync_core"

ORDER = [  # from the bottom up; a room may import itself and what stands before its line
    {"errors"},
    {"settings", "checkpoints"},
    {"speech", "audio", "face", "level", "contacts"},
    {"models"},
    {"frame", "stage", "timeline"},
    {"studio"},
    {"__init__"},
    {"sinks"},
    {"web", "cli", "doctor", "bench"},
    {"page"},
    {"__main__"},
    {"app"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
ALLOWED = {  # between rooms of one line: who imports whom, or which module of it
    ("checkpoints", "settings"),
    ("audio", "speech.speech"),
    ("face", "speech.speech"),
    ("level", "audio"),
    ("contacts", "speech.speech"),
    ("cli", "doctor"),
    ("cli", "bench"),
    ("cli", "web"),
    ("web", "doctor"),
    ("bench", "doctor"),
    ("doctor", "bench"),
}
OUTSIDE = {"training", "benchmarks", "tests", "assets", "setup"}  # the product runs without these


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, file: Path) -> set[str]:
    """Full names of all modules, or names in modules, that a file imports anywhere in it."""
    package = module_name(file).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            found |= {".".join([*base, alias.name]) for alias in node.names}
    return found


def room_of(name: str) -> str:
    """The room that a full module name, or a name in a module, belongs to."""
    top, *rest = name.split(".")
    if top == "app":
        return "app"
    place = ROOT / PACKAGE / (rest[0] if rest else "__init__")
    return place.name if place.is_dir() or place.with_suffix(".py").exists() else "__init__"


def wrong_imports(source: str, file: Path) -> list[str]:
    """What a file with this source imports that it should not."""
    room = room_of(module_name(file))
    wrong = []
    for name in sorted(imported(ast.parse(source), file)):
        top = name.split(".")[0]
        if top in OUTSIDE:
            wrong.append(f"{file.name}: the product does not import {name}")
        if top not in (PACKAGE, "app"):
            continue
        target = room_of(name)
        inside = name.removeprefix(f"{PACKAGE}.")
        allowed = target == room or any(
            room == who and (inside == what or inside.startswith(what + ".")) for who, what in ALLOWED
        )
        if not allowed and RANK[target] >= RANK[room]:
            wrong.append(f"{file.name}: {room} does not import {name}")
    return wrong


FILES = sorted([*(ROOT / PACKAGE).rglob("*.py"), *ROOT.glob("app.py")])


def test_every_room_has_its_place():
    assert {room_of(module_name(file)) for file in FILES} <= set(RANK)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down(file):
    assert wrong_imports(file.read_text(encoding="utf-8"), file) == []


def test_the_rule_sees_every_way_to_import():
    face = ROOT / PACKAGE / "face" / "load.py"
    for line in [
        "from ..models import rig",
        "from .. import frame",
        "from ..speech import recording",
        "from ..speech.recording import read_recording",
        "import lipsync_core.sinks.mp4",
        "def f():\n    from lipsync_core import Studio",
        "import training.motion",
        "import app",
    ]:
        assert wrong_imports(line, face), line
    for line in ["from .avatar import Avatar", "from .. import checkpoints", "from ..speech.speech import Speech"]:
        assert not wrong_imports(line, face), line


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["librosa", "numba", "scipy", "sklearn", "gradio", "fastapi", "av", "onnxruntime", "piper", "pandas"]
    code = f"import sys, {PACKAGE}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
