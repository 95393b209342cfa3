"""A live session: what it says is seen and heard when it is due, and it never stops being there."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lipsync_core import Avatar, Frame, LipsyncError, LiveSession, Studio, TakeOptions
from lipsync_core.live import State
from lipsync_core.live.session import TRANSITIONS
from lipsync_core.models import Life, MelChunks, ModelInfo, make_model, register
from lipsync_core.speech import speak

RATE = 48000
VOICE = "espeak:en-us"
LONG = "This is a sentence of some length, which somebody will interrupt before it has come to its end."


@pytest.fixture(scope="module")
def photo(studio: Studio) -> Avatar:
    return studio.avatar("mei", size=128)


@pytest.fixture
def threads() -> Iterator[set[threading.Thread]]:
    before = set(threading.enumerate())
    yield before
    assert set(threading.enumerate()) <= before


@pytest.fixture
def live(studio: Studio, photo: Avatar, threads: set[threading.Thread]) -> Iterator[LiveSession]:
    with studio.live(avatar=photo, voice=VOICE) as session:
        yield session


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Two seconds and more of speech, (n,) float32 at 22,050 Hz."""
    return np.concatenate([one.samples for one in speak("Good morning! How are you today?", voice=VOICE)])


def until(session: LiveSession, wanted: Callable[[Frame], bool], seconds: float = 15.0) -> list[Frame]:
    """Frames up to the first one that is wanted."""
    frames = []
    deadline = time.monotonic() + seconds
    for frame in session:
        frames.append(frame)
        if wanted(frame):
            return frames
        assert time.monotonic() < deadline, f"nothing of the kind in {seconds} s; the session is {session.state}"
    raise AssertionError("the session has ended")


def has(kind: str) -> Callable[[Frame], bool]:
    return lambda frame: any(event.kind == kind for event in frame.events)


def is_in(session: LiveSession, state: State) -> Callable[[Frame], bool]:
    return lambda frame: session.state is state


def sound_of(frames: list[Frame]) -> np.ndarray:
    return np.concatenate([frame.audio for frame in frames])


def mouth(frame: Frame) -> np.ndarray:
    height = len(frame.image)
    return frame.image[height // 2 : height * 9 // 10, height // 4 : height * 3 // 4].astype(np.int16)


def difference(one: Frame, other: Frame) -> float:
    return float(np.abs(mouth(one) - mouth(other)).mean())


def test_an_idle_face_lives_at_the_pace_of_its_clock(live: LiveSession) -> None:
    first = next(live)
    began = time.monotonic()
    frames = list(itertools.islice(live, 30))
    assert time.monotonic() - began == pytest.approx(30 / 25, abs=0.15)
    assert [frame.index for frame in frames] == list(range(1, 31))
    assert not sound_of(frames).any()
    assert any(not np.array_equal(frame.image, first.image) for frame in frames)
    assert live.state is State.IDLE


def test_the_first_thing_said_has_the_frames_of_a_take(studio: Studio, photo: Avatar) -> None:
    voice = "piper:en_US-joe-medium"  # which says a text the same sample for sample
    options = TakeOptions(avatar=photo, voice=voice)
    with LiveSession(studio, options, wait_for_speech=True) as session:
        session.say("Good morning!")
        frames = until(session, has("finished"))
    with studio.take("Good morning!", avatar=photo, voice=voice) as take:
        others = list(take)
    assert len(frames) == len(others)
    assert np.array_equal(sound_of(frames), sound_of(others))
    drawn = [n for n, frame in enumerate(frames) if n == 0 or frame.image is not frames[n - 1].image]
    assert len(drawn) > 4
    assert all(np.abs(frames[n].image.astype(int) - others[n].image.astype(int)).max() <= 1 for n in drawn)


def test_events_are_told_with_their_frames(live: LiveSession) -> None:
    next(live)
    assert (live.say("Good morning! How are you?"), live.say("Fine.")) == (1, 2)
    frames = until(live, lambda frame: any((event.kind, event.say) == ("finished", 2) for event in frame.events))
    events = [(event, frame) for frame in frames for event in frame.events]
    kinds = [(event.kind, event.say) for event, _ in events if event.kind != "word"]
    assert kinds == [
        ("started", 1), ("sentence", 1), ("sentence", 1), ("finished", 1),
        ("started", 2), ("sentence", 2), ("finished", 2),
    ]  # fmt: skip
    assert [event.details["text"] for event, _ in events if event.kind == "word"] == [
        "Good", "morning", "How", "are", "you", "Fine",
    ]  # fmt: skip
    for event, frame in events:
        assert frame.time - 0.041 <= event.time < frame.time + 0.041
    began = next(frame for event, frame in events if event.kind == "started")
    heard = next(frame for frame in frames if np.abs(frame.audio).max() > 0.05)
    assert 0 <= heard.index - began.index <= 4
    assert not live.speaking


@pytest.mark.parametrize("block", [0.001, 0.02, 0.5])
def test_blocks_of_any_length_give_the_same_frames(
    studio: Studio, photo: Avatar, voice: np.ndarray, block: float
) -> None:
    def frames_of(blocks: list[np.ndarray]) -> list[Frame]:
        options = TakeOptions(avatar=photo, idle=False, fps=5)  # so slow that every frame is drawn on a busy machine
        with LiveSession(studio, options, wait_for_speech=True) as session:
            for samples in blocks:
                session.push(samples, 22050)
            session.flush()
            return until(session, has("finished"))

    whole = frames_of([voice])
    size = round(block * 22050)
    cut = frames_of([voice[start : start + size] for start in range(0, len(voice), size)])
    assert len(cut) == len(whole)
    assert np.abs(sound_of(cut) - sound_of(whole)).max() < 1e-6
    assert max(difference(one, whole[0]) for one in whole) > 1
    for one, other in zip(cut, whole, strict=True):
        assert np.abs(one.image.astype(int) - other.image.astype(int)).max() <= 1


@pytest.mark.parametrize("kind", ["int16", "stereo", "48 kHz"])
def test_sound_of_any_kind_is_heard_as_it_is(studio: Studio, photo: Avatar, kind: str) -> None:
    wave = (0.3 * np.sin(2 * np.pi * 220 * np.arange(24000) / 24000)).astype(np.float32)  # one second
    with LiveSession(studio, TakeOptions(avatar=photo), wait_for_speech=True) as session:
        if kind == "int16":
            session.push((wave * 32767).astype(np.int16), 24000)
        elif kind == "stereo":
            session.push(np.stack([wave, wave], 1), 24000)
        else:
            session.push(0.3 * np.sin(2 * np.pi * 220 * np.arange(48000) / 48000), 48000)
        session.flush()
        heard = sound_of(until(session, has("finished")))
    expected = 0.3 * np.sin(2 * np.pi * 220 * np.arange(48000) / RATE)
    assert len(heard) == 48000
    assert np.abs(heard[2000:-2000] - expected[2000:-2000]).max() < 0.01


def test_sound_that_comes_in_real_time_is_played_without_a_gap(live: LiveSession, voice: np.ndarray) -> None:
    frames: list[Frame] = []
    for block in np.array_split(np.tile(voice, 2), 40):
        live.push(block, 22050)
        frames += itertools.islice(live, round(len(block) / 22050 * 25))
    live.flush()
    frames += until(live, has("finished"))
    begin = next(n for n, frame in enumerate(frames) if has("started")(frame))
    started = next(event for event in frames[begin].events if event.kind == "started")
    heard = sound_of(frames)[round(started.time * RATE) :]
    import soxr

    expected = soxr.resample(np.tile(voice, 2), 22050, RATE)
    count = min(len(heard), len(expected)) - 100
    assert np.abs(heard[:count] - expected[:count]).max() < 0.02


def test_a_stall_of_the_source_eases_into_idling_and_back(live: LiveSession, voice: np.ndarray) -> None:
    next(live)
    live.push(voice[: 22050 * 6 // 5], 22050)  # and no more, nor an end
    frames = until(live, is_in(live, State.SPEAKING))
    frames += until(live, is_in(live, State.EASING))
    frames += until(live, is_in(live, State.IDLE))
    live.push(voice[22050 * 6 // 5 :], 22050)
    frames += until(live, is_in(live, State.SPEAKING))
    live.flush()
    frames += until(live, has("finished"))
    steps = [difference(one, other) for one, other in itertools.pairwise(frames)]
    speaking = max(steps)
    eased = next(n for n, frame in enumerate(frames) if frame.time > 0.5 and not frame.audio.any())
    assert max(steps[eased - 1 : eased + 8]) < 0.8 * speaking  # no jump as it closes
    heard, said = (np.abs(samples).sum() / rate for samples, rate in ((sound_of(frames), RATE), (voice, 22050)))
    assert heard == pytest.approx(said, rel=0.02)  # all of it


def test_clearing_falls_silent_at_once_and_closes_the_mouth(live: LiveSession) -> None:
    rest = next(live)
    live.say(LONG)
    live.say("Nobody hears this.")
    frames = until(live, has("started"))
    frames += itertools.islice(live, 25)
    assert live.clear()
    after = list(itertools.islice(live, 14))
    heard = np.flatnonzero(np.abs(sound_of(after)) > 0)
    assert not len(heard) or heard[-1] < 0.02 * RATE
    (event,) = [event for frame in after for event in frame.events]
    assert (event.kind, event.say, event.details["dropped"]) == ("interrupted", 1, [2])
    assert live.state is State.IDLE
    open_mouth = max(difference(frame, rest) for frame in frames)
    assert difference(after[-1], rest) < 0.5 * open_mouth
    assert not live.clear()
    live.say("Again.")
    until(live, has("finished"))


def test_what_waits_is_cleared_before_it_is_heard(live: LiveSession) -> None:
    next(live)
    live.push(np.zeros(100, np.float32), 16000)
    assert live.speaking
    live.say("Never heard.")
    assert live.clear()
    (event,) = [event for frame in itertools.islice(live, 10) for event in frame.events]
    assert (event.kind, event.say, event.details["dropped"]) == ("interrupted", None, [1, 2])
    assert not live.speaking


def test_every_state_is_reached_by_its_transitions(studio: Studio, photo: Avatar) -> None:
    seen: set[tuple[State, State]] = set()
    noise = np.random.default_rng(0).normal(0, 0.1, 800).astype(np.float32)
    with studio.live(avatar=photo, voice=VOICE) as session:

        def pass_to(state: State) -> None:
            before = session.state
            for _ in session:
                if session.state is not before:
                    seen.add((before, session.state))
                    before = session.state
                if session.state is state:
                    return

        next(session)
        session.hear(noise, 16000)
        pass_to(State.LISTENING)
        pass_to(State.IDLE)
        session.push(noise[:400], 16000)  # not enough to be drawn yet
        pass_to(State.PREPARING)
        session.clear()
        pass_to(State.IDLE)
        session.hear(noise, 16000)
        pass_to(State.LISTENING)
        session.push(noise[:400], 16000)
        pass_to(State.PREPARING)
        session.hear(noise, 16000)
        session.clear()
        pass_to(State.LISTENING)
        session.say("Hello.")
        pass_to(State.SPEAKING)
        pass_to(State.EASING)
        pass_to(State.IDLE)
        session.say("Hello.")
        pass_to(State.SPEAKING)
        session.clear()
        pass_to(State.EASING)
        session.say("Hello.")
        pass_to(State.SPEAKING)
        session.hear(np.tile(noise, 100), 16000)
        pass_to(State.EASING)
    assert session.state is State.CLOSED
    assert all(after in TRANSITIONS[before] for before, after in seen)
    assert {
        (State.IDLE, State.LISTENING), (State.LISTENING, State.IDLE), (State.IDLE, State.PREPARING),
        (State.PREPARING, State.IDLE), (State.LISTENING, State.PREPARING), (State.PREPARING, State.LISTENING),
        (State.SPEAKING, State.EASING), (State.EASING, State.IDLE), (State.EASING, State.SPEAKING),
    } <= seen  # fmt: skip


def test_whoever_stops_taking_frames_stops_the_clock(live: LiveSession) -> None:
    live.say(LONG)
    frames = until(live, has("started"))
    time.sleep(1.5)
    later = next(live)
    assert later.index == frames[-1].index + 1
    assert live.behind() < 0.1


def test_sound_can_be_had_ahead_of_its_pictures(studio: Studio, photo: Avatar) -> None:
    options = TakeOptions(avatar=photo, voice=VOICE)
    with LiveSession(studio, options, wait_for_speech=True, delay=0.2) as session:
        session.say("Good morning! How are you?")
        blocks, pictures = [], []
        for frame in session:
            pictures.append(frame)
            start, samples = session.sound_ahead(0.5)
            assert start == sum(map(len, blocks))
            blocks.append(samples)
            if not session.speaking:
                break
    ahead = np.concatenate(blocks)
    heard = sound_of(pictures)
    assert len(blocks[0]) > 0.3 * RATE
    assert np.array_equal(ahead[: len(heard)], heard[: len(ahead)])


def test_options_change_for_what_comes(live: LiveSession) -> None:
    next(live)
    live.set(idle=False, speed=2.0)
    still = list(itertools.islice(live, 12))[-2:]
    assert np.array_equal(still[0].image, still[1].image)
    with pytest.raises(LipsyncError, match="size cannot be changed now"):
        live.set(size=64)
    with pytest.raises(LipsyncError, match=r"speed.*0.5 to 2"):
        live.set(speed=9)


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        (np.zeros((2, 3, 4)), 16000, "shape"),
        (np.zeros(10, np.int64), 16000, "int64"),
        (np.zeros(10, np.float32), 10, "4000"),
        (np.zeros(5_000_000, np.float32), 8000, "600 seconds"),
    ],
)
def test_what_is_no_sound_is_refused(live: LiveSession, samples: np.ndarray, rate: int, said: str) -> None:
    with pytest.raises(LipsyncError, match=said):
        live.push(samples, rate)


def test_a_recording_that_is_none_is_told_and_the_face_lives_on(live: LiveSession, tmp_path: Path) -> None:
    file = tmp_path / "none.wav"
    file.write_bytes(b"this is no recording")
    next(live)
    live.play(file)
    frames = until(live, has("error"))
    (event,) = frames[-1].events
    assert "none.wav" in str(event.details["error"])
    assert not live.speaking
    live.say("Still here.")
    until(live, has("finished"))


def test_closing_wakes_whoever_waits(studio: Studio, photo: Avatar, threads: set[threading.Thread]) -> None:
    session = LiveSession(studio, TakeOptions(avatar=photo), wait_for_speech=True)
    threading.Timer(0.2, session.close).start()
    assert list(session) == []
    session.close()
    assert session.state is State.CLOSED
    with pytest.raises(LipsyncError, match="ended"):
        session.say("Hello.")


INFO = ModelInfo(name="falls over", licence="none", commercial_use=True)


@register(INFO)
class FallingModel:
    """Draws as the rig does, until it meets sound."""

    def __init__(self) -> None:
        self._rig = make_model("rig")
        self.columns = self._rig.columns

    def prepare(self, avatar: Avatar) -> object:
        return self._rig.prepare(avatar)

    def largest_batch(self, state: object) -> int:
        return 960

    def render(self, state: object, chunks: MelChunks, frames: np.ndarray, fps: float, life: Life) -> Iterator:
        if chunks.values.max() > 0:
            raise RuntimeError("the model fell over")
        return self._rig.render(state, chunks, frames, fps, life)


def test_a_session_that_fails_tells_its_owner_and_ends(studio: Studio, photo: Avatar) -> None:
    ended: list[BaseException | None] = []
    options = TakeOptions(avatar=photo, model="falls over", voice=VOICE)
    session = LiveSession(studio, options, closed=ended.append)
    next(session)
    session.say("Hello.")
    with pytest.raises(RuntimeError, match="fell over"):
        list(session)
    session.close()
    assert [str(error) for error in ended] == ["the model fell over"]
    assert session.state is State.CLOSED
