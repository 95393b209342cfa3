"""The core: sound and picture in step, the same frames whatever the batches, and an end that leaves nothing behind."""

import gc
import io
import itertools
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core import Avatar, Frame, LipsyncError, Studio
from lipsync_core.models.rig.model import RigModel
from lipsync_core.sinks.mp4 import Mp4Writer

VOICE = "piper:en_US-joe-medium"  # which says a text the same sample for sample
TEXT = "Good morning! The weather is fine today, isn't it?"
SIZE = 192  # pixels: small pictures are drawn quickly


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


@pytest.fixture(scope="module")
def photo(studio: Studio) -> Avatar:
    return studio.avatar("mei", size=SIZE)


@pytest.fixture(scope="module")
def frames(studio: Studio, photo: Avatar) -> list[Frame]:
    with studio.take(TEXT, avatar=photo, voice=VOICE) as take:
        return list(take)


@pytest.fixture
def threads() -> Iterator[set[threading.Thread]]:
    before = set(threading.enumerate())
    yield before
    assert set(threading.enumerate()) <= before


def speech_like(seconds: float, rate: int = 16000) -> np.ndarray:
    """A voice's harmonics, four syllables a second."""
    time = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    return (0.2 * tone * np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def test_frames_are_numbered_timed_and_voiced(frames: list[Frame]) -> None:
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(frame.time == pytest.approx(frame.index / 25) for frame in frames)
    assert all(frame.image.shape == (SIZE, SIZE, 3) and frame.image.dtype == np.uint8 for frame in frames)
    assert all(len(frame.audio) == frame.sample_rate / 25 for frame in frames)
    assert 2 < len(frames) / 25 < 6  # nine words
    assert max(np.abs(frame.audio).max() for frame in frames) > 0.1


def test_mouth_moves_with_the_speech(frames: list[Frame]) -> None:
    mouths = np.stack([frame.image[SIZE // 2 :] for frame in frames]).astype(np.int16)
    assert np.abs(np.diff(mouths, axis=0)).max() > 40


@pytest.mark.parametrize("schedule", [{"batch_size": 1}, {"batch_size": 7}, {"low_latency": True}])
def test_batches_change_no_pixel_and_no_sample(
    studio: Studio, photo: Avatar, frames: list[Frame], schedule: dict[str, int]
) -> None:
    with studio.take(TEXT, avatar=photo, voice=VOICE, **schedule) as take:
        others = list(take)
    assert len(others) == len(frames)
    for frame, other in zip(frames, others, strict=True):
        assert np.array_equal(frame.image, other.image)
        assert np.array_equal(frame.audio, other.audio)


def test_batches_change_no_pixel_of_a_large_picture(studio: Studio) -> None:
    sound = (speech_like(0.8), 16000)
    with studio.take(audio=sound, avatar="ravi", size=720) as take:
        images = [frame.image for frame in take]
    with studio.take(audio=sound, avatar="ravi", size=720, batch_size=5) as take:
        assert len(images) == 20
        assert all(np.array_equal(image, frame.image) for image, frame in zip(images, take, strict=True))


def test_a_recording_comes_back_sample_for_sample(studio: Studio, photo: Avatar) -> None:
    sound = speech_like(3.3, 48000)
    with studio.take(audio=(sound, 48000), avatar=photo, fps=30) as take:
        heard = np.concatenate([frame.audio for frame in take])
    assert len(heard) == 99 * 1600  # 3.3 s at 30 frames a second
    assert np.abs(heard[: len(sound)] - sound).max() < 1e-6
    assert not heard[len(sound) :].any()


def test_an_odd_rate_never_drifts(studio: Studio, photo: Avatar) -> None:
    with studio.take(audio=(speech_like(2), 16000), avatar=photo, fps=29.97) as take:
        made = list(take)
    assert take.fps == Fraction(30000, 1001)
    samples = np.cumsum([len(frame.audio) for frame in made])
    assert np.abs(samples - (np.arange(len(made)) + 1) * 48000 * 1001 / 30000).max() <= 0.5


def test_fifty_milliseconds_make_two_frames(studio: Studio, photo: Avatar) -> None:
    with studio.take(audio=(speech_like(0.05), 16000), avatar=photo, fps=25) as take:
        assert len(list(take)) == 2


def test_in_digital_silence_the_mouth_rests(studio: Studio, photo: Avatar) -> None:
    with studio.take(audio=(np.zeros(16000, np.float32), 16000), avatar=photo, idle=False) as take:
        made = list(take)
    assert len(made) == 25
    assert all(np.array_equal(frame.image, made[0].image) for frame in made)


def test_first_frame_does_not_wait_for_the_whole_text(studio: Studio, photo: Avatar) -> None:
    text = "This is one of very many sentences. " * 2500  # two hours of speech
    with studio.take(text, avatar=photo, low_latency=True) as take:
        assert next(take).index == 0


class Trickle(io.RawIOBase):
    """A recording whose second half comes only after `rest` is set."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0
        self.rest = threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray") -> int:  # type: ignore[override]
        if self._place > len(self._content) // 2:
            assert self.rest.wait(60), "the first frame waited for the whole recording"
        part = self._content[self._place : self._place + min(len(buffer), 4096)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)


def test_first_frame_does_not_wait_for_the_whole_recording(studio: Studio, photo: Avatar) -> None:
    recording = Trickle(wav(speech_like(20)))
    with studio.take(audio=io.BufferedReader(recording), avatar=photo, low_latency=True) as take:
        assert next(take).index == 0
        recording.rest.set()


@pytest.mark.parametrize("voice", ["espeak:en-us", "piper:en_US-joe-medium"])
@pytest.mark.parametrize("seen", [0, 1, 40])
def test_closing_leaves_no_thread(
    studio: Studio, photo: Avatar, threads: set[threading.Thread], voice: str, seen: int
) -> None:
    take = studio.take(
        "A rather long sentence, which goes on and on, is being spoken here. " * 40, avatar=photo, voice=voice
    )
    for _ in range(seen):
        next(take)
    take.close()
    assert set(threading.enumerate()) <= threads
    assert next(take, None) is None


def test_a_take_that_is_dropped_ends(studio: Studio, photo: Avatar, threads: set[threading.Thread]) -> None:
    take = studio.take("A sentence that nobody wants to see. " * 40, avatar=photo)
    next(take)
    mine = set(threading.enumerate()) - threads
    assert mine
    del take
    gc.collect()
    for thread in mine:
        thread.join(20)


@pytest.mark.parametrize("voice", ["espeak:en-us", "piper:en_US-joe-medium"])
def test_a_program_that_ends_in_the_middle_of_a_take_ends_well(voice: str) -> None:
    program = (
        "from lipsync_core import Studio\n"
        f"take = Studio().take('Nobody will hear the end of this. ' * 50, avatar='mei', size=256, voice='{voice}')\n"
        "next(take)\n"
        "raise SystemExit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (3, "")


def test_a_slow_consumer_slows_the_producer(studio: Studio, photo: Avatar) -> None:
    pulled = 0

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal pulled
            pulled += 1 if (part := super().read(size)) else 0
            return part

    content = wav(speech_like(600, 8000), 8000)
    with studio.take(audio=Counted(content), avatar=photo) as take:
        for _ in range(60):
            next(take)
        assert pulled * 2**16 < len(content) / 2


def test_several_takes_at_once_do_not_mix(studio: Studio, photo: Avatar, frames: list[Frame]) -> None:
    other = studio.avatar("ravi", size=SIZE)
    first = studio.take(TEXT, avatar=photo, voice=VOICE)
    second = studio.take("Something else is said here.", avatar=other, voice="espeak:en-us+f3")
    with first, second:
        made = [(a, b) for a, b in zip(first, second, strict=False)]
    for frame, (one, two) in zip(frames, made, strict=False):
        assert np.array_equal(frame.image, one.image)
        assert np.array_equal(frame.audio, one.audio)
        assert not np.array_equal(one.image, two.image)


def test_seed_repeats_and_changes_the_life_of_a_photo(studio: Studio, photo: Avatar) -> None:
    def last(**options: int) -> np.ndarray:
        with studio.take(audio=(np.zeros(48000, np.float32), 16000), avatar=photo, **options) as take:
            return list(take)[-1].image

    assert np.array_equal(last(seed=1), last(seed=1))
    assert not np.array_equal(last(seed=1), last(seed=2))
    assert not np.array_equal(last(seed=1), last(idle=False))


def test_voice_and_model_are_told(studio: Studio, photo: Avatar) -> None:
    with studio.take("Привет!", avatar=photo) as take:
        assert take.voice == "espeak:ru"
        assert take.model == "rig"
        assert take.size == (SIZE, SIZE)
    with studio.take(audio=(speech_like(0.5), 16000), avatar=photo) as take:
        assert take.voice == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "either a text or a recording"),
        ({"text": "Hi", "audio": b"x"}, "either a text or a recording"),
        ({"text": "Hi", "batch_size": 0}, "1 to 960"),
        ({"text": "Hi", "fps": 500}, "1 to 120"),
        ({"text": "Hi", "queue_frames": -1}, "1 to 3000"),
        ({"text": "Hi", "seed": "one"}, "seed.*no number"),
        ({"audio": b"x", "voice": "joe"}, "sounds as it is"),
        ({"text": "Hi", "model": "wav3lip"}, "wav3lip.*rig"),
        ({"text": "Hi", "voice": "nobody"}, "nobody"),
        ({"text": "Hi", "language": "Klingonese"}, "Klingonese"),
        ({"text": "  "}, "nothing to speak"),
        ({"text": "Hi", "avatar": "no/such/face.jpg"}, "face.jpg"),
    ],
)
def test_what_cannot_be_used_is_named_at_once(
    studio: Studio, threads: set[threading.Thread], arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(LipsyncError, match=said):
        studio.take(**arguments)  # type: ignore[arg-type]
    assert set(threading.enumerate()) <= threads


def test_a_recording_that_is_none_is_told_by_the_first_frame(
    studio: Studio, photo: Avatar, threads: set[threading.Thread]
) -> None:
    with studio.take(audio=b"this is no recording", avatar=photo) as take, pytest.raises(LipsyncError):
        next(take)


@pytest.fixture(scope="module")
def clip(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of someone who speaks, without a face from 0.8 s to 1 s."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with (
        studio.take("The clip's own words.", avatar="tomas", size=256, voice="espeak:en-us", fps=20) as take,
        Mp4Writer(path, take.size, take.fps, take.sample_rate) as file,
    ):
        for frame in itertools.islice(take, 30):
            hidden = 16 <= frame.index < 20
            image = np.full_like(frame.image, 90) if hidden else frame.image
            file.write(Frame(image, frame.index, frame.time, frame.audio, frame.sample_rate))
    return path


def test_a_clip_goes_forward_and_back_at_its_own_rate(studio: Studio, clip: Path) -> None:
    with studio.take(audio=(np.zeros(16000 * 4, np.float32), 16000), avatar=clip) as take:
        made = list(take)
    assert take.fps == 20
    count = len(take.avatar.frames)
    assert count == 30
    for index in range(count, 2 * count - 2):
        assert np.array_equal(made[index].image, made[2 * count - 2 - index].image)
    assert np.array_equal(made[2 * count - 2].image, made[0].image)


def test_frames_without_a_face_pass_through_and_are_counted(studio: Studio, clip: Path) -> None:
    with studio.take(audio=(speech_like(1.5), 16000), avatar=clip) as take:
        made = list(take)
    hidden = [n for n in range(30) if np.isnan(take.avatar.landmarks[n]).any()]
    assert 16 in hidden or 17 in hidden
    assert take.missed_faces == len(hidden)
    for index in hidden:
        assert np.array_equal(made[index].image, take.avatar.frames[index])


def test_sentences_are_told_with_their_times(studio: Studio, photo: Avatar, frames: list[Frame]) -> None:
    with studio.take(TEXT, avatar=photo, voice="espeak:en-us") as take:
        list(take)
    first, last = take.sentences
    assert (first.text, last.span[1]) == ("Good morning!", len(TEXT))
    assert last.start == pytest.approx(first.end, abs=1e-6)
    assert [word.text for word in first.words] == ["Good", "morning"]


def test_a_take_is_saved_in_one_line(studio: Studio, photo: Avatar, frames: list[Frame], tmp_path: Path) -> None:
    path = studio.take(TEXT, avatar=photo, voice=VOICE).save(tmp_path / "hello.mp4")
    with av.open(path) as file:
        assert sum(1 for _ in file.decode(video=0)) == len(frames)


def test_a_face_is_prepared_once_whatever_the_seed(
    studio: Studio, photo: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []
    prepare = RigModel.prepare
    monkeypatch.setattr(RigModel, "prepare", lambda self, avatar: prepared.append(avatar) or prepare(self, avatar))
    mine = Studio()
    for seed in range(6):
        mine.take("Hi.", avatar=photo, seed=seed, voice=VOICE).close()
    assert len(prepared) == 1


def test_a_take_tells_what_its_stages_worked(studio: Studio, photo: Avatar) -> None:
    began = time.perf_counter()
    with studio.take(TEXT, avatar=photo, voice="espeak:en-us") as take:
        list(take)
        whole = time.perf_counter() - began
        assert 0 < take.seconds["speech"] < whole
        assert 0 < take.seconds["frames"] < whole
