"""Any clip that people have becomes an avatar: one person, followed and smoothed, at a constant rate."""

import subprocess
from fractions import Fraction

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from lipsync_core.errors import LipsyncError
from lipsync_core.face import load_avatar

NOSE, RIGHT_EYE, LEFT_EYE = 1, 33, 263


def decoded(path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write(path, images, fps=25, times=None, codec="libx264", **options):
    """A clip; times: seconds at which each frame appears, by default at `fps`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options={"crf": "18", **options})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image)
            frame.pts = round(1000 * (index / fps if times is None else times[index]))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def ffmpeg(*arguments):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)], check=True)


def lips(landmarks):
    """Inner-lip opening and mouth width over the eye distance, frames x 2."""
    x_y = landmarks[..., :2]

    def distance(one, other):
        return np.linalg.norm(x_y[:, one] - x_y[:, other], axis=1)

    return np.stack([distance(13, 14), distance(61, 291)], axis=1) / distance(33, 263)[:, None]


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


@pytest.fixture(scope="module")
def grid(shared):
    return shared / "data" / "grid"


@pytest.fixture(scope="module")
def woman(grid):
    """75 frames, and the avatar made of the file that they are from."""
    path = grid / "grid05.mpg"
    return decoded(path), load_avatar(path, cache=False)


def test_lips_of_real_speech_are_followed(grid):
    for path in sorted(grid.glob("*.mpg"))[::3]:
        avatar = load_avatar(path, cache=False)
        truth = np.load(path.with_suffix(".npz"))["mouth"]
        measured = lips(avatar.landmarks)
        assert (len(avatar.frames), avatar.fps, avatar.missed) == (75, 25, 0)
        assert correlation(measured[:, 0], truth[:, 0]) > 0.85, path.name
        # No delay: a shift by a frame in either direction fits worse.
        assert correlation(measured[1:, 0], truth[:-1, 0]) < correlation(measured[:, 0], truth[:, 0])
        assert correlation(measured[:-1, 0], truth[1:, 0]) < correlation(measured[:, 0], truth[:, 0])


def test_frames_are_those_of_the_clip_in_any_order(woman):
    images, avatar = woman
    assert avatar.size == (288, 360)
    for index in (0, 74, 3, 40, 39, -1):
        frame = avatar.frames[index]
        assert (frame.shape, frame.dtype, frame.flags.writeable) == ((288, 360, 3), np.uint8, False)
        assert np.abs(frame.astype(int) - images[index]).mean() < 2
    with pytest.raises(IndexError):
        avatar.frames[75]


@pytest.mark.parametrize("extension", ["mp4", "webm", "mov", "mkv", "avi", "gif", "webp"])
def test_containers(woman, tmp_path, extension):
    images, original = woman
    path = tmp_path / f"clip.{extension}"
    if extension in ("gif", "webp"):
        pictures = [Image.fromarray(image) for image in images[:40]]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, quality=90, method=0)
    elif extension == "webm":
        write(path, images[:40], codec="libvpx", deadline="realtime", b="2M")
    else:
        write(path, images[:40], codec="mpeg4" if extension == "avi" else "libx264", b="2M")
    avatar = load_avatar(path.read_bytes(), cache=False)
    assert (len(avatar.frames), avatar.fps) == (40, pytest.approx(25, abs=0.1))
    assert avatar.missed == 0
    assert avatar.notes == ()
    error = np.linalg.norm(avatar.landmarks - original.landmarks[:40], axis=2)
    assert error[1:-1].mean() < 1.5


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_flag(woman, tmp_path, degrees):
    """Phones store the picture on its side and say so; the clip must come out as players show it."""
    images, original = woman
    stored = [np.ascontiguousarray(np.rot90(image, -degrees // 90)) for image in images[:10]]
    write(tmp_path / "stored.mp4", stored)
    ffmpeg("-display_rotation", degrees, "-i", tmp_path / "stored.mp4", "-c", "copy", tmp_path / "flag.mp4")
    avatar = load_avatar(tmp_path / "flag.mp4", cache=False)
    assert avatar.notes == ()
    assert avatar.size == (288, 360)
    assert np.abs(avatar.frames[0].astype(int) - images[0]).mean() < 3
    unflagged = load_avatar(tmp_path / "stored.mp4", cache=False)  # nothing says so, but the face lies
    assert "turned by" in unflagged.notes[0]
    assert np.abs(unflagged.landmarks - original.landmarks[:10])[1:-1, :, :2].mean() < 1.5


def test_mirror_flag(woman, tmp_path):
    images, _ = woman
    write(tmp_path / "plain.mp4", images[:5])
    ffmpeg("-display_hflip", "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "flag.mp4")
    avatar = load_avatar(tmp_path / "flag.mp4", cache=False)
    assert np.abs(avatar.frames[0].astype(int) - images[0][:, ::-1]).mean() < 3


def test_variable_frame_rate_is_resampled_by_time(woman, tmp_path):
    images, _ = woman
    kept = [*range(25), *range(25, 75, 4)]  # a second at 25 frames a second, then at 6.25
    times = [index / 25 for index in kept]
    path = write(tmp_path / "vfr.mp4", [images[index] for index in kept], times=times)
    avatar = load_avatar(path, cache=False)
    assert avatar.fps == pytest.approx((len(kept) - 1) / times[-1], rel=0.1)
    assert len(avatar.frames) / avatar.fps == pytest.approx(75 / 25, abs=0.2)
    for index in range(0, len(avatar.frames) - 1, 5):
        shown = max(k for k in kept if k / 25 <= (index + 0.5) / avatar.fps)
        errors = [np.abs(avatar.frames[index].astype(int) - images[k]).mean() for k in kept]
        assert kept[int(np.argmin(errors))] == shown


@pytest.mark.parametrize(("source", "kept"), [(60, 30), (50, 25), (59.94, 29.97), (33, 30), (12, 12)])
def test_frame_rates(woman, tmp_path, source, kept):
    images, _ = woman
    path = write(tmp_path / "rate.mp4", images[:30], fps=Fraction(source).limit_denominator(1001), preset="ultrafast")
    avatar = load_avatar(path, cache=False)
    assert avatar.fps == pytest.approx(kept, rel=0.01)
    assert len(avatar.frames) == pytest.approx(30 * kept / source, abs=1.5)


def test_pixels_that_are_not_square(woman, tmp_path):
    images, original = woman
    write(tmp_path / "square.mp4", [cv2.resize(image, (240, 288)) for image in images[:5]])
    ffmpeg("-i", tmp_path / "square.mp4", "-vf", "setsar=3/2", tmp_path / "wide.mp4")
    avatar = load_avatar(tmp_path / "wide.mp4", cache=False)
    assert avatar.size == (288, 360)
    assert np.abs(avatar.landmarks[2] - original.landmarks[2])[:, :2].mean() < 2


def test_size_and_odd_dimensions(woman, tmp_path):
    images, original = woman
    path = tmp_path / "odd.webp"
    pictures = [Image.fromarray(image[:287, :359]) for image in images[:4]]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    assert load_avatar(path, cache=False).size == (286, 358)
    double = load_avatar(path, size=574, cache=False)
    assert double.size == (574, 718)
    assert np.abs(double.landmarks[1] / 2 - original.landmarks[1])[:, :2].mean() < 1.5


def test_one_frame_is_a_photo(woman, tmp_path):
    avatar = load_avatar(write(tmp_path / "one.mp4", woman[0][:1]), cache=False)
    assert avatar.is_photo
    assert avatar.fps == 0


def two_people(grid, crossing):
    """Two speakers in one picture and where the first one's picture lies in each frame."""
    first, second = decoded(grid / "grid05.mpg"), decoded(grid / "grid01.mpg")
    places, images = [], []
    for index in range(75):
        along = index / 74 if crossing else 0.0
        a, b = round(430 * along), round(430 * (1 - along))
        canvas = np.full((288, 800, 3), 60, np.uint8)
        canvas[:, b : b + 360] = second[index]
        canvas[:, a + 60 : a + 300] = first[index][:, 60:300]  # in front
        images.append(canvas)
        places.append(a)
    return images, places


@pytest.mark.slow
@pytest.mark.parametrize("crossing", [False, True])
def test_the_chosen_person_stays_the_chosen_one(grid, woman, tmp_path, crossing):
    images, places = two_people(grid, crossing)
    path = write(tmp_path / "two.mp4", images)
    _, alone = woman
    avatar = load_avatar(path, face=(int(alone.landmarks[0, NOSE, 0]), int(alone.landmarks[0, NOSE, 1])), cache=False)
    assert avatar.missed == 0
    expected = alone.landmarks[:, NOSE, 0] + places
    assert np.abs(avatar.landmarks[:, NOSE, 0] - expected).max() < 8
    if not crossing:
        other = load_avatar(path, face=(0.76, 0.6), cache=False)
        assert (other.landmarks[:, NOSE, 0] > 500).all()
        with pytest.raises(LipsyncError, match="2 faces"):
            load_avatar(path, face=2, cache=False)


def test_frames_without_the_person_are_counted_and_left_alone(grid, woman, tmp_path):
    """The first speaker leaves and comes back elsewhere; the second, who stays, is not taken for the first."""
    _, alone = woman
    images, _ = two_people(grid, False)
    for index in range(20, 40):
        images[index][:, 60:300] = 60
    for index in range(40, 75):
        images[index][:, 0:240] = images[index][:, 60:300].copy()
        images[index][:, 240:300] = 60
    nose = alone.landmarks[0, NOSE]
    avatar = load_avatar(write(tmp_path / "gap.mp4", images), face=(int(nose[0]), int(nose[1])), cache=False)
    lost = np.isnan(avatar.landmarks).all(axis=(1, 2))
    assert np.isfinite(avatar.landmarks[~lost]).all()
    assert lost[20:40].all()
    assert lost.sum() == avatar.missed
    assert avatar.missed <= 22
    assert (avatar.landmarks[~lost][:, NOSE, 0] < 300).all()
    assert np.abs(avatar.frames[30].astype(int) - images[30]).mean() < 2


def test_a_face_that_comes_later_is_found_back_to_its_first_frame(woman, tmp_path):
    images, original = woman
    blank = [np.full_like(images[0], 90)] * 30
    avatar = load_avatar(write(tmp_path / "late.mp4", [*blank, *images[:30]]), cache=False)
    lost = np.isnan(avatar.landmarks).all(axis=(1, 2))
    assert lost[:30].all()
    assert not lost[30:].any()
    assert avatar.missed == 30
    assert np.abs(avatar.landmarks[31:59] - original.landmarks[1:29])[..., :2].mean() < 1.5


def test_a_still_face_does_not_flicker(shared, tmp_path):
    picture = Image.open(shared / "data" / "portraits" / "synthetic_man.jpg").convert("RGB")
    still = np.asarray(picture.resize((512, 512), Image.Resampling.LANCZOS)).astype(np.float32)
    noise = np.random.default_rng(0)
    images = [np.clip(still + noise.normal(0, 6, still.shape), 0, 255).astype(np.uint8) for _ in range(40)]
    landmarks = load_avatar(write(tmp_path / "still.mp4", images, crf="28"), cache=False).landmarks[..., :2]
    assert landmarks.std(axis=0).max() < 0.3
    assert np.linalg.norm(np.diff(landmarks, axis=0), axis=2).mean() < 0.1


def test_long_clips_are_cut_and_that_is_said(woman, tmp_path):
    images, _ = woman
    path = write(tmp_path / "long.mp4", images[:70], fps=1, preset="ultrafast")
    avatar = load_avatar(path, cache=False)
    assert len(avatar.frames) == 60
    assert avatar.notes == ("Only the first 60 seconds of long.mp4 are used.",)


def test_broken_clips(woman, tmp_path):
    images, _ = woman
    whole = write(tmp_path / "whole.mp4", images, movflags="faststart")
    ffmpeg("-i", whole, "-c", "copy", "-movflags", "faststart", tmp_path / "fast.mp4")
    data = (tmp_path / "fast.mp4").read_bytes()
    part = load_avatar(data[: len(data) * 2 // 5], cache=False)
    assert 2 < len(part.frames) < 60
    assert "breaks off" in part.notes[0]
    pictures = [Image.fromarray(image) for image in images[:30]]
    pictures[0].save(tmp_path / "whole.gif", save_all=True, append_images=pictures[1:], duration=40)
    data = (tmp_path / "whole.gif").read_bytes()
    part = load_avatar(data[: len(data) // 2], cache=False)
    assert 2 < len(part.frames) < 30
    assert "breaks off" in part.notes[0]


def test_refusals(woman, tmp_path):
    images, _ = woman
    small = [cv2.resize(image, (120, 96), interpolation=cv2.INTER_AREA) for image in images[:5]]
    write(tmp_path / "small.mp4", small)
    write(tmp_path / "nobody.mp4", [np.full((96, 120, 3), 90, np.uint8)] * 30)
    write(tmp_path / "huge.mp4", [np.zeros((2304, 4098, 3), np.uint8)] * 2, preset="ultrafast")
    whole = write(tmp_path / "whole.mp4", images)
    (tmp_path / "no_index.mp4").write_bytes(whole.read_bytes()[:20000])
    ffmpeg("-f", "lavfi", "-i", "sine", "-t", 1, tmp_path / "sound.mp4")
    refused = {
        "small.mp4": "pixels wide between the cheeks, and 64 are needed",
        "nobody.mp4": "No face was found",
        "huge.mp4": "up to 4K",
        "no_index.mp4": "neither a picture nor a video",
        "sound.mp4": "no moving picture",
    }
    cache = tmp_path / "cache"
    for name, match in refused.items():
        with pytest.raises(LipsyncError, match=match) as refusal:
            load_avatar(tmp_path / name, cache=cache)
        assert name in str(refusal.value)
    assert list(cache.iterdir()) == []


def test_progress_rises_to_one_and_may_end_the_preparation(woman, tmp_path):
    path = write(tmp_path / "clip.mp4", woman[0][:20])
    seen = []
    load_avatar(path, progress=seen.append, cache=tmp_path / "cache")
    assert seen == sorted(seen)
    assert len(seen) > 10
    assert seen[-1] == 1

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_avatar(path, size=200, progress=stop, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1
