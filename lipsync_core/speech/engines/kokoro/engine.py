"""Kokoro 82M: neural speech in eight languages on a CPU, with the times of its phonemes.

https://huggingface.co/hexgrad/Kokoro-82M, Apache-2.0. The network is the int8 ONNX file of kokoro-onnx, the 54 voices
are a file each. eSpeak NG makes the phonemes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import Message
from lipsync_core.settings import settings
from lipsync_core.speech.assembly import trimmed
from lipsync_core.speech.engines.base import Engine, Utterance
from lipsync_core.speech.engines.kokoro.model import MOST, RATE, KokoroModel, read_style
from lipsync_core.speech.engines.kokoro.phonemizer import KokoroPhonemizer, Symbol
from lipsync_core.speech.engines.model_cache import MODELS
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.timing.phonemes import segments, timed_phonemes, timed_words
from lipsync_core.speech.voice import Voice

FOLDER = "kokoro"  # in the checkpoints folder
NETWORK = "kokoro-int8.onnx"
BREATH = 0.11  # seconds; a space takes up to four frames in which the mouth goes on
HOW_TO_GET = Message("Run `python -m lipsync_core fetch kokoro kokoro_voices` (90 MB).")
LICENCE = Message("Apache-2.0 (Kokoro); GPL-3.0-or-later (eSpeak NG, a separate package, makes its phonemes)")

# The best of each language first, by the grades of their author.
_VOICES = {
    "en-US": "af_heart af_bella af_nicole am_michael am_fenrir am_puck af_aoede af_kore af_sarah af_alloy af_nova "
    "af_sky am_echo am_eric am_liam am_onyx af_jessica af_river am_adam am_santa",
    "en-GB": "bf_emma bf_isabella bm_george bm_fable bm_lewis bm_daniel bf_alice bf_lily",
    "es": "ef_dora em_alex em_santa",
    "fr": "ff_siwis",
    "hi": "hf_alpha hf_beta hm_omega hm_psi",
    "it": "if_sara im_nicola",
    "ja": "jf_alpha jf_gongitsune jf_tebukuro jf_nezumi jm_kumo",
    "pt-BR": "pf_dora pm_alex pm_santa",
    "zh": "zf_xiaoxiao zf_xiaoni zf_xiaobei zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
}


class Kokoro(Engine):
    """Speaks the voices of Kokoro 82M v1.0."""

    name = "kokoro"
    title = "Kokoro"
    quality = 80
    packages: ClassVar = {"onnxruntime": "onnxruntime", "onnx": "onnx", "espeakng_loader": "espeakng-loader"}

    def __init__(self) -> None:
        self._phonemizer = cache(KokoroPhonemizer)
        self._style = lru_cache(maxsize=8)(read_style)

    def watched(self) -> list[Path]:
        """The folder of the network and its voices."""
        return [_folder()]

    def voices(self) -> list[Voice]:
        """All, the best of each language first."""
        install = self.how_to_install()
        network = _folder() / NETWORK
        return [
            _voice(name, language, install or ("" if network.is_file() and _style_file(name).is_file() else HOW_TO_GET))
            for language, names in _VOICES.items()
            for name in names.split()
        ]

    def loaded(self, voice: Voice, cancel: CancelToken) -> AbstractContextManager[KokoroModel]:
        """The network, which takes about half a second."""
        return MODELS.use(KokoroModel, _folder() / NETWORK, cancel)

    def reads(self, symbol: str, voice: Voice) -> bool:
        """Whether the phonemes' maker has a name for the symbol."""
        return self._phonemizer(voice.language).reads(symbol)

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak in one Utterance: the network normalises over the whole sound, so no part of it can come earlier."""
        style = self._style(_style_file(voice.name_in_engine))
        reader = self._phonemizer(voice.language)
        read = reader.read(text)
        sounds, phonemes, length = [], [], 0.0
        for part in _parts(read):
            if not any(segments(symbol.ipa) for symbol in part):
                continue
            with self.loaded(voice, cancel) as model:
                sound, bounds = model.speak(part, style, speed, cancel)
            said = timed_phonemes([symbol.ipa for symbol in part], bounds.tolist(), BREATH)
            utterance = Utterance(sound, RATE, tuple(said), (), len(text))
            if len(part) < len(read):  # parts stand side by side without the silence around them
                utterance = trimmed(utterance)
            sounds.append(utterance.samples)
            phonemes += [Phoneme(one.symbol, one.start + length, one.end + length) for one in utterance.phonemes]
            length += len(utterance.samples) / RATE
        phonemes = [phoneme for phoneme in phonemes if phoneme.end > phoneme.start]
        words = timed_words(text, phonemes, lambda word: [one.ipa for one in reader.read(word)], reader.marks(text))
        samples = np.concatenate(sounds) if sounds else np.zeros(0, np.float32)
        yield Utterance(samples, RATE, tuple(phonemes), tuple(words), len(text))


def _parts(read: list[Symbol]) -> Iterator[list[Symbol]]:
    """As many symbols at once as the network takes, cut at a space or a mark where there is one."""
    while read:
        numbers, end = 0, 0
        while end < len(read) and numbers + len(read[end].numbers) <= MOST:
            numbers += len(read[end].numbers)
            end += 1
        if end < len(read):
            gaps = [at for at in range(1, end) if not segments(read[at].ipa) and read[at].ipa not in ("ˈ", "ˌ", "ː")]
            end = gaps[-1] + 1 if gaps else end
        yield read[:end]
        read = read[end:]


def _folder() -> Path:
    return settings().checkpoints_dir / FOLDER


def _style_file(name: str) -> Path:
    return _folder() / "voices" / f"{name}.bin"


def _voice(name: str, code: str, how_to_get: str) -> Voice:
    person = name.partition("_")[2]
    return Kokoro.voice(
        name,
        code,
        how_to_get=how_to_get,
        name=person.title(),
        sample_rate=RATE,
        licence=LICENCE,
        gender="female" if name[1] == "f" else "male",
        neural=True,
        aliases=(person,),
        checkpoints=("kokoro", "kokoro_voices"),
    )
