"""MP4 files: sound and picture together, true colours, and never a broken file."""

import gc
import io
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
import imageio_ffmpeg
import numpy as np
import pytest

from lipsync_core.errors import LipsyncError
from lipsync_core.frame import Frame, exact_rate
from lipsync_core.sinks.mp4 import Mp4Writer

SIZE = (96, 128)
FLASHES = (10, 25, 38)  # frames that are white, at whose start a click sounds
ROOT = Path(__file__).resolve().parents[1]


def take(count: int = 50, fps: float = 25, sample_rate: int = 48000) -> Iterator[Frame]:
    """Black frames and silence, but for flashes that begin with 10 ms of a loud tone."""
    rate = exact_rate(fps)
    ends = [round(k * sample_rate / rate) for k in range(count + 1)]
    sound = np.zeros(ends[-1], np.float32)
    click = 0.8 * np.sign(np.sin(np.arange(sample_rate // 100) / sample_rate * 2000 * np.pi))
    for k in FLASHES:
        if k < count:
            sound[ends[k] : ends[k] + len(click)] = click[: len(sound) - ends[k]]
    for k in range(count):
        image = np.full((*SIZE, 3), 255 if k in FLASHES else 0, np.uint8)
        yield Frame(image, k, float(k / rate), sound[ends[k] : ends[k + 1]], sample_rate)


def write(target, frames, fps: float = 25, sample_rate: int = 48000, **options) -> Mp4Writer:
    with Mp4Writer(target, SIZE, fps, sample_rate, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return writer


def pictures(file) -> list[tuple[float, np.ndarray]]:
    with av.open(file) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def sound(file) -> tuple[float, np.ndarray, int]:
    """Time of the first sample, samples, rate."""
    with av.open(file) as container:
        frames = list(container.decode(audio=0))
    return frames[0].time, np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Unseekable(io.RawIOBase):
    """What a network client is to the writer: bytes go one way."""

    def __init__(self, limit: int = 2**40) -> None:
        self.content = bytearray()
        self.limit = limit

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        if len(self.content) > self.limit:
            raise BrokenPipeError(32, "Broken pipe")
        self.content += bytes(data)
        return len(data)


@pytest.mark.parametrize(
    ("fps", "sample_rate"), [(25, 48000), (23.976, 22050), (29.97, 44100), (30, 16000), (60, 17000), (12.5, 8000)]
)
@pytest.mark.parametrize("kind", ["file", "fragmented", "stream"])
def test_sound_and_picture_stay_together(tmp_path, fps, sample_rate, kind):
    stream, path = Unseekable(), tmp_path / "out.mp4"
    target = stream if kind == "stream" else path
    write(target, take(50, fps, sample_rate), fps, sample_rate, fragmented=kind == "fragmented")
    file = io.BytesIO(stream.content) if kind == "stream" else str(path)

    shown = pictures(file)
    if kind == "stream":
        file.seek(0)
    start, samples, rate = sound(file)
    length = 1 / float(exact_rate(fps))
    assert len(shown) == 50
    assert [time for time, _ in shown] == pytest.approx([k * length for k in range(50)], abs=1e-3)
    flashes = [k for k, (_, image) in enumerate(shown) if image.mean() > 128]
    assert flashes == list(FLASHES)
    loud = np.flatnonzero(np.abs(samples) > 0.3) / rate + start
    clicks = loud[np.insert(np.diff(loud) > 0.05, 0, True)]
    assert clicks == pytest.approx([k * length for k in FLASHES], abs=0.005)
    assert abs(start + len(samples) / rate - 50 * length) < max(length, 1024 / 48000)


def test_ffmpeg_itself_has_nothing_to_complain_about(tmp_path):
    write(tmp_path / "a.mp4", take(50, 29.97, 22050), 29.97, 22050)
    decoded = ffmpeg.input(str(tmp_path / "a.mp4")).audio.output("pipe:", format="f32le", ac=1, ar=48000)
    out, complaints = decoded.global_args("-v", "warning").run(
        cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True
    )
    assert complaints == b""
    loud = np.flatnonzero(np.abs(np.frombuffer(out, np.float32)) > 0.3)
    assert loud[0] / 48000 == pytest.approx(FLASHES[0] * 1001 / 30000, abs=0.005)
    assert len(out) / 4 / 48000 == pytest.approx(50 * 1001 / 30000, abs=1001 / 30000)


def test_frame_rates_are_exact(tmp_path):
    rates = {
        23.976: "24000/1001",
        23.98: "24000/1001",
        29.97: "30000/1001",
        59.94: "60000/1001",
        24: "24",
        12.5: "25/2",
    }
    for fps, exact in rates.items():
        assert exact_rate(fps) == Fraction(exact)
    write(tmp_path / "a.mp4", take(30, 23.976), 23.976)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)


def test_colours_come_back(tmp_path):
    rng = np.random.default_rng(0)
    extremes = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [255, 255, 0], [235, 190, 160]]
    colours = np.vstack([rng.integers(0, 256, (41, 3)), extremes]).astype(np.uint8).reshape(6, 8, 3)
    image = colours.repeat(16, axis=0).repeat(16, axis=1)
    write(tmp_path / "c.mp4", [Frame(image, k, k / 25, np.zeros(1920, np.float32), 48000) for k in range(5)])
    with av.open(str(tmp_path / "c.mp4")) as container:
        frame = list(container.decode(video=0))[-1]
    assert (frame.colorspace, frame.color_range, frame.format.name) == (1, 1, "yuv420p")
    # Decoded here by the formula of ITU-R BT.709, so that no library's guess about the colours comes in between.
    height, width = SIZE
    planes = frame.to_ndarray().astype(float)
    below = planes[height:].reshape(2, height // 2, width // 2)
    y, cb, cr = (planes[8:height:16, 8::16] - 16) / 219, (below[0] - 128) / 224, (below[1] - 128) / 224
    cb, cr = cb[4::8, 4::8], cr[4::8, 4::8]
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    seen = np.stack([red, green, blue], -1) * 255
    assert np.abs(np.clip(seen, 0, 255) - colours).max() <= 3


def test_file_plays_from_the_first_byte_and_says_who_made_it(tmp_path):
    write(tmp_path / "a.mp4", take(), title="Grüße")
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert "Lipsync Studio" in container.metadata["comment"]
        assert container.metadata["title"] == "Grüße"
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]


def test_fragments_can_be_played_while_they_are_written():
    stream = Unseekable()
    with Mp4Writer(stream, SIZE, 25, 48000) as writer:
        for frame in take(400):
            writer.write(frame)
        so_far = bytes(stream.content)
    with av.open(io.BytesIO(so_far)) as container:
        assert next(container.decode(video=0)).width == SIZE[1]


def broken_off(count: int) -> Iterator[Frame]:
    """`count` frames, then an error."""
    yield from take(count)
    raise ZeroDivisionError


def test_exception_leaves_a_valid_shorter_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.mp4", broken_off(20))
    assert len(pictures(str(tmp_path / "a.mp4"))) == 20
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_generator_that_is_closed_leaves_a_valid_shorter_file(tmp_path):
    def render():
        with Mp4Writer(tmp_path / "a.mp4", SIZE, 25, 48000) as writer:
            for frame in take():
                writer.write(frame)
                yield

    running = render()
    for _ in range(7):
        next(running)
    running.close()
    assert len(pictures(str(tmp_path / "a.mp4"))) == 7


def test_exception_before_the_first_frame_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.mp4", broken_off(0))
    assert os.listdir(tmp_path) == []


def test_no_frame_at_all_is_an_error(tmp_path):
    with pytest.raises(LipsyncError, match=r"a\.mp4.*no frame"):
        write(tmp_path / "a.mp4", [])
    assert os.listdir(tmp_path) == []


def test_older_file_is_replaced_only_by_a_complete_one(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_bytes(b"older")
    with pytest.raises(ZeroDivisionError):
        write(target, broken_off(20))
    assert target.read_bytes() == b"older"
    assert write(target, take(5)).path == target
    assert len(pictures(str(target))) == 5
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_discard_leaves_nothing(tmp_path):
    with Mp4Writer(tmp_path / "a.mp4", SIZE, 25, 48000) as writer:
        for frame in take():
            writer.write(frame)
        writer.discard()
    assert os.listdir(tmp_path) == []


def test_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "a.mp4").symlink_to(tmp_path / "there" / "b.mp4")
    write(tmp_path / "a.mp4", take(3))
    assert (tmp_path / "a.mp4").is_symlink()
    assert len(pictures(str(tmp_path / "there" / "b.mp4"))) == 3


def test_killed_render_leaves_no_broken_file(tmp_path):
    target = tmp_path / "a.mp4"
    code = (
        "import sys; from tests.test_mp4 import *; w = Mp4Writer(sys.argv[1], SIZE, 25, 48000)\n"
        "for _ in range(40): [w.write(f) for f in take()]\n"
        "print('writing', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline() == b"writing\n"
        with pytest.raises(LipsyncError, match=r"a\.mp4 is being written by another render"):
            Mp4Writer(target, SIZE, 25, 48000)
        process.kill()
    assert not target.exists()
    assert os.listdir(tmp_path) == ["a.mp4.part"]
    write(target, take(3))
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert len(pictures(str(target))) == 3


def test_full_disk_is_told_and_leaves_nothing(tmp_path):
    code = (
        "import sys, resource, signal; from tests.test_mp4 import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (90000, 90000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (200, *SIZE, 3)).astype(np.uint8)\n"
        "try: write(sys.argv[1], [Frame(image, 0, 0, np.zeros(1920, np.float32), 48000) for image in noise])\n"
        "except LipsyncError as error: print(error)\n"
        "print(threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.mp4")], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "a.mp4 cannot be written (File too large); free some space or choose another place.",
        "1",
    ], done.stderr
    assert os.listdir(tmp_path) == []


def test_client_that_went_away_is_told():
    with pytest.raises(LipsyncError, match="Broken pipe"):
        write(Unseekable(limit=2000), take(400))


def test_a_client_that_went_away_holds_nothing():
    """An error that held the frames in which it came up would hold the writer, and whatever feeds it."""
    gc.collect()
    gc.disable()
    try:
        writer = Mp4Writer(Unseekable(limit=0), SIZE, 25, 48000)
        held = weakref.ref(writer)
        for frame in take(3):  # too few to be encoded before the end
            writer.write(frame)
        with pytest.raises(LipsyncError, match="Broken pipe"):
            writer.close()
        del writer
        assert held() is None
    finally:
        gc.enable()


def test_targets_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    for target, message in [
        (tmp_path / "a.avi", r"a\.avi does not end in \.mp4"),
        (tmp_path / "folder.mp4", "is a folder"),
        (tmp_path / "missing" / "a.mp4", "folder does not exist"),
        (tmp_path / ("x" * 300 + ".mp4"), "cannot be written"),
    ]:
        with pytest.raises(LipsyncError, match=message):
            Mp4Writer(target, SIZE, 25, 48000)
    assert os.listdir(tmp_path) == ["folder.mp4"]


def test_sound_that_is_no_sound(tmp_path):
    bad = np.array([np.nan, np.inf, -np.inf, 7] * 480, np.float32)
    image = np.zeros((*SIZE, 3), np.uint8)
    write(tmp_path / "a.mp4", [Frame(image, k, k / 25, bad, 48000) for k in range(25)])
    _, samples, _ = sound(str(tmp_path / "a.mp4"))
    assert np.isfinite(samples).all()
    write(tmp_path / "b.mp4", [Frame(image, k, k / 25, bad[:0], 48000) for k in range(25)])
    assert len(pictures(str(tmp_path / "b.mp4"))) == 25


def test_wrong_frames_are_refused(tmp_path):
    with Mp4Writer(tmp_path / "a.mp4", SIZE, 25, 48000) as writer:
        good = next(take())
        writer.write(good)
        with pytest.raises(ValueError, match="96, 128"):
            writer.write(Frame(good.image[:-2], 1, 0.04, good.audio, 48000))
        with pytest.raises(ValueError, match="22050"):
            writer.write(Frame(good.image, 1, 0.04, good.audio, 22050))
    with pytest.raises(ValueError, match="closed"):
        writer.write(good)
    writer.close()
    with pytest.raises(ValueError, match="even"):
        Mp4Writer(tmp_path / "b.mp4", (97, 128), 25, 48000)
