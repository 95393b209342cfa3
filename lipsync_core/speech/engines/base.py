"""What a speech engine is, and where engines are registered by name."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.voice import Voice


@dataclass(frozen=True)
class SpokenWord:
    """A word of the text that an engine was given: text[first:last], `start` and `end` in seconds."""

    first: int
    last: int
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    """What an engine makes of a text, or of a part of it.

    samples: (n,) float32, mono, -1..1, at any loudness; silence around it is trimmed by the caller.
    phonemes: one IPA segment each (see ipa.py), in order of time. words: in order of time.
    text_end: the part of the text that ends here, in characters from the start of the text.
    joined: the next Utterance of the same text goes on without a gap.
    timed: whether the engine knows its phonemes; where it does, an Utterance without any is silent.
    loudness: LUFS by which it is to be turned up or down, where a part does not tell that of the whole; None where
        the samples do.
    """

    samples: np.ndarray
    sample_rate: int
    phonemes: tuple[Phoneme, ...]
    words: tuple[SpokenWord, ...]
    text_end: int
    joined: bool = False
    loudness: float | None = None
    timed: bool = True


class Engine(Protocol):
    """Speaks plain text. Made once, on first use, then called from any thread.

    The text is at most a long sentence: letters that the voice's language is written in or Latin ones, ASCII digits,
    punctuation, and such symbols as `reads` says yes to.
    """

    def voices(self) -> list[Voice]:
        """All voices, those that are not ready too; must not load models."""
        ...

    def find(self, name: str) -> Voice | None:
        """A voice that is too special to be listed, by its id without the engine's name, or None."""
        ...

    def load(self, voice: Voice, cancel: CancelToken) -> None:
        """Load what the voice needs, if it is not there yet. `cancel` ends the wait for it, with OperationCancelled."""
        ...

    def reads(self, symbol: str, voice: Voice) -> bool:
        """Whether the voice has a reading for a symbol such as "€" or an emoji."""
        ...

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak, in one Utterance; or, where that gives the first sound earlier and `early` is wished, in several.

        speed: 1 is normal, 2 twice as fast. cancel: ends the synthesis within 0.1 s, with OperationCancelled.
        Raises LipsyncError where the engine cannot.
        """
        ...

    def warm_up(self, voice: Voice) -> None:
        """Load, and do once what only the first `synthesize` does."""
        ...


_classes: dict[str, Callable[[], Engine]] = {}
_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def register(name: str) -> Callable[[type], type]:
    """Class decorator that makes an engine known as `name`, which starts the ids of its voices."""

    def add(cls: type) -> type:
        _classes[name] = cls
        return cls

    return add


def engine_names() -> list[str]:
    """Names of all engines, in the order of registration."""
    return list(_classes)


def get_engine(name: str) -> Engine:
    """The one instance of the engine `name`. Raises LipsyncError where there is no such engine."""
    if name not in _classes:
        raise LipsyncError(
            'There is no speech engine "{name}"; choose one of {names}.', name=name, names=tuple(_classes)
        )
    with _lock:
        if name not in _engines:
            _engines[name] = _classes[name]()
        return _engines[name]
