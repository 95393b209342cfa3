"""The avatars that come with the program, and the program that draws them."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
AVATARS = ROOT / "assets" / "avatars"
FILES = sorted(AVATARS.glob("*.jpg"))


def picture(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_at_least_four_are_there_and_small_enough_to_ship():
    assert len(FILES) >= 4
    assert sum(path.stat().st_size for path in FILES) < 4_000_000
    readme = (ROOT / "tools" / "avatars" / "README.md").read_text()
    assert all(path.name in readme for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_large_and_of_even_size(path):
    height, width = picture(path).shape[:2]
    assert min(height, width) >= 1024
    assert height % 2 == 0
    assert width % 2 == 0


@pytest.mark.parametrize("size", [1024, 512, 256])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_shows_one_clear_frontal_face_with_closed_lips(path, size):
    from lipsync_core.errors import LipsyncError
    from lipsync_core.face import detect_faces

    image = cv2.resize(picture(path), (size, size), interpolation=cv2.INTER_AREA)
    try:
        faces = detect_faces(image)
    except LipsyncError as error:
        pytest.skip(f"the model files are not here: {error}")
    assert len(faces) == 1
    assert faces[0].score >= 0.7
    points = faces[0].landmarks[:, :2]
    across = np.linalg.norm(points[454] - points[234])
    assert abs(points[13, 1] - points[14, 1]) < 0.03 * across  # the lips touch
    assert abs(points[33, 1] - points[263, 1]) < 0.04 * across  # the eyes are level
    assert abs(points[1, 0] - (points[234, 0] + points[454, 0]) / 2) < 0.06 * across  # the face looks at the viewer


def test_the_program_draws_the_same_person_again(tmp_path):
    pytest.importorskip("skia", reason="drawing needs skia-python of requirements-dev.txt")
    from tools.avatars.people import PEOPLE
    from tools.avatars.portrait import draw

    assert {person.name for person in PEOPLE} == {path.stem for path in FILES}
    person = next(person for person in PEOPLE if person.name == "tomas")
    first, second = draw(person, 96, finer=1), draw(person, 96, finer=1)
    assert first.shape == (96, 96, 3)
    assert np.array_equal(first, second)
    shipped = cv2.resize(picture(AVATARS / "tomas.jpg"), (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(shipped.astype(int) - first).mean() < 8  # of 255: the file is what the program draws


def test_the_command_writes_a_picture_and_refuses_strangers(tmp_path):
    pytest.importorskip("skia", reason="drawing needs skia-python of requirements-dev.txt")
    command = [sys.executable, "-m", "tools.avatars", "--size", "96", "--out", str(tmp_path)]
    subprocess.run([*command, "mei"], cwd=ROOT, check=True, timeout=300)
    assert cv2.imread(str(tmp_path / "mei.jpg")).shape == (96, 96, 3)
    refused = subprocess.run([*command, "nobody"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert refused.returncode != 0
    assert "no such person: nobody" in refused.stderr
