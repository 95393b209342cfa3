"""Text to lips: what a lip-reader would look for in the frames of a take."""

import numpy as np
import pytest

from lipsync_core import Avatar, Studio
from lipsync_core.face import load_avatar
from lipsync_core.speech import Phoneme, speak
from lipsync_core.speech.timing.lip_closures import LipClosures

TEXT = "Papa may move a bumpy map. Bob and Amy mumble about a pumpkin."


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return load_avatar("mei", size=320)


def gap(image: np.ndarray) -> float:
    """Opening of the tracked inner lips, in eye distances."""
    points = load_avatar(image, cache=False).landmarks[0][:, :2]
    return float((points[14] - points[13])[1] / np.linalg.norm(points[263] - points[33]))


@pytest.mark.parametrize("voice", ["espeak:en-us", "piper:en_US-joe-medium"])
def test_lips_close_fully_for_each_p_b_and_m_and_open_between(avatar: Avatar, voice: str) -> None:
    with Studio().take(TEXT, avatar=avatar, voice=voice, idle=False) as take:
        images = [frame.image for frame in take]
    start, closures, vowels = 0.0, [], []
    for speech in speak(TEXT, voice=voice):
        for phoneme in speech.phonemes:
            middle = start + (phoneme.start + 0.6 * (phoneme.end - phoneme.start))
            if phoneme.symbol[0] in "pbm":
                closures.append(middle)
            elif phoneme.symbol[0] in "ɑæaɐ" and phoneme.end - phoneme.start > 0.08:
                vowels.append(middle)
        start += speech.duration
    assert len(closures) >= 15
    shut = [gap(images[int(time * 25)]) for time in closures]
    assert np.median(shut) < 0.025
    assert np.percentile(shut, 85) < 0.05
    assert np.median([gap(images[int(time * 25)]) for time in vowels]) > 0.06


def test_a_contact_shorter_than_a_frame_is_caught() -> None:
    for place in np.linspace(0, 0.04, 9):
        contacts = LipClosures()
        contacts.add([Phoneme("m", place, place + 0.016)], start=1.0)
        caught = [contacts.during(1 + k / 25 + 0.008, 1 + k / 25 + 0.032)[0] for k in range(-2, 3)]
        assert max(caught) > 0.9
        assert caught[0] < 0.3


def test_only_the_lips_own_sounds_are_contacts() -> None:
    contacts = LipClosures()
    contacts.add([Phoneme("t", 0, 0.1), Phoneme("a", 0.1, 0.2), Phoneme("fʲ", 0.4, 0.5), Phoneme("pʰ", 0.8, 0.9)], 0.0)
    assert contacts.during(0.05, 0.15).tolist() == [0, 0]
    assert contacts.during(0.44, 0.46).tolist() == [0, 1]
    assert contacts.during(0.82, 0.84).tolist() == [1, 0]
