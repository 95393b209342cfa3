"""Kokoro: what it is given to read, real speech with times, and one sentence where it cannot be."""

import threading
import time

import numpy as np
import pytest

from lipsync_core import checkpoints
from lipsync_core.audio.loudness import TARGET, measure
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import find_voice, speak, voices, warm_up
from lipsync_core.speech.engines.kokoro.phonemizer import KokoroPhonemizer
from tests.speech_checks import assert_no_clicks, phonemes, spoken, words

HEART = "kokoro:af_heart"
# As misaki, the reader that the network was trained with, writes them.
READ = [
    ("en-US", "Hello there!", "həlˈO ðˈɛɹ!"),
    ("en-US", "The boy's cow jumps, maybe.", "ðə bˈYz kˈW ʤˈʌmps, mˈAbi."),
    ("en-GB", "No girl here?", "nˈQ ɡˈɜːl hˈɪə?"),
    ("it", "Ciao, pizza.", "ʧˈao, pˈiʦːa."),
    ("es", "¿Qué tal?", "kˈe tˈal?"),
    ("zh", "你好，天气。", "ni↓xau↓, tʰjɛ→n ʨʰi↘."),
]


@pytest.fixture(scope="module")
def kokoro() -> None:
    """The network and its voices, downloaded where they are not there yet."""
    for name in ("kokoro", "kokoro_voices"):
        try:
            checkpoints.fetch(name)
        except LipsyncError as error:
            pytest.skip(str(error))


def written(language: str, text: str) -> str:
    """The symbols of a text."""
    from lipsync_core.speech.engines.kokoro.phonemizer import _NUMBERS

    symbol_of = {number: symbol for symbol, number in _NUMBERS.items()}
    return "".join(symbol_of[number] for symbol in KokoroPhonemizer(language).read(text) for number in symbol.numbers)


@pytest.mark.parametrize(("language", "text", "symbols"), READ)
def test_a_text_is_written_in_the_symbols_that_the_network_knows(language: str, text: str, symbols: str) -> None:
    assert written(language, text) == symbols


def test_without_its_files_it_is_listed_with_how_to_get_them(limits, tmp_path) -> None:
    limits(checkpoints_dir=tmp_path)
    listed = [voice for voice in voices() if voice.engine == "kokoro"]
    assert len(listed) == 54
    size = sum(checkpoints.manifest()[name].download_bytes for name in ("kokoro", "kokoro_voices"))
    assert all(f"({size / 1e6:.0f} MB)" in voice.how_to_get for voice in listed)
    assert len({voice.language.split("-")[0] for voice in listed}) == 8
    assert not any(voice.ready for voice in listed)
    with pytest.raises(LipsyncError, match=r"not ready: .*python -m lipsync_core fetch kokoro"):
        speak("Hello", voice="heart")


def test_files_that_are_something_else_are_refused_in_one_sentence(limits, tmp_path) -> None:
    limits(checkpoints_dir=tmp_path)
    (tmp_path / "kokoro" / "voices").mkdir(parents=True)
    (tmp_path / "kokoro" / "kokoro-int8.onnx").write_bytes(b"no network")
    (tmp_path / "kokoro" / "voices" / "af_heart.bin").write_bytes(b"no voice")
    with pytest.raises(LipsyncError, match=r"kokoro-int8.onnx is not the Kokoro network"):
        list(speak("Hello", voice=HEART))


@pytest.mark.slow
def test_it_speaks_english_and_tells_when(kokoro: None) -> None:
    text = "I see a shoe, father. It is here!"
    speeches = spoken(text, voice=HEART)
    assert words(speeches) == ["I", "see", "a", "shoe", "father", "It", "is", "here"]
    assert phonemes(speeches[:1]) == "aɪsiɐʃufɑðɚ"
    first = speeches[0]
    assert 1.0 < first.duration < 4.0
    for speech in speeches:
        assert measure(speech.samples, speech.sample_rate) == pytest.approx(TARGET, abs=1.0)

    def brightness(start: float, end: float) -> float:
        """Mean frequency in Hz."""
        part = first.samples[round(start * first.sample_rate) : round(end * first.sample_rate)]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        return float(power @ np.fft.rfftfreq(len(part), 1 / first.sample_rate) / power.sum())

    times = {phoneme.symbol: (phoneme.start, phoneme.end) for phoneme in first.phonemes}
    assert brightness(*times["s"]) > 4 * brightness(*times["ɑ"])
    assert brightness(*times["ʃ"]) > 3 * brightness(*times["ɑ"])
    assert spoken(text, voice=HEART)[0].samples.tobytes() == first.samples.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("kokoro:bm_george", "Good day."),
        ("kokoro:ef_dora", "Hola, amigo."),
        ("kokoro:ff_siwis", "Bonjour à tous."),
        ("kokoro:hf_alpha", "नमस्ते दुनिया।"),
        ("kokoro:if_sara", "Ciao a tutti."),
        ("kokoro:jf_alpha", "こんにちは。"),
        ("kokoro:pm_alex", "Olá, gente."),
        ("kokoro:zf_xiaoxiao", "你好，世界。"),
    ],
)
def test_it_speaks_each_of_its_languages(kokoro: None, voice: str, text: str) -> None:
    speeches = spoken(text, voice=voice)
    assert 0.5 < sum(speech.duration for speech in speeches) < 5
    assert "".join(words(speeches)).replace(" ", "").startswith(text[:2])


@pytest.mark.slow
def test_more_symbols_than_it_takes_are_spoken_in_parts_without_a_click(kokoro: None) -> None:
    number = "999999999999999"
    speeches = spoken(f"{number} {number} {number} {number}", voice=HEART, speed=2.0)
    assert sum(speech.duration for speech in speeches) > 12  # nothing was left out
    assert_no_clicks(speeches)


@pytest.mark.slow
def test_it_stops_at_once(kokoro: None) -> None:
    warm_up(HEART)
    stream = speak("This is a sentence that takes a second or two until it has been made. " * 3, voice=HEART)
    ended: list[float] = []

    def listen() -> None:
        for _ in stream:
            pass
        ended.append(time.perf_counter())

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join(0.4)
    closed = time.perf_counter()
    stream.close()
    thread.join(10)
    assert ended[0] - closed < 0.3
    assert find_voice(HEART).ready
