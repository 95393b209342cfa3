"""The synthetic voices that speak for training, with the times of what they say."""

import random
from functools import lru_cache

import numpy as np

from lipsync_core.audio.mel import RATE
from lipsync_core.speech import Phoneme, speak
from lipsync_core.speech import voices as all_voices

ESPEAK, PIPER = "espeak", "piper"
NEURAL_SHARE = 0.5  # of what is said in a language that a neural voice speaks: real prosody counts most
# eSpeak's languages for those of training.sentences, and its timbres
ACCENTS = {"en": ("en-us", "en-gb", "en-gb-x-rp"), "pt": ("pt", "pt-br"), "es": ("es", "es-419")}
TIMBRES = ("", "m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3", "f5", "klatt", "klatt2", "klatt3", "croak")
HELD_OUT_TIMBRES = ("m5", "f4")


@lru_cache(maxsize=1)
def neural() -> dict[str, list[str]]:
    """Piper voices that are ready here, by language."""
    found: dict[str, list[str]] = {}
    for voice in all_voices():
        if voice.ready and voice.engine == PIPER:
            found.setdefault(voice.language.split("-")[0], []).append(voice.id)
    return found


def choose(language: str, rng: random.Random, engine: str | None = None, timbres: tuple[str, ...] = TIMBRES) -> str:
    """The id of a voice that speaks `language`; of either engine where none is given."""
    engine = engine or (PIPER if language in neural() and rng.random() < NEURAL_SHARE else ESPEAK)
    if engine == PIPER:
        return rng.choice(neural()[language])
    timbre = rng.choice(timbres)
    return f"{ESPEAK}:{rng.choice(ACCENTS.get(language, (language,)))}" + (f"+{timbre}" if timbre else "")


def say(text: str, language: str, voice: str, speed: float) -> tuple[np.ndarray, tuple[Phoneme, ...]]:
    """-> (n,) float32 at 16 kHz and its phonemes, all sentences in one piece."""
    import soxr

    sounds, phonemes, start = [], [], 0.0
    for speech in speak(text, language=language, voice=voice, speed=speed):
        sounds.append(soxr.resample(speech.samples, speech.sample_rate, RATE).astype(np.float32))
        phonemes += [Phoneme(p.symbol, p.start + start, p.end + start) for p in speech.phonemes]
        start += len(sounds[-1]) / RATE
    return np.concatenate([np.zeros(0, np.float32), *sounds]), tuple(phonemes)
