"""Engines are found by their folder or by the package that brings them; the list of voices follows what changes."""

import ast
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from lipsync_core.checkpoints import manifest
from lipsync_core.speech import default_voice, find_voice, speak, voices
from lipsync_core.speech.catalogue import languages
from lipsync_core.speech.engines.registry import GROUP, engine_classes, get_engine

ROOT = Path(__file__).resolve().parents[1]
RECIPE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
[ENGINE] = re.findall(r"^```python\n(.*?)^```", RECIPE, re.MULTILINE | re.DOTALL)
[ENTRY] = re.findall(r"^```toml\n(.*?)^```", RECIPE, re.MULTILINE | re.DOTALL)

PROGRAM = """
import json
from lipsync_core.speech import default_voice, speak, voices
said = list(speak("Good morning. How are you?", voice="low"))
print(json.dumps({
    "voices": [voice.id for voice in voices("en") if voice.engine == "hum"],
    "words": [word.text for speech in said for word in speech.words],
    "seconds": sum(speech.duration for speech in said),
    "default": default_voice("en").id,
}))
"""


def result(folder: Path, program: str) -> dict:
    """What a program prints in a process that finds its packages in a folder too."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "LIPSYNC_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"logged": done.stderr}


def check_hum(found: dict) -> None:
    assert found["voices"] == ["hum:low", "hum:high"]
    assert found["words"] == ["Good", "morning", "How", "are", "you"]
    assert 1.5 < found["seconds"] < 4
    assert found["default"] != "hum:low"  # it sounds worse than all others


def installed(folder: Path, name: str, module: str, source: str, value: str) -> None:
    """A package as pip leaves it."""
    (folder / f"{module}.py").write_text(source)
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n")


def test_the_engine_of_the_recipe_is_found_by_its_package_and_speaks(tmp_path: Path) -> None:
    [(name, value)] = tomllib.loads(ENTRY)["project"]["entry-points"][GROUP].items()
    installed(tmp_path, name, value.partition(":")[0], ENGINE, value)
    check_hum(result(tmp_path, PROGRAM))


def test_an_engine_is_found_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "__init__.py").touch()
    (tmp_path / "hum" / "engine.py").write_text(ENGINE)
    check_hum(
        result(
            tmp_path, f"from lipsync_core.speech import engines\nengines.__path__.append({str(tmp_path)!r})" + PROGRAM
        )
    )


def test_engines_of_packages_that_do_not_load_are_left_out(tmp_path: Path) -> None:
    for name, source in {
        "broken": "raise ImportError('libhum.so')",
        "other": "class Hum: pass",
        "unranked": ENGINE.replace("quality =", "rank ="),
        "second": ENGINE.replace('"hum"', '"espeak"'),
    }.items():
        installed(tmp_path, name, f"{name}_engine", source, f"{name}_engine:Hum")
    found = result(tmp_path, "from lipsync_core.speech import voices\nprint('{\"voices\": %d}' % len(voices()))")
    assert found["voices"] > 300
    assert sorted(found["logged"].splitlines()) == [
        "The speech engine broken of broken_engine:Hum does not load: libhum.so",
        "The speech engine espeak is left out: there is one of that name already",
        "The speech engine other of other_engine:Hum does not load: Hum is not derived from Engine",
        "The speech engine unranked of unranked_engine:Hum does not load: type object 'Hum' has no attribute 'quality'",
    ]


def test_every_engine_describes_itself() -> None:
    assert {"espeak", "piper", "kokoro", "coqui", "openai"} == set(engine_classes())
    assert [engine.quality for engine in engine_classes().values()] == sorted(
        (engine.quality for engine in engine_classes().values()), reverse=True
    )
    for name, engine in engine_classes().items():
        assert name == engine.name
        assert engine.title
        assert get_engine(name).lacking() == []
    grandmother = find_voice("espeak:ru+grandma")
    assert (grandmother.gender, grandmother.age) == ("female", 90)


def test_no_engine_is_named_outside_its_folder() -> None:
    """But in the names of settings and of files that can be fetched, and in what explains the code."""
    package = ROOT / "lipsync_core"
    names = re.compile(
        "|".join({*engine_classes(), *(engine.title for engine in engine_classes().values())}), re.IGNORECASE
    )
    entries = re.compile("|".join(sorted(map(re.escape, manifest()), key=len, reverse=True)))
    found = {}
    for file in package.rglob("*.py"):
        place = file.relative_to(package).as_posix()
        if place.startswith(("speech/engines/", "checkpoints/")) or place == "settings.py":
            continue
        tree = ast.parse(file.read_text("utf-8"))
        explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        said = [
            str(text)
            for node in ast.walk(tree)
            if id(node) not in explained
            for kind, text in ast.iter_fields(node)
            if kind in ("id", "attr", "name", "module", "arg") or (kind == "value" and isinstance(text, str))
        ]
        if named := [text for text in said if names.search(entries.sub("", text))]:
            found[place] = named
    assert found == {"speech/voice_cloning.py": ["coqui/samples"]}  # where samples have always lain


def test_choosing_a_voice_takes_no_time() -> None:
    """Measured 0.2 ms, and 6 ms when all voices were listed anew."""
    for choice in ({}, {"voice": "espeak:ru"}, {"language": "de"}):
        speak("Hello.", **choice)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            speak("Hello.", **choice)
            times.append(time.perf_counter() - start)
        assert min(times) < 0.002


def test_the_list_follows_folders_files_and_settings(limits, tmp_path: Path) -> None:
    def ready(voice: str) -> bool:
        return next(one.ready for one in voices() if one.id == voice)

    limits(checkpoints_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert not ready("kokoro:af_heart")
    (tmp_path / "kokoro" / "voices").mkdir(parents=True)
    (tmp_path / "kokoro" / "kokoro-int8.onnx").touch()
    assert not ready("kokoro:af_heart")
    (tmp_path / "kokoro" / "voices" / "af_heart.bin").touch()
    assert ready("kokoro:af_heart")
    assert default_voice("ja").engine == "espeak"
    (tmp_path / "kokoro" / "voices" / "jf_alpha.bin").touch()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "voice_pace.json").write_text('{"kokoro": {"first_seconds": 0.1, "factor": 0.1}}')
    assert default_voice("ja").id == "kokoro:jf_alpha"
    (tmp_path / "kokoro" / "kokoro-int8.onnx").unlink()
    assert not ready("kokoro:af_heart")
    limits(checkpoints_dir=tmp_path / "elsewhere", cache_dir=tmp_path / "cache")
    assert not ready("kokoro:jf_alpha")
    assert len(languages()) > 120
