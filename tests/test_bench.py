"""The measurements run and mean what they say; how fast a machine is, is no matter for a test."""

import json
import time

import numpy as np
import pytest

from lipsync_core import Studio
from lipsync_core.bench import process, speed
from lipsync_core.bench.figures import FIGURES, report
from lipsync_core.cli import main

VOICE = "espeak:en-us"


@pytest.mark.slow
def test_quick_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--json"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    measured = json.loads(out)
    assert measured["machine"]["cores"] >= 1
    assert measured["machine"]["torch"]
    values = measured["figures"]
    assert set(values) == {figure.name for figure in FIGURES}
    assert [name for name, value in values.items() if value is None] == ["memory_growth_mb"]
    assert all(value > 0 for value in values.values() if value is not None)
    table = report(measured)
    assert "| frames alone | " in table
    assert "| not measured | at most 200 |" in table


def test_a_goal_is_reached_from_the_right_side() -> None:
    goals = {figure.name: figure for figure in FIGURES}
    assert goals["frames_per_second"].reached(100)
    assert not goals["frames_per_second"].reached(99)
    assert goals["import_seconds"].reached(1.5)
    assert not goals["import_seconds"].reached(1.6)


def test_sentences_have_twelve_words() -> None:
    assert {len(sentence.split()) for sentence in speed.SENTENCES} == {12}


def test_a_text_is_long_enough() -> None:
    samples, rate = speed.spoken(VOICE, 20)
    assert len(samples) == 20 * rate
    assert np.abs(samples).max() > 0.1


def test_a_limit_ends_a_measurement() -> None:
    studio = Studio()
    avatar = studio.avatar(size=64)
    sound = np.zeros(48000 * 600, np.float32), 48000
    start = time.monotonic()
    assert speed.frames_per_second(studio, avatar, sound, limit=0.2) > 0
    assert speed.mp4_factor(studio, avatar, sound, 600, limit=0.2) > 0
    assert time.monotonic() - start < 10  # of the minute that all of it takes


@pytest.mark.slow
def test_memory_is_that_of_the_child_alone() -> None:
    ballast = np.ones(2**27, np.float64)  # 1 GiB
    assert 100 < process.peak_memory_mb(0.5, VOICE) < 900
    assert ballast.size
