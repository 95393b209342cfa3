"""Which voice is the default depends on how fast this machine is, as the doctor has measured."""

import json
import time

import pytest

from lipsync_core.errors import LipsyncError
from lipsync_core.speech import choose_voice, default_voice, voices
from lipsync_core.speech.engines.speed import known_pace, measure_pace
from lipsync_core.speech.voice import Voice

JOE = "piper:en_US-joe-medium"


@pytest.fixture
def machine(limits, tmp_path):
    """Call with {engine: (seconds to the first sound, factor)}; every engine's files seem to be there."""
    (tmp_path / "checkpoints" / "kokoro" / "voices").mkdir(parents=True)
    (tmp_path / "checkpoints" / "kokoro" / "kokoro-int8.onnx").touch()
    limits(cache_dir=tmp_path / "cache", checkpoints_dir=tmp_path / "checkpoints")
    for voice in voices():
        if voice.engine == "kokoro":
            (tmp_path / "checkpoints" / "kokoro" / "voices" / f"{voice.name_in_engine}.bin").touch()

    def measured(paces: dict[str, tuple[float, float]]) -> None:
        (tmp_path / "cache").mkdir(exist_ok=True)
        stored = {name: {"first_seconds": first, "factor": factor} for name, (first, factor) in paces.items()}
        (tmp_path / "cache" / "voice_pace.json").write_text(json.dumps(stored))

    return measured


def test_a_voice_that_keeps_ahead_comes_before_one_that_sounds_worse(machine) -> None:
    machine({"kokoro": (0.6, 0.3), "piper": (0.1, 0.05)})
    assert default_voice("en-US").id == "kokoro:af_heart"
    assert default_voice("ja").engine == "kokoro"
    assert default_voice("ru").engine == "espeak"  # it has no Russian
    assert voices("en-US")[0].id == "kokoro:af_heart"


def test_a_voice_that_does_not_keep_ahead_comes_last(machine) -> None:
    machine({"kokoro": (0.6, 0.8), "piper": (0.1, 0.05)})
    assert default_voice("en-US").id == JOE
    assert default_voice("ja").engine == "espeak"
    assert choose_voice("Hello", voice="heart").id == "kokoro:af_heart"  # whoever asks for it gets it


def test_a_voice_that_begins_late_comes_between(machine) -> None:
    machine({"kokoro": (3.0, 0.3), "piper": (0.1, 0.05)})
    assert default_voice("en-US").id == JOE
    assert default_voice("ja").engine == "kokoro"


def test_a_slow_machine_speaks_with_the_robot(machine) -> None:
    machine({"piper": (2.5, 1.3)})
    assert default_voice("en-US").engine == "espeak"


def test_what_was_not_measured_or_cannot_be_read_changes_nothing(machine, tmp_path) -> None:
    assert default_voice("en-US").id == JOE
    assert default_voice("ja").engine == "espeak"
    machine({})
    for damaged in ("", "[]", '{"kokoro": 1}', '{"kokoro": {"factor": "fast"}}'):
        (tmp_path / "cache" / "voice_pace.json").write_text(damaged)
        assert default_voice("ja").engine == "espeak"


def test_measuring_is_kept(limits, tmp_path) -> None:
    limits(cache_dir=tmp_path / "cache")
    (voice,) = (voice for voice in voices() if voice.id == "espeak:en-us")
    assert known_pace(voice) is None
    pace = measure_pace(voice)
    assert 0 < pace.first_seconds < 1
    assert 0 < pace.factor < 0.2
    assert known_pace(voice) == pace


def test_choosing_costs_no_time(machine) -> None:
    machine({"kokoro": (0.6, 0.3)})
    default_voice("en-US")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        default_voice("en-US")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_a_voice_that_forbids_commercial_use_is_no_default(machine, monkeypatch) -> None:
    from lipsync_core.speech import catalogue

    own = Voice("coqui:xtts", "XTTS", "ru", "Russian", "русский", 24000, "CPML", neural=True, commercial_use=False)
    open_one = Voice("coqui:mine", "Mine", "ru", "Russian", "русский", 22050, "CC0", neural=True)
    machine({"coqui:xtts": (0.2, 0.1), "coqui:mine": (0.2, 0.1)})
    ranks = sorted([own, open_one, *voices("ru")], key=catalogue._rank)
    assert [voice.id for voice in ranks[:2]] == ["coqui:mine", "espeak:ru"]
    with pytest.raises(LipsyncError):
        default_voice("no such language")
