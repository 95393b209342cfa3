"""Text to Speech, sentence by sentence."""

import math
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from lipsync_core.audio.loudness import gain, measure
from lipsync_core.cancel import CancelToken, OperationCancelled
from lipsync_core.errors import LimitExceeded, LipsyncError, Message
from lipsync_core.settings import settings
from lipsync_core.speech.assembly import PASSAGE_PAUSE, SpeechBuilder, trimmed
from lipsync_core.speech.catalogue import companion, default_voice, find_voice, spoken_code
from lipsync_core.speech.engines.base import Utterance
from lipsync_core.speech.engines.registry import get_engine
from lipsync_core.speech.speech import Speech
from lipsync_core.speech.text.language_identification import guess_language
from lipsync_core.speech.text.languages import NAMING_LANGUAGE, known_languages, shorten
from lipsync_core.speech.text.normalization import Passage, named, passages
from lipsync_core.speech.text.segmentation import Piece, speakable, split
from lipsync_core.speech.voice import Voice

SLOWEST, FASTEST = 0.5, 2.0  # times the normal speed


class SpeechStream(Generator[Speech, None, None]):
    """An iterator of Speech. Nothing is synthesised before it is asked for.

    `close` may be called from any thread; a thread that waits for the next Speech then gets StopIteration within
    0.1 s, also in the middle of a synthesis.
    """

    def __init__(self, text: str, voice: Voice, speed: float) -> None:
        self.voice = voice
        self._cancel = CancelToken()
        self._speeches = _speeches(text, voice, speed, self._cancel)

    def send(self, value: None = None) -> Speech:
        """The next Speech."""
        try:
            self._cancel.check()
            return next(self._speeches)
        except OperationCancelled:
            self.close()
            raise StopIteration from None

    def throw(self, kind: Any, value: Any = None, trace: TracebackType | None = None) -> Speech:
        """Close, and raise."""
        self.close()
        raise value if value is not None else kind

    def close(self) -> None:
        """End it; what it holds, such as the network of the voice, is free at once, or when the current Speech ends."""
        self._cancel.cancel()
        with suppress(ValueError):  # another thread waits in it for the next Speech, and is told
            self._speeches.close()


def speak(text: str, language: str | None = None, voice: str | Voice | None = None, speed: float = 1.0) -> SpeechStream:
    """Speak a text.

    text: plain; any language, script, symbols and emoji. language: a BCP-47 code ("pt-BR") or a name ("Russian");
        by default that of the voice, or else a guess by the script of the text, English for Latin letters.
    voice: an id ("piper:en_US-joe-medium", "espeak:ru+f3"), a short name ("joe") or a Voice, by default the best
        that is ready for the language. speed: 0.5 to 2 times the normal one.

    Yields one Speech a sentence: float32 mono at the voice's rate, equally loud, ending in its pause. A long first
    sentence comes in clauses, and the first sentence of a slower voice in parts that are `joined`, so that the
    first sound is early. Their spans cover every character of the text but white space.
    Raises LipsyncError, at the call, for text without anything to speak or longer than LIPSYNC_MAX_TEXT_CHARS, for a
    language, voice or speed that there is not, and for a voice that is not ready.
    """
    if not isinstance(text, str):
        raise LipsyncError("A text of type {kind} cannot be spoken; give a str.", kind=type(text).__name__)
    limit = settings().max_text_chars
    if len(text) > limit:
        raise LimitExceeded(
            'The text "{text}" has {length} characters; up to {limit} are spoken, so cut it into '
            "parts (or raise LIPSYNC_MAX_TEXT_CHARS).",
            text=shorten(text, 30),
            length=len(text),
            limit=limit,
        )
    if not speakable(text):
        if not text.strip():
            raise LipsyncError("The text is empty and has nothing to speak; give at least one letter, digit or symbol.")
        raise LipsyncError(
            'The text "{text}" has nothing to speak; give at least one letter, digit or symbol.', text=shorten(text)
        )
    return SpeechStream(text, choose_voice(text, language, voice), _speed(speed))


def choose_voice(text: str, language: str | None = None, voice: str | Voice | None = None) -> Voice:
    """The voice that `speak` takes for these arguments. Raises LipsyncError as it does."""
    if voice is None:
        return default_voice(language if language is not None else guess_language(text))
    chosen = find_voice(voice)
    if language is not None:
        code = spoken_code(language)
        if code.split("-")[0] != chosen.language.split("-")[0]:
            raise LipsyncError(
                "The voice {voice} speaks {spoken}, not {wanted}; leave the voice out, or choose {default}.",
                voice=chosen.id,
                spoken=Message(chosen.language_name),
                wanted=Message(known_languages()[code].name),
                default=default_voice(code).id,
            )
    return chosen


def warm_up(voice: str | Voice | None = None) -> None:
    """Load what the first Speech of a voice needs; by default, of the default English one. Raises LipsyncError."""
    chosen = find_voice(voice) if voice is not None else default_voice(NAMING_LANGUAGE)
    get_engine(chosen.engine).warm_up(chosen)


def _speed(speed: float) -> float:
    if isinstance(speed, bool) or not isinstance(speed, int | float | np.number) or not math.isfinite(speed):
        raise LipsyncError(
            "The speed {speed!r} is no number; give one from {slowest} to {fastest:g}.",
            speed=speed,
            slowest=SLOWEST,
            fastest=FASTEST,
        )
    if not SLOWEST <= speed <= FASTEST:
        raise LipsyncError(
            "The speed {speed:g} is out of range; give one from {slowest} to {fastest:g}.",
            speed=speed,
            slowest=SLOWEST,
            fastest=FASTEST,
        )
    return float(speed)


@dataclass(frozen=True)
class _Part:
    """What a voice made of a passage, or a part of it, and the factor that makes it as loud as all others."""

    passage: Passage
    utterance: Utterance
    gain: float


def _speeches(text: str, voice: Voice, speed: float, cancel: CancelToken) -> Generator[Speech, None, None]:
    with get_engine(voice.engine).loaded(voice, cancel):  # throughout, so that no other voice takes its place
        for number, piece in enumerate(split(text)):
            yield from _piece(text, piece, voice, speed, cancel, early=number == 0)


def _piece(text: str, piece: Piece, voice: Voice, speed: float, cancel: CancelToken, early: bool) -> Iterator[Speech]:
    """A sentence or clause; its end is that of the piece, whatever it is read as."""
    written = text[piece.start : piece.end]
    engine = get_engine(voice.engine)
    scripts = known_languages()[voice.language].scripts
    read = passages(written, scripts, voice.language, lambda symbol: engine.reads(symbol, voice))
    sound, begin = SpeechBuilder(voice.sample_rate), 0

    def speech(end: int, joined: bool) -> Speech:
        span = piece.start + begin, piece.start + end
        samples = np.concatenate(sound.samples) if sound.samples else np.zeros(0, np.float32)
        return Speech(
            samples, sound.rate, text[slice(*span)], span, tuple(sound.phonemes), tuple(sound.words), voice.id, joined
        )

    for number, passage in enumerate(read):
        if number:
            sound.add_silence(PASSAGE_PAUSE)
        for part in _parts(passage, voice, speed, cancel, early and len(read) == 1):
            sound.add(part.utterance, part.gain, written, part.passage.sources)
            if part.utterance.joined and part.passage.parts_at(part.utterance.text_end):
                end = _before(written, part.passage.sources[part.utterance.text_end][0])
                yield speech(end, joined=True)
                sound, begin = SpeechBuilder(voice.sample_rate), _after(written, end)
    sound.add_silence(piece.pause / speed)
    yield speech(len(written), joined=False)


def _parts(
    passage: Passage, voice: Voice, speed: float, cancel: CancelToken, early: bool, spelled: bool = False
) -> Iterator[_Part]:
    """What the passage's voice says; where it is silent, the names of the characters, spelled."""
    reader = voice if passage.language is None else companion(voice, passage.language)
    factor, heard = 1.0, False
    for part in get_engine(reader.engine).synthesize(passage.text, reader, speed, cancel, early):
        if not (part.phonemes if part.timed else part.samples.any()):
            continue
        trimmed_part = trimmed(part, start=not heard, end=not part.joined)
        if not heard:  # the parts of a sentence are turned up alike
            known = part.loudness
            factor = gain(measure(trimmed_part.samples, part.sample_rate) if known is None else known)
        heard = True
        yield _Part(passage, trimmed_part, factor)
    if not heard and not spelled:
        yield from _parts(named(passage), voice, speed, cancel, early=False, spelled=True)


def _before(text: str, end: int) -> int:
    """`end` without the white space before it."""
    return len(text[:end].rstrip())


def _after(text: str, start: int) -> int:
    """`start` with the white space after it passed over."""
    return len(text) - len(text[start:].lstrip())
