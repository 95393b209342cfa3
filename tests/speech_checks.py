"""What holds for everything that is spoken."""

import numpy as np

from lipsync_core.speech import Speech, speak

CEILING = 0.9  # of full scale


def spoken(text: str, **choices) -> list[Speech]:
    """What `speak` gives for a text, after checking what must hold for any text."""
    speeches = list(speak(text, **choices))
    end = 0
    for speech in speeches:
        first, last = speech.span
        assert first >= end
        assert not text[end:first].strip(), f"{text[end:first]!r} was dropped"
        assert speech.text == text[first:last]
        end = last
        check_sound(speech)
    assert not text[end:].strip(), f"{text[end:]!r} was dropped"
    assert not speeches[-1].joined
    return speeches


def check_sound(speech: Speech) -> None:
    samples = speech.samples
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.isfinite(samples).all()
    assert 0.05 < np.abs(samples).max() < CEILING, speech.text
    assert speech.phonemes, f"nothing was said for {speech.text!r}"
    at = 0.0
    for phoneme in speech.phonemes:
        assert at - 1e-6 <= phoneme.start < phoneme.end <= speech.duration + 1e-6
        at = phoneme.end
    at = 0.0
    for word in speech.words:
        assert at - 1e-6 <= word.start <= word.end <= speech.duration + 1e-6
        assert word.text in speech.text
        at = word.end


def phonemes(speeches: list[Speech]) -> str:
    return "".join(phoneme.symbol for speech in speeches for phoneme in speech.phonemes)


def words(speeches: list[Speech]) -> list[str]:
    return [word.text for speech in speeches for word in speech.words]


def sound(speeches: list[Speech]) -> np.ndarray:
    return np.concatenate([speech.samples for speech in speeches])


def assert_no_clicks(speeches: list[Speech]) -> None:
    """Where one Speech follows another, the sound jumps no further than it does within 5 ms around."""
    samples, rate = sound(speeches), speeches[0].sample_rate
    reach = round(0.005 * rate)
    steps = np.abs(np.diff(samples))
    for end in np.cumsum([len(speech.samples) for speech in speeches])[:-1]:
        before, after = steps[max(0, end - 1 - reach) : end - 1], steps[end : end + reach]
        assert steps[end - 1] <= max(before.max(initial=0), after.max(initial=0), 0.001), end / rate
