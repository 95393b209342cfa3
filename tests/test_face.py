"""Faces are found, measured and chosen in real pictures."""

import numpy as np
import pytest
from PIL import Image

from lipsync_core.errors import LipsyncError
from lipsync_core.face import detect_faces, load_avatar

PORTRAITS = ("mona_lisa", "painting", "painted_smile", "cartoon_3d", "synthetic_man")
NOSE, RIGHT_EYE, LEFT_EYE, UPPER_LIP, LOWER_LIP, CHIN = 1, 33, 263, 13, 14, 152
MIDLINE = [1, 4, 5, 6, 10, 152, 13, 14, 0, 17, 168, 9, 8, 164, 2]


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    return np.asarray(data.astronaut())


def portrait(shared, name):
    return np.asarray(Image.open(shared / "data" / "portraits" / f"{name}.jpg").convert("RGB"))


def rolled(image, degrees):
    """The picture turned to the left, and what the turn does to points."""
    height, width = image.shape[:2]
    turned = Image.fromarray(image).rotate(
        degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=(127,) * 3
    )
    angle = -np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle, new_middle = (np.array([width, height]) - 1) / 2, (np.array(turned.size) - 1) / 2
    return np.asarray(turned), lambda points: (points - middle) @ matrix.T + new_middle


def reduced(image, longest):
    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest))
    return np.asarray(picture)


@pytest.mark.parametrize("name", PORTRAITS)
def test_one_face_in_each_portrait(shared, name):
    image = portrait(shared, name)
    (face,) = detect_faces(image)
    assert face.score >= 0.7
    assert face.presence > 0.9
    points = face.landmarks
    assert points.shape == (468, 3)
    assert points.dtype == np.float32
    assert (face.box[:2] <= points[:, :2].min(axis=0)).all()
    assert (face.box[2:] >= points[:, :2].max(axis=0)).all()
    assert points[RIGHT_EYE, 0] < points[NOSE, 0] < points[LEFT_EYE, 0]
    assert points[RIGHT_EYE, 1] < points[NOSE, 1] < points[UPPER_LIP, 1] < points[CHIN, 1]
    assert points[NOSE, 2] < points[RIGHT_EYE, 2]


def test_a_face_that_is_small_in_its_picture(astronaut):
    (face,) = detect_faces(astronaut)
    # Where the picture itself has them, read off by eye.
    assert face.landmarks[NOSE, :2] == pytest.approx([222, 132], abs=5)
    assert np.linalg.norm(face.landmarks[LOWER_LIP, :2] - face.landmarks[UPPER_LIP, :2]) > 3  # she smiles with teeth


def test_mirrored_pictures_have_mirrored_landmarks(shared):
    """A shift of the crop by half of the network's pixels would show here."""
    bias = []
    for name in PORTRAITS:
        image = portrait(shared, name)
        (face,) = detect_faces(image)
        (mirrored,) = detect_faces(np.ascontiguousarray(image[:, ::-1]))
        sums = face.landmarks[MIDLINE, 0] + mirrored.landmarks[MIDLINE, 0] - (image.shape[1] - 1)
        bias.append(sums.mean() / 2 / face.side)
    assert abs(np.mean(bias)) < 0.004


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45, 90, 180, 270])
def test_faces_that_lean_or_lie(shared, degrees):
    image = reduced(portrait(shared, "synthetic_man"), 512)
    (upright,) = detect_faces(image)
    turned, turn = rolled(image, degrees)
    (face,) = detect_faces(turned)
    error = np.linalg.norm(turn(upright.landmarks[:, :2]) - face.landmarks[:, :2], axis=1)
    assert error.mean() < 0.02 * upright.side


def test_several_faces_come_largest_first_and_each_can_be_chosen(shared):
    canvas = np.full((720, 1280, 3), 200, np.uint8)
    places = {"synthetic_man": (20, 40, 600), "painting": (700, 60, 320), "painted_smile": (860, 400, 310)}
    for name, (x, y, size) in places.items():
        small = reduced(portrait(shared, name), size)
        canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    faces = detect_faces(canvas)
    assert len(faces) == 3
    assert [face.side for face in faces] == sorted((face.side for face in faces), reverse=True)

    def nose(**choice):
        return load_avatar(canvas, cache=False, **choice).landmarks[0, NOSE, :2]

    noses = [face.landmarks[NOSE, :2] for face in faces]
    near = {"abs": 4}
    assert nose() == pytest.approx(noses[0], **near)
    assert nose(face=1) == pytest.approx(noses[1], **near)
    assert nose(face=np.int64(2)) == pytest.approx(noses[2], **near)
    assert nose(face=tuple(noses[2].tolist())) == pytest.approx(noses[2], **near)
    assert nose(face=[int(noses[1][0]) + 30, int(noses[1][1])]) == pytest.approx(noses[1], **near)
    assert nose(face=(float(noses[1][0]) / 1280, float(noses[1][1]) / 720)) == pytest.approx(noses[1], **near)
    with pytest.raises(LipsyncError, match="3 faces"):
        load_avatar(canvas, face=3, cache=False)
    with pytest.raises(LipsyncError, match="3 faces"):
        load_avatar(canvas, face=-1, cache=False)
    with pytest.raises(LipsyncError, match="no face at"):
        load_avatar(canvas, face=(640, 715), cache=False)
    with pytest.raises(LipsyncError, match="outside"):
        load_avatar(canvas, face=(5000, 10), cache=False)
    for odd in ("left", True, (1, 2, 3), (float("nan"), 3.0)):
        with pytest.raises(LipsyncError, match="cannot be chosen"):
            load_avatar(canvas, face=odd, cache=False)


def test_a_small_face_in_a_large_picture_is_found_by_itself_and_by_point(shared, astronaut):
    canvas = np.full((2160, 3840, 3), 90, np.uint8)
    canvas[1500:2012, 3000:3512] = astronaut
    (face,) = detect_faces(canvas)
    assert face.landmarks[NOSE, :2] == pytest.approx([3222, 1632], abs=5)
    # A large face hides small ones from the search, but not from a point.
    canvas[200:1224, 100:1124] = portrait(shared, "synthetic_man")
    chosen = load_avatar(canvas, face=(3230, 1640), size=2160, cache=False)
    assert chosen.landmarks[0, NOSE, :2] == pytest.approx([3222, 1632], abs=5)


def test_pictures_without_faces(astronaut):
    data = pytest.importorskip("skimage.data")
    assert detect_faces(np.asarray(data.coffee())) == []
    assert detect_faces(np.zeros((1, 1, 3), np.uint8)) == []
    assert detect_faces(np.zeros((3, 2000, 3), np.uint8)) == []
    assert detect_faces(np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)) == []
    with pytest.raises(ValueError, match="uint8 RGB"):
        detect_faces(astronaut[..., 0])


def test_threads_share_the_networks(shared):
    from concurrent.futures import ThreadPoolExecutor

    images = [reduced(portrait(shared, name), 400) for name in PORTRAITS] * 3
    alone = [detect_faces(image)[0].landmarks for image in images]
    with ThreadPoolExecutor(6) as pool:
        together = [faces[0].landmarks for faces in pool.map(detect_faces, images)]
    np.testing.assert_array_equal(alone, together)
