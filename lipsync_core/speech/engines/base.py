"""What a speech engine is: how it describes itself, and what it makes of a text."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lipsync_core import checkpoints
from lipsync_core.cancel import CancelToken
from lipsync_core.errors import Message
from lipsync_core.installation import DISTRIBUTION, extras
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.text.languages import known_languages
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
    phonemes: one IPA segment each (see timing/phonemes.py), in order of time. words: in order of time.
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


@dataclass(frozen=True)
class Benchmark:
    """What `bench` measures with an engine, on two cores of a usual machine.

    voice: id. realtime: times as fast as it plays that a text should become an MP4. first_frame_ms: until the first
    frame of a text, when all is loaded.
    """

    voice: str
    realtime: float
    first_frame_ms: float


class Engine(ABC):
    """Speaks plain text. Made once, without arguments, on first use, then called from any thread.

    A text is at most a long sentence: letters that the voice's language is written in or Latin ones, ASCII digits,
    punctuation, and such symbols as `reads` says yes to.
    """

    name: ClassVar[str]  # starts the ids of its voices
    title: ClassVar[str]  # for people
    # From 0 to 100, how good it sounds: of the voices of a language that are fast enough, that of the highest is the
    # default. Those of this package: 10 for a robot, 60 to 80 for neural voices.
    quality: ClassVar[int]
    # Whether it keeps ahead of playback on any machine that draws faces. Others are measured by `doctor` first.
    fast: ClassVar[bool] = False
    # The modules that it imports, and the packages that bring them; whoever leaves one out has the other engines still.
    packages: ClassVar[Mapping[str, str]] = {}
    benchmark: ClassVar[Benchmark | None] = None
    # Of an engine that can imitate a recording: ids of such voices, without its own name, with gaps for the code of a
    # `language` and the `name` of the cloned voice.
    imitation: ClassVar[str] = ""

    @abstractmethod
    def voices(self) -> list[Voice]:
        """All voices, those that are not ready too; must not load models. Kept until `watched` changes."""

    @abstractmethod
    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak, in one Utterance; or, where that gives the first sound earlier and `early` is set, in several.

        speed: 1 is normal, 2 twice as fast. cancel: ends the synthesis within 0.1 s, with OperationCancelled.
        Raises LipsyncError where the engine cannot.
        """

    @classmethod
    def voice(cls, name_in_engine: str, language: str, *, how_to_get: str = "", **facts: Any) -> Voice:
        """A voice by its name in the engine and its language, a BCP-47 code; `facts` are those of Voice."""
        known = known_languages().get(language)
        names = (known.name, known.native_name) if known else (language, language)
        return Voice(
            id=f"{cls.name}:{name_in_engine}",
            language=language,
            language_name=names[0],
            native_language_name=names[1],
            ready=not how_to_get,
            how_to_get=how_to_get,
            **facts,
        )

    def watched(self) -> Sequence[Path]:
        """Folders and files by whose contents voices come and go, two levels deep."""
        return ()

    def find(self, name: str) -> Voice | None:
        """A voice that is too special to be listed, by its id without the engine's name, or None."""
        return None

    def fetch(self, voice: Voice, progress: checkpoints.Progress | None = None) -> None:
        """Download what the voice lacks. Raises LipsyncError."""
        for entry in voice.checkpoints:
            checkpoints.fetch(entry, progress)

    def loaded(self, voice: Voice, cancel: CancelToken) -> AbstractContextManager[object]:
        """A block in which what the voice needs is loaded. `cancel` ends the wait for it, with OperationCancelled."""
        return nullcontext()

    def reads(self, symbol: str, voice: Voice) -> bool:
        """Whether the voice has a reading for a symbol such as "€" or an emoji."""
        return False

    def warm_up(self, voice: Voice) -> None:
        """Load, and do once what only the first `synthesize` does."""
        for _ in self.synthesize("One.", voice, 1.0, CancelToken(), early=True):
            pass

    def speed_group(self, voice: Voice) -> str:
        """A name that the voices share which are equally fast, such as those of one network."""
        return self.name

    def import_fault(self) -> str:
        """One sentence on why what is installed cannot be imported, "" where it can; may take seconds."""
        return ""

    def lacking(self) -> list[str]:
        """Packages that are not installed; imports nothing."""
        return [package for module, package in self.packages.items() if find_spec(module) is None]

    def how_to_install(self) -> str:
        """What to do about `lacking`, in one sentence; empty where nothing is."""
        if not (lacking := self.lacking()):
            return ""
        if self.name in extras():
            lacking = [f"'{DISTRIBUTION}[{self.name}]'"]
        return Message("Install it: python -m pip install {packages: }.", packages=lacking)
