"""eSpeak NG as a phonemizer of Coqui's, from the library that is loaded already."""

import re
from typing import Any

from lipsync_core.speech.engines.base import get_engine
from lipsync_core.speech.engines.espeak.engine import ESpeak

_SWITCH = re.compile(r"\(.+?\)")
_OTHER_NAMES = {"en": "en-us", "zh-cn": "cmn"}  # of languages, as Coqui's own phonemizer changes them


def coqui_phonemizer(base: type) -> type:
    """A class after Coqui's BasePhonemizer, which is imported only where it is used."""

    class Phonemizer(base):
        def __init__(self, language: str, **options: Any) -> None:
            options.pop("backend", None)
            super().__init__(_OTHER_NAMES.get(language, language), **options)

        @staticmethod
        def name() -> str:
            return "espeak"

        @classmethod
        def is_available(cls) -> bool:
            return True

        def version(self) -> str:
            return "1.52"

        @staticmethod
        def supported_languages() -> dict[str, str]:
            return {**_voices(), "en": "English"}

        def _phonemize(self, text: str, separator: str = "") -> str:
            espeak = get_engine("espeak")
            assert isinstance(espeak, ESpeak)
            voice = espeak.find_language(self._language)
            return _SWITCH.sub("", espeak.phonemes(text, voice))

    return Phonemizer


def _voices() -> dict[str, str]:
    return {voice.name_in_engine: voice.name for voice in get_engine("espeak").voices() if "+" not in voice.id}
