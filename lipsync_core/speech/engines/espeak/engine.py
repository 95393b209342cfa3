"""eSpeak NG, from the espeakng-loader wheel: about 130 languages in a robotic voice, at once, with exact times.

https://github.com/espeak-ng/espeak-ng, version 1.52, GPL-3.0-or-later. Phoneme and word times come from its events.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import ClassVar

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Message
from lipsync_core.speech.engines.base import Benchmark, Engine, Utterance
from lipsync_core.speech.engines.espeak.library import EVENT_PHONEME, EVENT_WORD, RATE, Variant, espeak_library
from lipsync_core.speech.engines.registry import get_engine
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.text.languages import known_languages
from lipsync_core.speech.timing.phonemes import segments
from lipsync_core.speech.timing.words import words_from_marks
from lipsync_core.speech.voice import Voice

WORDS_PER_MINUTE = 165  # at speed 1; eSpeak itself starts at 175
SLOWEST, FASTEST = 80, 450  # words a minute that eSpeak can do
FEMALE = "f3"  # the variant that is listed as the female voice of each language
INNER_SHARE, INNER_SECONDS = 0.4, 0.08  # of a vowel: the l or r in it, at most

LICENCE = Message("GPL-3.0-or-later (eSpeak NG, a separate package)")

# Names of eSpeak's voice files whose language tag needs more than putting its letters in the usual case.
_TAGS = {
    "en": "en-GB", "en-gb-x-rp": "en-GB-x-rp", "pt": "pt-PT", "cmn": "zh", "cmn-latn-pinyin": "zh-Latn",
    "yue-latn-jyutping": "yue-Latn", "ca-ba": "ca-x-balear", "ca-nw": "ca-x-nw", "ca-va": "ca-valencia",
    "en-us-nyc": "en-US-x-nyc", "piqd": "tlh", "py": "art-x-pyash", "ru-cl": "ru-x-classic",
    "vi-vn-x-central": "vi-x-central", "vi-vn-x-south": "vi-x-south",
}  # fmt: skip


def _tag(name: str) -> str:
    """BCP-47 code of a voice file: en-us -> en-US, fa-latn -> fa-Latn."""
    if name in _TAGS:
        return _TAGS[name]
    first, *rest = name.split("-")
    return "-".join(
        [first, *(part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)]
    )


class ESpeak(Engine):
    """Speaks any of its languages in about a hundred variants of voice."""

    name = "espeak"
    title = "eSpeak NG"
    quality = 10
    fast = True
    packages: ClassVar = {"espeakng_loader": "espeakng-loader"}
    benchmark = Benchmark("espeak:en-us", realtime=2.5, first_frame_ms=100)

    def __init__(self) -> None:
        self._reads = lru_cache(maxsize=8192)(self._has_phonemes)

    @cache  # noqa: B019 one instance lives as long as the process
    def _identifiers(self) -> dict[str, str]:
        """eSpeak's identifier of each voice name: "ru" -> "zle/ru"."""
        library = espeak_library()
        with library.lock:
            found = {identifier.rpartition("/")[2].lower(): identifier for identifier in library.list_voices()}
        return {"en-gb" if name == "en" else name: identifier for name, identifier in found.items()}

    @cache  # noqa: B019
    def _variants(self) -> dict[str, Variant]:
        return {variant.name.lower(): variant for variant in espeak_library().list_variants()}

    def voices(self) -> list[Voice]:
        """For each language its plain voice, which is male, and a female one."""
        try:
            return self._ready_voices()
        except LipsyncError as error:
            tags = {tag: name for name, tag in _TAGS.items()}
            names = [tags.get(code, code.lower()) for code in known_languages()]
            names = ["en-gb" if name == "en" else name for name in names]
            female = Variant(FEMALE, "female")
            return [self._voice(name, variant, error.message) for name in names for variant in (None, female)]

    @cache  # noqa: B019
    def _ready_voices(self) -> list[Voice]:
        female = self._variants()[FEMALE]
        return [self._voice(name, variant) for name in self._identifiers() for variant in (None, female)]

    def _voice(self, name: str, variant: Variant | None, how_to_get: str = "") -> Voice:
        tag = _tag(name)
        language = known_languages().get(tag)
        title = language.name if language else tag
        if variant is not None:
            title += f", {'female' if variant.name == FEMALE else variant.name}"
        gender = variant.gender if variant else "male"
        return self.voice(
            f"{name}+{variant.name}" if variant else name,
            tag,
            how_to_get=how_to_get,
            name=title,
            sample_rate=RATE,
            licence=LICENCE,
            gender=gender,
            age=variant.age if variant else None,
            aliases=(f"{name}+{gender}",) if variant is None or variant.name == FEMALE else (),
        )

    def find(self, name: str) -> Voice | None:
        """A voice in any variant: "ru+m7", "en-us+whisper"."""
        base, plus, variant = name.lower().partition("+")
        if not plus or base not in self._identifiers() or variant not in self._variants():
            return None
        return self._voice(base, self._variants()[variant])

    def _identifier(self, voice: Voice) -> str:
        base, _, variant = voice.name_in_engine.partition("+")
        identifiers = self._identifiers()
        if base not in identifiers or (variant and variant.lower() not in self._variants()):
            raise LipsyncError(
                'eSpeak NG has no voice "{voice}"; `python -m lipsync_core voices` lists all.', voice=voice.id
            )
        return identifiers[base] + (f"+{self._variants()[variant.lower()].name}" if variant else "")

    def reads(self, symbol: str, voice: Voice) -> bool:
        """Whether the voice's language has a name for the symbol."""
        return self._reads(symbol, self._identifier(voice).partition("+")[0])

    def _has_phonemes(self, symbol: str, identifier: str) -> bool:
        library = espeak_library()
        with library.lock:
            library.set_voice(identifier)
            return any(segments(part) for part in library.phonemes(symbol).split())

    def find_language(self, name: str) -> Voice:
        """The plain voice of a language, by eSpeak's name ("pt-br") or its code. Raises LipsyncError."""
        for voice in self.voices():
            if name.lower() in (voice.name_in_engine, voice.language.lower()):
                return voice
        if name.lower() == "en":
            return self.find_language("en-us")
        raise LipsyncError('eSpeak NG has no language "{name}"; `python -m lipsync_core voices` lists all.', name=name)

    def phonemes(self, text: str, voice: Voice, tie: str = "", between: str = "") -> str:
        """How the voice says a text, as ESpeakLibrary.phonemes gives it; for engines that have no phonemes."""
        identifier = self._identifier(voice)
        library = espeak_library()
        with library.lock:
            library.set_voice(identifier)
            return library.phonemes(text, tie, between)

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak in one Utterance, which takes milliseconds; the samples are those of eSpeak, its pauses included."""
        cancel.check()
        identifier = self._identifier(voice)
        library = espeak_library()
        with library.lock:
            library.set_voice(identifier)
            samples, events = library.synthesize(
                text, round(np.clip(WORDS_PER_MINUTE * speed, SLOWEST, FASTEST)), cancel
            )
        length = len(samples) / RATE
        phonemes: list[Phoneme] = []
        marks: list[tuple[int, float]] = []
        stops = [*[sample for kind, _, sample, _ in events if kind == EVENT_PHONEME][1:], len(samples)]
        at = 0
        for kind, position, sample, name in events:
            start = min(sample / RATE, length)
            if kind == EVENT_WORD:
                marks.append((position, start))
                continue
            end = min(max(stops[at] / RATE, start), length)
            at += 1
            _append(phonemes, name, start, end)
        words = words_from_marks(text, marks, phonemes)
        yield Utterance(samples.astype(np.float32) / 32768, RATE, tuple(phonemes), words, len(text))


def espeak() -> ESpeak:
    """The one instance, for engines that have no phonemes of their own."""
    engine = get_engine(ESpeak.name)
    assert isinstance(engine, ESpeak)
    return engine


def _append(phonemes: list[Phoneme], name: str, start: float, end: float) -> None:
    """Add the segments of one event, sharing its time; a modifier that stands alone joins the segment before."""
    named = segments(name)
    if named and end <= start and phonemes and phonemes[-1].end == start:
        # An l or r that eSpeak makes within its vowel has no time of its own: the end of the vowel is that.
        vowel = phonemes.pop()
        start = max(vowel.start + (1 - INNER_SHARE) * (end - vowel.start), end - INNER_SECONDS)
        phonemes.append(Phoneme(vowel.symbol, vowel.start, start))
    at = start
    for symbol, share in named:
        until = at + (end - start) * share
        if symbol[0] in "ʲʰʷˠˤ˞ⁿ" or not symbol[0].isalpha():
            if phonemes:
                last = phonemes.pop()
                phonemes.append(Phoneme(last.symbol + symbol, last.start, max(last.end, until)))
        elif until > at:
            phonemes.append(Phoneme(symbol, at, until))
        at = until
