"""Any photo that people have becomes an avatar, or is refused in one sentence."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from lipsync_core.errors import LipsyncError
from lipsync_core.face import default_avatars, detect_faces, load_avatar

NOSE = 1


@pytest.fixture(scope="module")
def man(shared) -> np.ndarray:
    picture = Image.open(shared / "data" / "portraits" / "synthetic_man.jpg").convert("RGB")
    return np.asarray(picture.resize((512, 512), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def truth(man) -> np.ndarray:
    return load_avatar(man, cache=False).landmarks[0]


def encoded(picture, kind, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opencv(extension, image) -> bytes:
    return cv2.imencode(extension, image)[1].tobytes()


def assert_same_face(avatar, truth, pixels=2.0):
    assert avatar.is_photo
    assert avatar.landmarks.shape == (1, 468, 3)
    assert avatar.landmarks.dtype == np.float32
    assert avatar.missed == 0
    assert np.linalg.norm(avatar.landmarks[0] - truth, axis=1)[:, None].mean() < pixels


VARIANTS = {
    "jpeg": lambda man: encoded(Image.fromarray(man), "JPEG", quality=95),
    "progressive": lambda man: encoded(Image.fromarray(man), "JPEG", progressive=True),
    "png": lambda man: encoded(Image.fromarray(man), "PNG"),
    "webp": lambda man: encoded(Image.fromarray(man), "WEBP", quality=95),
    "bmp": lambda man: encoded(Image.fromarray(man), "BMP"),
    "tiff": lambda man: encoded(Image.fromarray(man), "TIFF", compression="tiff_lzw"),
    "grey": lambda man: encoded(Image.fromarray(man).convert("L"), "JPEG"),
    "palette": lambda man: encoded(Image.fromarray(man).quantize(128), "PNG"),
    "cmyk": lambda man: encoded(Image.fromarray(man).convert("CMYK"), "JPEG"),
    "two pages": lambda man: encoded(
        Image.fromarray(man), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]
    ),
    "still gif": lambda man: encoded(Image.fromarray(man), "GIF"),
    "16 bit": lambda man: opencv(".png", man[..., ::-1].astype(np.uint16) * 257),
    "16 bit grey": lambda man: opencv(".png", cv2.cvtColor(man, cv2.COLOR_RGB2GRAY).astype(np.uint16) * 257),
    "16 bit tiff": lambda man: opencv(".tiff", man[..., ::-1].astype(np.uint16) * 257),
    "float tiff": lambda man: opencv(".tiff", cv2.cvtColor(man, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_formats(man, truth, kind):
    avatar = load_avatar(VARIANTS[kind](man), cache=False)
    assert avatar.size == (512, 512)
    assert_same_face(avatar, truth)
    frame = avatar.frames[0]
    assert (frame.shape, frame.dtype) == ((512, 512, 3), np.uint8)
    assert not frame.flags.writeable
    assert np.abs(frame.mean(axis=2) - man.mean(axis=2)).mean() < 8  # as bright as it was: nothing clipped or inverted


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(man, truth, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that store what the tag will undo
    picture = Image.fromarray(man[:, 32:])
    if orientation in undo:
        picture = picture.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[274] = orientation
    avatar = load_avatar(encoded(picture, "JPEG", quality=95, exif=exif), cache=False)
    assert avatar.size == (512, 480)
    assert avatar.notes == ()
    assert_same_face(avatar, truth - (32, 0, 0))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "array"])
def test_transparent_parts_show_a_light_backdrop(man, truth, kind):
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    alpha = np.where(np.hypot(x, y) < 0.95, 255, 0).astype(np.uint8)
    rgba = np.dstack([man, alpha])
    avatar = load_avatar(rgba if kind == "array" else encoded(Image.fromarray(rgba), kind), cache=False)
    frame = avatar.frames[0]
    assert_same_face(avatar, truth)
    assert np.abs(frame[0, 0].astype(int) - 236).max() <= 3
    assert np.abs(frame[-1, -1].astype(int) - 204).max() <= 3
    assert np.abs(frame[256, 256].astype(int) - man[256, 256]).max() <= 12


def test_colour_profiles_are_followed(man):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A colour space whose red is sRGB's blue and the other way round, and a picture stored in it.
    swapped = srgb.replace(b"rXYZ", b"-XYZ").replace(b"bXYZ", b"rXYZ").replace(b"-XYZ", b"bXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    stored = encoded(Image.fromarray(np.ascontiguousarray(man[..., ::-1])), "PNG", icc_profile=swapped)
    seen = load_avatar(stored, cache=False).frames[0]
    assert np.abs(seen.astype(int) - man).mean() < 2
    plain = load_avatar(encoded(Image.fromarray(man), "PNG"), cache=False).frames[0]
    tagged = load_avatar(encoded(Image.fromarray(man), "PNG", icc_profile=srgb), cache=False).frames[0]
    np.testing.assert_array_equal(plain, tagged)
    broken = load_avatar(encoded(Image.fromarray(man), "PNG", icc_profile=b"no profile"), cache=False).frames[0]
    np.testing.assert_array_equal(plain, broken)


def test_a_photo_stored_on_its_side_is_turned_and_that_is_said(man, truth):
    for turns in (1, 2, 3):
        avatar = load_avatar(np.ascontiguousarray(np.rot90(man, turns)), cache=False)
        assert_same_face(avatar, truth)
        np.testing.assert_array_equal(avatar.frames[0], man)
        assert len(avatar.notes) == 1
        assert "turned by" in avatar.notes[0]


def test_sizes(man, truth):
    odd = load_avatar(man[:511, 1:512], cache=False)  # one row and column fewer, and not blurred for it
    assert odd.size == (510, 510)
    np.testing.assert_array_equal(odd.frames[0], man[:510, 1:511])
    half = load_avatar(man, size=256, cache=False)
    assert half.size == (256, 256)
    assert_same_face(half, truth / 2, 1.0)
    double = load_avatar(man, size=1024, cache=False)
    assert double.size == (1024, 1024)
    assert_same_face(double, truth * 2, 4.0)
    assert load_avatar(man, size=301, cache=False).size == (300, 300)
    wide = load_avatar(np.pad(man, ((0, 0), (0, 389), (0, 0))), size=256, cache=False)
    assert wide.size == (256, 450)
    for size in (0, -5, 63, 2161, 10**9):
        with pytest.raises(LipsyncError, match="choose"):
            load_avatar(man, size=size, cache=False)


def test_default_size_is_720p_at_most(man):
    large = cv2.resize(man, (1600, 1600))
    assert load_avatar(large, cache=False).size == (720, 720)
    assert load_avatar(np.pad(large, ((0, 0), (0, 1400), (0, 0))), cache=False).size == (682, 1280)


def test_a_small_face_in_a_large_output_is_noted(man):
    canvas = np.full((2160, 3840, 3), 200, np.uint8)
    canvas[900:1100, 1800:2000] = cv2.resize(man, (200, 200), interpolation=cv2.INTER_AREA)
    avatar = load_avatar(canvas, cache=False)
    assert len(avatar.notes) == 1
    assert "pixels wide in the output" in avatar.notes[0]


@pytest.mark.slow
def test_8k(man, truth, tmp_path):
    large = cv2.resize(man, (7680, 7680), interpolation=cv2.INTER_CUBIC)[1680:6000]
    Image.fromarray(large).save(tmp_path / "8k.jpg", quality=90)
    avatar = load_avatar(tmp_path / "8k.jpg", cache=False)
    assert avatar.size == (720, 1280)
    scale = 1280 / 512
    assert_same_face(avatar, truth * scale - (0, 1680 / 6, 0), 6.0)


def png_header(width, height) -> bytes:
    """A small file that claims to be a huge picture."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_refusals_say_what_is_wrong_and_what_to_do(man, tmp_path):
    data = pytest.importorskip("skimage.data")
    jpeg = encoded(Image.fromarray(man), "JPEG")
    png = encoded(Image.fromarray(man), "PNG")
    webp = encoded(Image.fromarray(man), "WEBP")
    refused = [
        (np.asarray(data.coffee()), "No face was found"),
        (cv2.resize(man, (90, 90), interpolation=cv2.INTER_AREA), r"4\d pixels wide.*64 are needed"),
        (jpeg[: len(jpeg) // 2], "damaged"),
        (png[: len(png) // 2], "damaged"),
        (webp[: len(webp) // 2], "damaged"),
        (jpeg[:60], "damaged"),
        (b"\xff\xd8\xff\xe0" + b"no picture" * 50, "damaged"),
        (b"a text, not a picture", "neither a picture nor a video"),
        (b"#EXTM3U\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n", "neither a picture nor a video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "neither a picture nor a video"),
        (b"", "empty"),
        (png_header(60000, 60000), "million pixels"),
        (png_header(10000, 9000), "million pixels"),
        (man[..., 0], "array of 512 x 512 uint8"),
        (man.astype(np.float32), "float32"),
        (np.zeros((0, 5, 3), np.uint8), "array of 0 x 5"),
    ]
    for source, match in refused:
        with pytest.raises(LipsyncError, match=match) as refusal:
            load_avatar(source, cache=tmp_path)
        assert str(refusal.value).count(".") <= 2  # one sentence
        assert str(refusal.value).endswith(".")
    assert list(tmp_path.iterdir()) == []  # nothing half made is left


def test_names_and_paths(man, tmp_path):
    with pytest.raises(LipsyncError, match="does not exist"):
        load_avatar("nobody of this name", cache=False)
    with pytest.raises(LipsyncError, match="does not exist"):
        load_avatar("a\0b", cache=False)
    with pytest.raises(LipsyncError, match="is a folder"):
        load_avatar(tmp_path, cache=False)
    path = tmp_path / "Ünï côdé 'quoted'; $(x).png"
    Image.fromarray(man).save(path)
    assert load_avatar(str(path), cache=False).name == path.name
    assert load_avatar(path.read_bytes(), cache=False).name == "the picture"


def test_default_avatars_are_good_faces_and_known_by_name():
    avatars = default_avatars()
    if not avatars:
        pytest.skip("no avatar is drawn yet")
    for name, path in avatars.items():
        image = np.asarray(Image.open(path).convert("RGB"))
        assert min(image.shape[:2]) >= 1024
        assert detect_faces(image)[0].score >= 0.7
        avatar = load_avatar(name.upper(), cache=False)
        assert avatar.name == name
        assert avatar.notes == ()


@pytest.mark.parametrize("stage", ["reading", "searching"])
def test_progress_rises_to_one_and_may_end_the_preparation(man, tmp_path, stage):
    large = np.random.default_rng(0).integers(0, 255, (1600, 1600, 3), np.uint8)
    large[:512, :512] = man
    path = tmp_path / "large.png"
    path.write_bytes(encoded(Image.fromarray(large), "PNG", compress_level=1))
    seen = []
    load_avatar(path, progress=seen.append, cache=False)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len({part for part in seen if part < 0.5}) > 5

    def stop(part):
        if part >= (0.5 if stage == "searching" else 0.1):
            raise KeyError("nobody wants it any more")

    with pytest.raises(KeyError):
        load_avatar(path, progress=stop, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
