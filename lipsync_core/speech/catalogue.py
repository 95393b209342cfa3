"""Which voices and languages there are, and which voice is meant."""

import os
import threading
import time
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from lipsync_core.checkpoints import Progress, manifest
from lipsync_core.errors import LipsyncError, NotReady
from lipsync_core.settings import settings
from lipsync_core.speech.engines.registry import all_engines, engine_classes, get_engine
from lipsync_core.speech.engines.speed import is_prompt, keeps_ahead, when_measured
from lipsync_core.speech.text.languages import Language, known_languages, language_code, shorten
from lipsync_core.speech.voice import Voice

WATCHED_LEVELS = 2  # of folders below checkpoints


@dataclass(frozen=True)
class _Catalogue:
    """Everything that is asked about the voices, until a file or a setting on which they depend changes.

    made_of: what `_sources` gave. voices: the best of each language first. by_name: ids and short names in lower case.
    """

    made_of: tuple[Any, ...]
    voices: tuple[Voice, ...]
    by_id: dict[str, Voice]
    by_name: dict[str, Voice]
    spoken: frozenset[str]


_made: _Catalogue | None = None
_lock = threading.Lock()


def _catalogue() -> _Catalogue:
    global _made
    made = _made
    sources = _sources()
    if made is None or not _same(made.made_of, sources):
        with _lock:
            made = _made = _make(sources)
    return made


def _make(sources: tuple[Any, ...]) -> _Catalogue:
    listed = [voice for engine in all_engines() for voice in engine.voices()]
    listed.sort(key=_rank)  # stable: the engines' own order is kept within a rank
    by_name: dict[str, Voice] = {}
    for voice in listed:
        for known in (voice.id, *(f"{voice.engine}:{alias}" for alias in voice.aliases)):
            by_name.setdefault(known.lower(), voice)
            by_name.setdefault(known.lower().partition(":")[2], voice)
    return _Catalogue(
        sources,
        tuple(listed),
        {voice.id: voice for voice in listed},
        by_name,
        frozenset(voice.language for voice in listed),
    )


def _sources() -> tuple[Any, ...]:
    """What voices depend on: settings, the manifest, measured speeds, installed packages, and files."""
    engines = all_engines()
    files = tuple(_contents(path, WATCHED_LEVELS) for engine in engines for path in engine.watched())
    return settings(), manifest(), when_measured(), _lacking(int(time.monotonic())), files


@lru_cache(maxsize=1)
def _lacking(second: int) -> list[list[str]]:
    """Packages that are not installed, looked for once in each second, since that takes half a millisecond."""
    return [engine.lacking() for engine in all_engines()]


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return one[0] is other[0] and one[1] is other[1] and one[2:] == other[2:]


def _contents(folder: Path | str, levels: int) -> frozenset[tuple[Any, ...]]:
    """Names, sizes and times of what lies in a folder; empty where there is none."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat()
                below = _contents(entry.path, levels - 1) if levels > 1 and entry.is_dir() else None
                found.add((entry.name, status.st_mtime_ns, status.st_size, below))
    except OSError:
        pass
    return frozenset(found)


def _rank(voice: Voice) -> tuple[bool, int, int]:
    """Neural voices, those that begin soon first; robotic ones; what is too slow here or not for everybody's use."""
    if not voice.neural:
        tier = 2
    elif voice.commercial_use is False or (voice.ready and not keeps_ahead(voice)):
        tier = 3
    else:
        tier = 1 if voice.ready and not is_prompt(voice) else 0
    return not voice.ready, tier, -engine_classes()[voice.engine].quality


def voices(language: str | None = None) -> list[Voice]:
    """All voices, also those that are not ready, the best of each language first; loads no model.

    language: code or name; a code without a region ("pt") gives all regions. Raises LipsyncError where no voice
    speaks it.
    """
    made = _catalogue()
    if language is None:
        return list(made.voices)
    code = language_code(language, made.spoken)
    family = code.split("-")[0] if "-" not in language and "_" not in language else None
    exact = [voice for voice in made.voices if voice.language == code]
    return exact + [voice for voice in made.voices if voice.language != code and voice.language.split("-")[0] == family]


def languages() -> list[Language]:
    """Every language that some voice speaks, by English name."""
    spoken = _catalogue().spoken
    return sorted((entry for code, entry in known_languages().items() if code in spoken), key=lambda entry: entry.name)


def spoken_code(language: str) -> str:
    """The code of a language that some voice speaks. language: code or name. Raises LipsyncError where none does."""
    return language_code(language, _catalogue().spoken)


def default_voice(language: str) -> Voice:
    """The voice of a language: the best that is ready and fast enough on this machine, as far as is known.

    language: code or name. Raises LipsyncError where no voice speaks it, or none that is ready.
    """
    made = _catalogue()
    code = language_code(language, made.spoken)
    return _ready(next(voice for voice in made.voices if voice.language == code))


def find_voice(name: str | Voice) -> Voice:
    """The voice that is meant by an id ("robot:ru+f3"), or by what follows the engine in it ("ru+f3", "joe").

    Raises LipsyncError, naming close matches, where there is none or it is not ready.
    """
    return _ready(name if isinstance(name, Voice) else _meant(name))


def _meant(name: str) -> Voice:
    wanted = " ".join(name.split())
    made = _catalogue()
    found = made.by_id.get(wanted) or made.by_name.get(wanted.lower())
    if found is None:
        engine, colon, rest = wanted.partition(":")
        for candidate in all_engines():
            if found is None and (not colon or engine.lower() == candidate.name):
                found = candidate.find(rest if colon else wanted)
    if found is None:
        close = get_close_matches(wanted.lower(), made.by_name, n=3, cutoff=0.6)
        if close:
            meant = tuple(dict.fromkeys(made.by_name[match].id for match in close))
            raise LipsyncError(
                'There is no voice "{name}"; did you mean {close: or }?', name=shorten(name), close=meant
            )
        raise LipsyncError('There is no voice "{name}"; `python -m lipsync_core voices` lists all.', name=shorten(name))
    return found


def get_voice(name: str, progress: Progress | None = None) -> Voice:
    """The voice that is meant, after its files have been fetched where some are missing; that takes minutes.

    progress: as `checkpoints.fetch` takes it. Raises LipsyncError as `find_voice` and `fetch` do, which is also for a
    licence that has not been accepted.
    """
    voice = _meant(name)
    if not voice.ready:
        get_engine(voice.engine).fetch(voice, progress)
    return find_voice(name)


def companion(voice: Voice, language: str) -> Voice:
    """Who reads a passage in another language: a voice of the same engine and gender where there is one."""
    spoken = [other for other in _catalogue().voices if other.ready and other.language == language]
    if not spoken:
        return default_voice(language)
    return min(spoken, key=lambda other: (other.engine != voice.engine, other.gender != voice.gender))


def _ready(voice: Voice) -> Voice:
    if not voice.ready:
        brought = [name for name in voice.checkpoints if not manifest()[name].manual]
        raise NotReady(
            "The voice {voice} is not ready: {how:inner}.", voice=voice.id, how=voice.how_to_get, checkpoints=brought
        )
    return voice
