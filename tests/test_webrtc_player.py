"""What a connection plays, without a network: no jump, no gap in the sound, an interruption that eases."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lipsync_core import Avatar, LipsyncError, Studio
from lipsync_core.models import base as models
from lipsync_core.models.rig.model import RigModel
from lipsync_core.server.realtime.offer import checked
from lipsync_core.settings import read
from lipsync_core.sinks.webrtc import Agenda, Player, Reel, Voicing
from lipsync_core.sinks.webrtc.rate import LOWEST, Rate

SIZE = 192  # pixels
VOICE = "espeak:en-us"


@dataclass
class Played:
    """pictures: (H * 3 / 2, W), by index; None where there was none. sounds: one 20 ms packet each."""

    pictures: list[np.ndarray | None] = field(default_factory=list)
    sounds: list[np.ndarray] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Show:
    """Plays at 25 frames a second, as the tracks of a connection do."""

    def __init__(self, studio: Studio, avatar: Avatar, model: str = "rig") -> None:
        self.agenda = Agenda()
        self.player = Player(studio, Voicing(avatar, model), self.agenda)
        self.played = Played()
        deadline = time.monotonic() + 10
        while self.player.reel.peek(3) is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self._begin = time.monotonic()

    def play(self, frames: int) -> Played:
        reel, played = self.player.reel, self.played
        for _ in range(frames):
            index = len(played.pictures)
            time.sleep(max(0.0, self._begin + index / 25 - time.monotonic()))
            played.events += self.agenda.due(index / 25)
            played.pictures.append(reel.picture(index))
            played.sounds += [reel.sound(960), reel.sound(960)]
        return played

    def play_until(self, event: str) -> int:
        """Index of the frame at which the event came."""
        while event not in [one["event"] for one in self.played.events]:
            assert len(self.played.pictures) < 500, self.played.events
            self.play(1)
        return len(self.played.pictures) - 1


@pytest.fixture(scope="module")
def photo(studio: Studio) -> Avatar:
    return studio.avatar("mei", size=SIZE)


@pytest.fixture
def show(studio: Studio, photo: Avatar) -> Iterator[Show]:
    before = set(threading.enumerate())
    made = Show(studio, photo)
    yield made
    made.player.close()
    assert set(threading.enumerate()) <= before


def changes(pictures: list[np.ndarray | None], rows: slice) -> np.ndarray:
    """Mean change in grey levels from each picture to the next, in some rows of the face's middle."""
    shown = np.stack([picture for picture in pictures if picture is not None])
    part = shown[:, rows, SIZE // 3 : SIZE * 2 // 3].astype(np.float32)
    return np.abs(np.diff(part, axis=0)).mean((1, 2))


HAIR, MOUTH = slice(0, SIZE // 4), slice(SIZE * 5 // 8, SIZE * 7 // 8)


def test_the_face_goes_on_between_idling_and_speaking(studio: Studio, photo: Avatar, show: Show) -> None:
    show.play(20)
    show.player.say("Hello there! How are you?", voice=VOICE)
    end = show.play_until("finished")
    played = show.play(20)
    assert [n for n, picture in enumerate(played.pictures) if picture is None] == []
    with studio.idle(photo) as take:
        alone = [next(take) for _ in played.pictures]
    from lipsync_core.sinks.webrtc.player import i420

    # Away from the mouth each picture is that of the idle face at this moment: one life from the start to the end.
    for picture, frame in zip(played.pictures, alone, strict=True):
        assert picture is not None
        assert np.array_equal(picture[HAIR], i420(frame.image)[HAIR])
    assert all(np.array_equal(played.pictures[n], i420(alone[n].image)) for n in (0, 15, end + 5, end + 19))
    assert changes(played.pictures[24:end], MOUTH).max() > 3
    assert show.player.reel.missing == 0


def test_an_interruption_fades_the_sound_and_closes_the_mouth(show: Show) -> None:
    show.play(10)
    show.player.say("La la la la la la la la la la la la la la la la la la.", voice=VOICE)
    start = show.play_until("started")
    show.play(30)
    assert show.player.interrupt()
    assert not show.player.interrupt()
    cut = len(show.played.pictures)
    played = show.play(25)
    assert all(not packet.any() for packet in played.sounds[2 * cut + 1 :])
    assert np.abs(played.sounds[2 * cut - 2]).max() > 300
    moving = changes(played.pictures, MOUTH)
    rest = moving[cut + 10 :].max()
    assert moving[start:cut].max() > 5 * rest
    overloaded = os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
    closed = cut + (8 if overloaded else 5)  # 200 ms, where the machine has time to draw
    assert moving[closed:].max() < 2 * rest + 0.1
    assert moving[cut : cut + 5].max() < 1.5 * moving[start:cut].max()  # and it did not snap
    assert [event["event"] for event in played.events][-1] == "interrupted"


def test_texts_are_said_one_after_the_other(show: Show) -> None:
    assert [show.player.say(text, voice=VOICE) for text in ("One.", "Two.")] == [1, 2]
    show.play_until("finished")
    while len([event for event in show.played.events if event["event"] == "finished"]) < 2:
        show.play(1)
        assert len(show.played.pictures) < 200
    told = [(event["event"], event["say"]) for event in show.played.events if event["event"] != "sentence"]
    assert told == [(name, say) for say in (1, 2) for name in ("started", "word", "finished")]
    times = {(event["event"], event["say"]): event["time"] for event in show.played.events}
    assert 0 <= times["started", 2] - times["finished", 1] < 0.3  # it was spoken while the first one was heard
    assert show.player.reel.missing == 0


def test_each_text_that_is_not_finished_is_told_to_be_interrupted(show: Show) -> None:
    for text in ("One.", "Two.", "Three."):
        show.player.say(text, voice=VOICE)
    show.play_until("started")
    show.play(2)
    assert show.player.interrupt()
    for text in ("Four.", "Five."):
        show.player.say(text, voice=VOICE)
        assert show.player.interrupt()  # before anything of it is heard
    show.player.say("Six.", voice=VOICE)
    show.play_until("finished")
    told = [event for event in show.played.events if event["event"] in ("interrupted", "finished")]
    assert [(event["event"], event["say"], event.get("dropped")) for event in told] == [
        ("interrupted", 1, [2, 3]),
        ("interrupted", None, [4]),
        ("interrupted", None, [5]),
        ("finished", 6, None),
    ]


def test_what_cannot_be_said_is_told_at_once(show: Show) -> None:
    with pytest.raises(LipsyncError, match="nobody"):
        show.player.say("Hello.", voice="nobody")

    def say_many() -> None:
        for _ in range(34):  # 32 wait, one may have left the line to be said
            show.player.say("Hello. " * 100, voice=VOICE)

    with pytest.raises(LipsyncError, match="32 texts wait"):
        say_many()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that draws about ten frames a second."""

    class Slow(RigModel):
        def render(self, state: Any, *more: Any) -> Iterator[np.ndarray]:
            for part in super().render(state, *more):
                for image in part:
                    time.sleep(0.09)
                    yield image[None]

    monkeypatch.setitem(models._MODELS, "slow", (models.model_info("rig"), Slow))
    return "slow"


def test_where_drawing_is_too_slow_pictures_are_left_out_and_sound_is_whole(
    studio: Studio, photo: Avatar, slow: str
) -> None:
    show = Show(studio, photo, slow)
    try:
        show.play(25)
        show.player.say(
            "This is a sentence that takes some time to say. And here comes another one, to be sure.", voice=VOICE
        )
        start = show.play_until("started")
        end = show.play_until("finished")
    finally:
        show.player.close()
    heard = np.concatenate(show.played.sounds[2 * start : 2 * end]).astype(np.float32) / 32767
    with studio.take(
        "This is a sentence that takes some time to say. And here comes another one, to be sure.",
        avatar=photo, voice=VOICE,
    ) as take:  # fmt: skip
        said = np.concatenate([frame.audio for frame in take])
    common = min(len(heard), len(said))
    assert abs(len(heard) - len(said)) <= 3 * 1920
    assert np.abs(heard[:common] - said[:common]).mean() < 0.01
    pictures = show.played.pictures[start:end]
    distinct = len({id(picture) for picture in pictures if picture is not None})
    assert len(pictures) / 8 < distinct < len(pictures) * 0.7


def test_a_reel_gives_each_sample_once_at_any_rate() -> None:
    reel = Reel(Fraction(30000, 1001))
    total = 0
    for index in range(60):
        count = round((index + 1) * 1001 / 30000 * 48000) - round(index * 1001 / 30000 * 48000)
        reel.put(index, np.zeros((3, 2), np.uint8), np.arange(total, total + count).astype(np.int16))
        total += count
    heard = np.concatenate([reel.sound(960) for _ in range(100)])
    assert np.array_equal(heard, np.arange(96000).astype(np.int16))
    assert (reel.missing, reel.next, reel.end) == (0, 60, 60)
    assert not reel.sound(960)[96:].any()


def test_events_come_in_order_of_their_time() -> None:
    agenda = Agenda()
    for name, seconds in (("c", 2.0), ("a", 1.0), ("b", 1.0)):
        agenda.add(name, seconds)
    assert [event["event"] for event in agenda.due(1.5)] == ["a", "b"]
    agenda.clear()
    assert agenda.due(9) == []


def test_an_estimate_counts_only_where_the_network_is_full() -> None:
    rate = Rate(512 * 512)
    assert 1_200_000 < rate.value < 2_000_000
    for second in range(10):
        rate.count(50_000, float(second))  # 400 kbit/s: a still face
    rate.estimate(450_000, 10.0)
    assert rate.value == rate.wanted
    rate.estimate(300_000, 11.0)
    assert rate.value == 300_000
    rate.estimate(2_000_000, 11.5)
    assert rate.value == 300_000  # not so soon
    for second in range(14, 30, 3):
        rate.estimate(2_000_000, float(second))
    assert rate.value == rate.wanted
    rate.estimate(1, 40.0)
    assert rate.value == LOWEST


def test_hidden_addresses_are_left_out_of_an_offer() -> None:
    kept = "a=candidate:1 1 udp 1 10.0.0.1 5000 typ host\r\n"
    hidden = "a=candidate:2 1 udp 1 0c3f-a1.local 5000 typ host generation 0\r\n"
    lines = "m=audio 9 x\r\n{}m=video 9 x\r\n"
    assert checked(lines.format(kept + hidden)) == lines.format(kept)
    with pytest.raises(LipsyncError, match="40 candidates"):
        checked(lines.format(kept * 41))
    with pytest.raises(LipsyncError, match="one video"):
        checked("m=audio 9 x\r\n")


def test_ice_servers_are_settings() -> None:
    one = '{"urls": "turn:example.org:3478", "username": "me", "credential": "x"}'
    assert read({"LIPSYNC_ICE_SERVERS": f"[{one}]"}).ice_servers[0]["username"] == "me"
    assert read({"LIPSYNC_ICE_SERVERS": one}).ice_servers[0]["urls"] == "turn:example.org:3478"
    for wrong in ("turn:example.org", "[1]", '[{"urls": "http://example.org"}]', '[{"url": "turn:x"}]', "5"):
        with pytest.raises(LipsyncError, match="LIPSYNC_ICE_SERVERS"):
            read({"LIPSYNC_ICE_SERVERS": wrong})
