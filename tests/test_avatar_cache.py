"""A face that was prepared once is not prepared again, and the cache can neither grow nor break."""

import io
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from lipsync_core import settings
from lipsync_core.face import load_avatar
from lipsync_core.face.detection import blaze_face, face_mesh

LOAD = """
import sys
from lipsync_core.face import load_avatar
from lipsync_core.face.detection import blaze_face, face_mesh
avatar = load_avatar(sys.argv[1], cache=sys.argv[2])
print(avatar.key, len(avatar.frames), avatar.frames[-1].mean(), avatar.landmarks.sum(dtype=float))
print(blaze_face.forwards + face_mesh.forwards, "cv2" in sys.modules)
"""


@pytest.fixture(scope="module")
def photo(shared) -> bytes:
    return (shared / "data" / "portraits" / "painting.jpg").read_bytes()


@pytest.fixture(scope="module")
def clip(shared):
    return shared / "data" / "grid" / "grid01.mpg"


def forwards() -> int:
    return blaze_face.forwards + face_mesh.forwards


def variant(photo, number) -> bytes:
    """The same picture with other bytes."""
    return photo + bytes([number])


def start(source, cache):
    return subprocess.Popen([sys.executable, "-c", LOAD, str(source), str(cache)], stdout=subprocess.PIPE, text=True)


def assert_same(one, other):
    assert one.key == other.key
    assert (one.fps, one.missed, one.notes, one.size) == (other.fps, other.missed, other.notes, other.size)
    np.testing.assert_array_equal(one.landmarks, other.landmarks)
    assert len(one.frames) == len(other.frames)
    np.testing.assert_array_equal(one.frames[-1], other.frames[-1])


@pytest.mark.parametrize("kind", ["photo", "clip"])
def test_the_second_use_detects_nothing(photo, clip, tmp_path, kind):
    source = photo if kind == "photo" else clip
    first = load_avatar(source, cache=tmp_path)
    before = forwards()
    second = load_avatar(source, cache=tmp_path)
    assert forwards() == before
    assert_same(first, second)


def test_another_process_remembers_too_and_two_at_once_agree(clip, tmp_path):
    both = [start(clip, tmp_path) for _ in range(2)]
    answers = [process.communicate()[0].splitlines() for process in both]
    assert answers[0][0] == answers[1][0]
    later, _ = start(clip, tmp_path).communicate()
    assert later.splitlines() == [answers[0][0], "0 False"]
    assert len(list(tmp_path.iterdir())) == 1


def test_content_and_options_make_the_key_and_the_name_does_not(photo, tmp_path):
    avatar = load_avatar(photo, cache=tmp_path)
    (tmp_path / "renamed.jpg").write_bytes(photo)
    before = forwards()
    renamed = load_avatar(tmp_path / "renamed.jpg", cache=tmp_path)
    assert forwards() == before
    assert (renamed.key, renamed.name) == (avatar.key, "renamed.jpg")
    (small,) = load_avatar(tmp_path / "renamed.jpg", cache=tmp_path, size=64).notes
    (tmp_path / "secret.jpg").write_bytes(photo)
    assert "renamed.jpg" in small
    told = load_avatar(tmp_path / "secret.jpg", cache=tmp_path, size=64).notes
    assert told == (small.replace("renamed.jpg", "secret.jpg"),)
    keys = {
        load_avatar(source, cache=tmp_path, **options).key
        for source, options in [(photo, {}), (variant(photo, 0), {}), (photo, {"size": 200}), (photo, {"face": 0})]
    }
    assert len(keys) == 4


def test_threads_that_ask_for_one_face_prepare_it_once(photo, tmp_path):
    before = forwards()
    load_avatar(photo, cache=tmp_path / "alone")
    once = forwards() - before
    with ThreadPoolExecutor(4) as pool:
        avatars = list(pool.map(lambda _: load_avatar(photo, cache=tmp_path / "together"), range(4)))
    assert forwards() - before == 2 * once
    for avatar in avatars:
        assert_same(avatars[0], avatar)


def spoil_table(entry):
    data = bytearray((entry / "avatar.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (entry / "avatar.npz").write_bytes(data)


def spoil_frames(entry):
    data = bytearray((entry / "frames.bin").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (entry / "frames.bin").write_bytes(data)


def pickle_inside(entry):
    """What an attacker who can write there would try."""
    file = io.BytesIO()
    np.savez(file, landmarks=np.array([{"a": print}], dtype=object))
    (entry / "avatar.npz").write_bytes(file.getvalue())


SPOILED = {
    "table": spoil_table,
    "frames": spoil_frames,
    "pickle": pickle_inside,
    "short table": lambda entry: (entry / "avatar.npz").write_bytes(b"PK"),
    "no table": lambda entry: (entry / "avatar.npz").unlink(),
    "no frames": lambda entry: (entry / "frames.bin").unlink(),
    "cut frames": lambda entry: (entry / "frames.bin").write_bytes((entry / "frames.bin").read_bytes()[:1000]),
    "another table": lambda entry: np.savez(entry / "avatar.npz", landmarks=np.zeros(3)),
}


@pytest.mark.parametrize("damage", SPOILED)
def test_a_damaged_entry_is_made_anew(photo, tmp_path, damage):
    avatar = load_avatar(photo, cache=tmp_path)
    SPOILED[damage](tmp_path / avatar.key)
    before = forwards()
    again = load_avatar(photo, cache=tmp_path)
    assert forwards() > before
    assert_same(avatar, again)
    assert len(list(tmp_path.iterdir())) == 1
    before = forwards()
    load_avatar(photo, cache=tmp_path)
    assert forwards() == before


def limited(monkeypatch, size):
    monkeypatch.setenv("LIPSYNC_CACHE_LIMIT_BYTES", str(size))
    settings.settings.cache_clear()


@pytest.fixture(autouse=True)
def _settings_of_each_test():
    yield
    settings.settings.cache_clear()


def test_the_longest_unused_entries_go_and_none_that_is_in_use(photo, tmp_path, monkeypatch):
    size = 510 * 506 * 3 + 20_000  # bytes of one entry, a little more than it takes
    limited(monkeypatch, 3 * size)

    def load(number):
        avatar = load_avatar(variant(photo, number), cache=tmp_path)
        past = time.time() - 1000 + moments.pop(0)  # as the clock of the file system may not tell them apart
        os.utime(tmp_path / avatar.key, (past, past))
        return avatar

    moments = list(range(100))
    held = load(0)
    keys = [load(number).key for number in (1, 2)]
    assert load(1).key == keys[0]  # now 2 is the longest unused of those that nobody holds
    newest = load(3).key
    assert {entry.name for entry in tmp_path.iterdir()} == {held.key, keys[0], newest}
    del held
    last = load(4).key
    assert {entry.name for entry in tmp_path.iterdir()} == {keys[0], newest, last}


def test_an_entry_that_another_process_uses_is_kept_and_stays_readable(clip, photo, tmp_path, monkeypatch):
    hold = LOAD + "input()\nprint(avatar.frames[7].mean())"
    command = [sys.executable, "-c", hold, str(clip), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        key = process.stdout.readline().split()[0]
        process.stdout.readline()
        limited(monkeypatch, 0)
        other = load_avatar(photo, cache=tmp_path).key
        assert {entry.name for entry in tmp_path.iterdir()} == {key, other}
        answer, _ = process.communicate("\n")
        assert float(answer) > 0
    load_avatar(variant(photo, 1), cache=tmp_path)
    assert key not in {entry.name for entry in tmp_path.iterdir()}


def test_frames_outlive_their_entry(clip, tmp_path):
    avatar = load_avatar(clip, cache=tmp_path)
    shutil.rmtree(tmp_path / avatar.key)
    assert avatar.frames[50].shape == (288, 360, 3)


def test_what_a_killed_process_left_goes_but_not_what_one_is_writing(photo, tmp_path):
    old, new = tmp_path / ".new-old", tmp_path / ".new-now"
    for folder in (old, new):
        folder.mkdir()
        (folder / "frames.bin").write_bytes(b"123")
    past = time.time() - 7200
    os.utime(old / "frames.bin", (past, past))
    os.utime(old, (past, past))
    load_avatar(photo, cache=tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_cache_that_cannot_be_used_costs_time_only(photo, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    avatar = load_avatar(photo, cache=tmp_path / "file" / "folder")
    assert "cannot be used" in avatar.notes[0]
    assert avatar.frames[0].shape == (510, 506, 3)


def test_the_folder_of_the_settings_is_the_default(photo, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_CACHE_DIR", str(tmp_path))
    settings.settings.cache_clear()
    avatar = load_avatar(photo)
    assert (tmp_path / "avatars" / avatar.key).is_dir()


def test_without_a_cache_nothing_stays_on_disk(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    avatar = load_avatar(clip, cache=False)
    assert avatar.frames[74].shape == (288, 360, 3)
    del avatar
    assert list(tmp_path.iterdir()) == []


def test_importing_is_quick_and_loads_no_network():
    code = "import sys, lipsync_core.face; print([m for m in ('cv2', 'av', 'PIL', 'simplejpeg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pictures_in_a_format_that_lies_about_its_name(photo, tmp_path):
    png = tmp_path / "really_a_jpeg.png"
    png.write_bytes(photo)
    assert load_avatar(png, cache=False).size == (510, 506)
    Image.open(io.BytesIO(photo)).save(tmp_path / "no_extension", "PNG")
    assert load_avatar(tmp_path / "no_extension", cache=False).size == (510, 506)
