"""Data passes through the packages in one direction, and so do imports; importing the package stays cheap."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "lipsync_core"

ORDER = [  # from the bottom up; a part imports itself and what stands in the lines before its own
    {"errors", "frame"},
    {"installation"},
    {"settings", "cancel"},
    {"audio", "checkpoints"},
    {"speech"},
    {"face"},
    {"models"},
    {"core"},
    {"live"},
    {"sinks"},
    {"__init__"},
    {"jobs"},
    {"bench"},
    {"doctor"},
    {"server", "ui"},
    {"cli"},
    {"__main__", "app"},
]
CONVENIENCES = {  # methods that are a loop over, or a name for, something above them; imported when they are called
    ("core", "lipsync_core.sinks.mp4.Mp4Writer"),
    ("core", "lipsync_core.live.session.LiveSession"),
}
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
OUTSIDE = {"training", "benchmarks", "tests", "assets", "setup", "tools", "integrations"}  # not part of the product


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> set[str]:
    """Full names of all modules, or names in modules, that a file imports anywhere in it; "." where one is relative."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {"."} if node.level else {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part_of(name: str) -> str:
    """The part of the package that a full module name, or a name in a module, belongs to."""
    top, *rest = name.split(".")
    if top == "app":
        return "app"
    place = ROOT / PACKAGE / (rest[0] if rest else "__init__")
    return place.name if place.is_dir() or place.with_suffix(".py").exists() else "__init__"


def wrong_imports(source: str, file: Path) -> list[str]:
    """What a file with this source imports that it should not."""
    part = part_of(module_name(file))
    wrong = []
    for name in sorted(imported(ast.parse(source))):
        top = name.split(".")[0]
        if name == ".":
            wrong.append(f"{file.relative_to(ROOT)} imports relatively; write the package's name in full")
        elif top in OUTSIDE:
            wrong.append(f"{file.relative_to(ROOT)}: the product does not import {name}")
        elif top in (PACKAGE, "app"):
            target = part_of(name)
            if target != part and RANK[target] >= RANK[part] and (part, name) not in CONVENIENCES:
                wrong.append(f"{file.relative_to(ROOT)}: {part} does not import {name}")
    return wrong


def test_imports_point_down():
    files = sorted([*(ROOT / PACKAGE).rglob("*.py"), *ROOT.glob("app.py")])
    assert {part_of(module_name(file)) for file in files} <= set(RANK)
    assert [line for file in files for line in wrong_imports(file.read_text(encoding="utf-8"), file)] == []


def test_the_rule_sees_every_way_to_import():
    face = ROOT / PACKAGE / "face" / "load.py"
    for line in [
        "from ..models import rig",
        "from lipsync_core.models import rig",
        "import lipsync_core.sinks.mp4",
        "def f():\n    from lipsync_core import Studio",
        "import training.motion",
        "import app",
    ]:
        assert wrong_imports(line, face), line
    for line in ["from lipsync_core.face.avatar import Avatar", "from lipsync_core import checkpoints"]:
        assert not wrong_imports(line, face), line


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["librosa", "numba", "scipy", "sklearn", "gradio", "fastapi", "av", "onnxruntime", "piper", "pandas"]
    code = f"import sys, {PACKAGE}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
